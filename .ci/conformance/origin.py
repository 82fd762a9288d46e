"""The origin behind the gateway: reads strictly, records everything, answers with a serial number.

A request belongs to the case during which its first byte arrived. Whoever follows the serial numbers knows
which answer went where.
"""

import itertools
import socket
import threading

from wire import Ended, Seen, Stream, read_request

PROBE = b"/probe/"
"""Requests to below this are the harness's own; they are answered in the default way, whatever the case says."""


class Origin:
    def __init__(self):
        self.lock = threading.Lock()
        self.seen = []
        self.serials = itertools.count(1)
        self.connections = itertools.count(1)
        self.busy = 0
        self.reply, self.reply_closes = None, False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def begin(self, reply, closes):
        """From now on requests belong to a new case, and those that are no probes get this reply (None: the default)."""
        with self.lock:
            self.seen = []
            self.reply, self.reply_closes = reply, closes

    def idle(self):
        """Whether no request is half read."""
        return self.busy == 0

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection, next(self.connections)), daemon=True).start()

    def serve(self, connection, number):
        stream = Stream(connection)
        try:
            with connection:
                while self.one(stream, number):
                    pass
        except (Ended, OSError):
            pass

    def one(self, stream, number):
        """Reads and answers one request. False: the connection is done with."""
        if not stream.buffer:
            while not stream.fill(3600):
                pass
        with self.lock:
            seen = Seen(next(self.serials), number)
            self.seen.append(seen)
            reply, closes = self.reply, self.reply_closes
            self.busy += 1
        try:
            read_request(stream, seen)
        finally:
            with self.lock:
                self.busy -= 1
        if reply is None or seen.target.startswith(PROBE):
            reply, closes = self.default(seen), seen.minor == b"0" or b"close" in b",".join(seen.values(b"connection")).lower()
        stream.connection.sendall(reply)
        return not closes

    @staticmethod
    def default(seen):
        body = b"seen %d\n" % seen.serial
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nX-Serial: %d\r\n\r\n" % (len(body), seen.serial)
        return head if seen.method == b"HEAD" else head + body

    def close(self):
        self.listener.close()
