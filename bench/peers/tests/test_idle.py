"""Connections that wait, and memory that settles."""

import socket
import threading
import time
import unittest
from unittest import mock

from sidebyside import idle
from sidebyside.processes import Failed


class Server:
    """Answers one request on each connection, then keeps it or ends it, by turns."""

    def __init__(self, reply, end_every=0):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._reply, self._end_every, self.kept = reply, end_every, []
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self.kept:
            one.close()

    def _serve(self):
        try:
            while True:
                self._answer(self._listener.accept()[0])
        except OSError:
            pass  # the end of the test

    def _answer(self, connection):
        self.kept.append(connection)
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(4096)
        connection.sendall(self._reply)
        if self._end_every and len(self.kept) % self._end_every == 0:
            connection.shutdown(socket.SHUT_WR)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Held(unittest.TestCase):
    def test_all_have_made_a_request_and_are_open(self):
        with Server(OK) as server, idle.Connections(server.port, 120) as connections:
            self.assertEqual(connections.ended(), 0)

    def test_end_with_a_reset_that_leaves_no_port_waiting(self):
        with Server(OK) as server:
            with idle.Connections(server.port, 3):
                pass
            for connection in server.kept:
                with self.assertRaises(ConnectionResetError):
                    connection.recv(1)

    def test_those_that_the_peer_has_ended_are_counted(self):
        with Server(OK, end_every=10) as server, idle.Connections(server.port, 120) as connections:
            deadline = time.monotonic() + 5
            # The last end may still be on its way.
            while connections.ended() < 12 and time.monotonic() < deadline:
                pass
            self.assertEqual(connections.ended(), 12)

    def test_a_refusal_is_no_reply(self):
        reply = OK.replace(b"200 OK", b"503 No")
        with Server(reply) as server:
            with self.assertRaisesRegex(
                Failed, "with 50 of 60 connections open: it answers HTTP/1.1 503 No"
            ):
                idle.Connections(server.port, 60).__enter__()

    def test_a_reply_that_is_cut_short_is_none(self):
        reply = OK.replace(b"5", b"500")
        with Server(reply, end_every=1) as server:
            with self.assertRaisesRegex(Failed, "it has closed the connection"):
                idle.Connections(server.port, 1).__enter__()

    def test_a_peer_that_is_not_there_is_told_with_the_number(self):
        with self.assertRaisesRegex(Failed, "with 0 of 10 connections open: "):
            idle.Connections(1, 10).__enter__()


class Settled(unittest.TestCase):
    def test_memory_that_goes_on_growing_is_read_at_last(self):
        readings = iter(range(0, 10**9, 1000))
        with (
            mock.patch.object(idle, "SETTLE_SECONDS", 0.05),
            mock.patch.object(idle, "LOOK_SECONDS", 0.01),
        ):
            self.assertGreater(idle.settled(lambda: next(readings)), 0)
        steady = iter([5000, 1000, 1010])
        with mock.patch.object(idle, "LOOK_SECONDS", 0):
            self.assertEqual(idle.settled(lambda: next(steady)), 1010)


if __name__ == "__main__":
    unittest.main()
