"""Holds many connections that have made one request each and then say nothing."""

import selectors
import socket
import struct
import time

from .configuration import PATH
from .processes import Failed

# Opened, asked and read together, so that neither side waits for the other after each of them.
BATCH = 50
TIMEOUT_SECONDS = 5

# Memory has settled when it differs by less than this from one look to the next.
SETTLED_KIB = 64
LOOK_SECONDS = 0.1
SETTLE_SECONDS = 3

# Closing by a reset leaves no port waiting for the next sample.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connections:
    """Connections to a port of this machine; leaving the `with` block resets them."""

    def __init__(self, port, count):
        self._address = ("127.0.0.1", port)
        self._count = count
        self._open = []

    def __enter__(self):
        try:
            while len(self._open) < self._count:
                self._more(min(BATCH, self._count - len(self._open)))
        except OSError as error:
            opened = len(self._open)
            self.__exit__()
            raise Failed(f"with {opened} of {self._count} connections open: {error}") from error
        return self

    def __exit__(self, *_):
        for one in self._open:
            one.close()
        self._open.clear()

    def ended(self):
        """How many of them the other side has ended, or written to."""
        with selectors.DefaultSelector() as selector:
            for one in self._open:
                selector.register(one, selectors.EVENT_READ)
            return len(selector.select(0))

    def _more(self, count):
        request = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        batch = []
        for _ in range(count):
            one = socket.create_connection(self._address, TIMEOUT_SECONDS)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._open.append(one)
            batch.append(one)
        for one in batch:
            one.sendall(request)
        for one in batch:
            read_reply(one)


def read_reply(connection):
    """Reads one reply with a Content-Length to its end."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    if " 200" not in status:
        raise OSError(f"it answers {status}")
    fields = dict(line.lower().split(":", 1) for line in lines)
    missing = int(fields["content-length"]) - len(body)
    while missing > 0:
        missing -= len(_some(connection))


def settled(read):
    """Waits until what `read` returns changes no more, for a few seconds at most."""
    deadline = time.monotonic() + SETTLE_SECONDS
    last = read()
    while time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        now = read()
        if abs(now - last) < SETTLED_KIB:
            return now
        last = now
    return last


def _some(connection):
    received = connection.recv(65536)
    if not received:
        raise OSError("it has closed the connection")
    return received
