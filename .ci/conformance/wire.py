"""Messages on the wire: a client's reader of responses, and the origin's strict reader of requests.

The origin's reader is deliberately a second opinion: it was written without looking at the codec, and it calls
everything a problem that some server might read in another way.
"""

import re
import socket
import time
from dataclasses import dataclass, field

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
LENGTH = re.compile(rb"(?:0|[1-9][0-9]*)\Z")
SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}\Z")
BAD_IN_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])\Z")
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*)?\Z")


class Ended(Exception):
    """The other side closed, or the time was over."""


class Stream:
    """A socket with what was read from it and not taken yet."""

    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""
        self.ended = ""

    def fill(self, seconds):
        """Reads more. False when nothing came in time; Ended at the end."""
        if self.ended:
            raise Ended(self.ended)
        self.connection.settimeout(max(seconds, 0.001))
        try:
            piece = self.connection.recv(65536)
        except TimeoutError:
            return False
        except OSError:
            self.ended = "reset"
            raise Ended("reset") from None
        if not piece:
            self.ended = "closed"
            raise Ended("closed")
        self.buffer += piece
        return True

    def need(self, enough, seconds=30.0):
        """Reads until `enough` says so of the buffer. Ended at the end, or when nothing comes any more."""
        while not enough():
            if not self.fill(seconds):
                raise Ended("silence")

    def take(self, count):
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def exactly(self, count, seconds=30.0):
        self.need(lambda: len(self.buffer) >= count, seconds)
        return self.take(count)

    def until(self, mark, seconds=30.0):
        """What comes before the mark; the mark is taken too."""
        self.need(lambda: mark in self.buffer, seconds)
        before = self.take(self.buffer.index(mark))
        self.take(len(mark))
        return before


@dataclass
class Seen:
    """A request as the origin saw it."""

    serial: int
    connection: int
    method: bytes = b""
    target: bytes = b""
    minor: bytes = b"1"
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    whole: bool = False
    problems: list[str] = field(default_factory=list)

    def values(self, name):
        return [value for key, value in self.fields if key == name]

    def __str__(self):
        end = "" if self.whole else " (not whole)"
        return f"{self.method.decode('latin-1')} {self.target.decode('latin-1')} {self.body!r}{end}"


def read_fields(lines, problems):
    """Field lines, each checked."""
    fields = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(name):
            problems.append(f"the field line {line[:60]!r}")
        if BAD_IN_VALUE.search(value):
            problems.append(f"a control character in {line[:60]!r}")
        fields.append((name.lower(), value.strip(b" \t")))
    return fields


def read_request(stream, seen):
    """Reads one request into `seen`, which is told as soon as there is something to tell."""
    lines = stream.until(b"\r\n\r\n").split(b"\r\n")
    found = REQUEST_LINE.match(lines[0])
    if not found:
        seen.problems.append(f"the request line {lines[0][:80]!r}")
        raise Ended("not a request")
    seen.method, seen.target, seen.minor = found.groups()
    seen.fields = read_fields(lines[1:], seen.problems)
    if len(seen.values(b"host")) != 1 and (seen.minor == b"1" or seen.values(b"host")):
        seen.problems.append(f"{len(seen.values(b'host'))} Host fields")
    lengths, codings = seen.values(b"content-length"), seen.values(b"transfer-encoding")
    if lengths and codings:
        seen.problems.append("Content-Length and Transfer-Encoding")
    if len(lengths) > 1 or any(not LENGTH.match(value) for value in lengths):
        seen.problems.append(f"Content-Length {lengths}")
    if len(codings) > 1 or any(value.lower() != b"chunked" for value in codings) or (codings and seen.minor == b"0"):
        seen.problems.append(f"Transfer-Encoding {codings}")
    if seen.problems and (lengths or codings):
        raise Ended("no certain framing")
    if any(b"100-continue" == value.lower() for value in seen.values(b"expect")):
        stream.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if codings:
        read_chunks(stream, seen)
    elif lengths:
        seen.body = stream.exactly(int(lengths[0]))
    seen.whole = True


def read_chunks(stream, seen):
    while True:
        line = stream.until(b"\r\n")
        size, semicolon, extension = line.partition(b";")
        if not SIZE.match(size) or BAD_IN_VALUE.search(extension) or (semicolon and not extension):
            seen.problems.append(f"the chunk line {line[:60]!r}")
            raise Ended("no certain framing")
        if int(size, 16) == 0:
            break
        seen.body += stream.exactly(int(size, 16))
        if stream.exactly(2) != b"\r\n":
            seen.problems.append("a chunk without its line end")
            raise Ended("no certain framing")
    trailers = []
    while line := stream.until(b"\r\n"):
        trailers.append(line)
    for name, _ in read_fields(trailers, seen.problems):
        if name in (b"content-length", b"transfer-encoding", b"host", b"authorization", b"connection"):
            seen.problems.append(f"the trailer {name!r}")


@dataclass
class Response:
    """A response as the client saw it."""

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    whole: bool = True

    def values(self, name):
        return [value for key, value in self.fields if key == name]

    @property
    def serial(self):
        """The number that the origin gave to the request which this answers; None if it gave none."""
        found = self.values(b"x-serial")
        return int(found[0]) if found else None

    @property
    def says_close(self):
        return any(b"close" in value.lower() for value in self.values(b"connection"))


def read_response(stream, method_of, seconds):
    """Reads one response. None when nothing comes in time; Ended at the end; ValueError for what is not one.

    `method_of(response)` tells the request's method, which decides whether there is a body.
    """
    try:
        stream.need(lambda: b"\r\n\r\n" in stream.buffer, seconds)
    except Ended as end:
        if stream.buffer:
            raise ValueError(f"not a response: {stream.buffer[:120]!r}") from None
        if str(end) == "silence":
            return None
        raise
    lines = stream.until(b"\r\n\r\n").split(b"\r\n")
    found, problems = STATUS_LINE.match(lines[0]), []
    if not found:
        raise ValueError(f"not a status line: {lines[0][:120]!r}")
    response = Response(int(found[1]), read_fields(lines[1:], problems))
    lengths, codings = response.values(b"content-length"), response.values(b"transfer-encoding")
    if problems or len(lengths) + len(codings) > 1 or any(not LENGTH.match(length) for length in lengths):
        raise ValueError(f"a response of uncertain framing: {problems} {lengths} {codings}")
    status = response.status
    if status < 200 or status in (204, 304) or method_of(response) == b"HEAD":
        return response
    try:
        read_response_body(stream, response, lengths, codings)
    except Ended:
        response.whole = False
    return response


def read_response_body(stream, response, lengths, codings):
    if codings:
        chunks = Seen(0, 0)
        try:
            read_chunks(stream, chunks)
        finally:
            response.body = chunks.body
        if chunks.problems:
            raise ValueError(f"a response with {chunks.problems}")
    elif lengths:
        wanted = int(lengths[0])
        try:
            stream.need(lambda: len(stream.buffer) >= wanted)
        finally:
            response.body = stream.take(wanted)
    else:
        try:
            while True:
                stream.need(lambda: False)
        except Ended as end:
            response.body = stream.take(len(stream.buffer))
            if str(end) != "closed":
                raise


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port), 5)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def wait_until(condition, seconds):
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True
