"""Plays one case: sends its bytes, reads what comes back, then sends a probe on the same connection.

The probe is an ordinary request. Whether it is answered, with its own answer, tells whether the gateway and the
client still agree on where requests begin.
"""

import itertools
import re
import socket
from dataclasses import dataclass, field

from origin import PROBE
from wire import Ended, Response, Seen, Stream, connect, read_response, wait_until

PATIENCE = 3.0
"""Seconds within which an answer that is due has to come."""
SILENCE = 0.3
"""Seconds without an answer after which none is expected."""
LATE = re.compile(re.escape(PROBE) + rb"\d+\Z")
"""The probe of an earlier case, which the gateway sends on only now that its origin answers again."""
numbers = itertools.count(1)


@dataclass
class Result:
    responses: list[Response] = field(default_factory=list)
    """Final answers before the probe's, in order."""
    interim: list[int] = field(default_factory=list)
    probe: Response | None = None
    probe_sent: bool = False
    silent: bool = False
    """Nothing came while something was waited for."""
    end: str = ""
    """How the gateway ended the connection: `closed`, `reset`, or not at all."""
    garbage: str = ""
    """What came and is no response."""
    seen: list[Seen] = field(default_factory=list)
    probe_seen: list[Seen] = field(default_factory=list)
    hanging: bool = False
    """Long after the end, the origin still waits for the rest of a request."""


class Exchange:
    def __init__(self, case, port, origin):
        self.case, self.origin = case, origin
        self.stream = Stream(connect(port))
        self.result = Result()
        self.probe = PROBE + b"%d" % next(numbers)

    def probe_request(self):
        return b"GET " + self.probe + b" HTTP/1.1\r\nHost: probe.example\r\nConnection: close\r\n\r\n"

    def expected(self):
        """How many final answers the case's bytes have to bring."""
        if self.case.outcome == "wait":
            return 0
        return len(self.case.requests) if self.case.outcome == "accept" else 1

    def run(self, together):
        """`together`: the probe is sent in one piece with the case, else after its answer."""
        with self.stream.connection:
            if together:
                self.send(b"".join(self.case.pieces) + self.probe_request())
                self.result.probe_sent = True
                self.read(lambda: self.result.probe)
            else:
                self.one_after_the_other()
            self.finish()
        self.result.hanging = not wait_until(self.origin.idle, PATIENCE)
        for seen in self.origin.seen:
            if seen.target == self.probe:
                self.result.probe_seen.append(seen)
            elif not LATE.match(seen.target):
                self.result.seen.append(seen)
        return self.result

    def one_after_the_other(self):
        for piece in self.case.pieces[:-1]:
            self.send(piece)
            self.read(lambda: False, SILENCE)
        self.result.silent = False
        self.send(self.case.pieces[-1])
        if self.expected() == 0:
            self.read(lambda: self.result.responses, SILENCE)
        else:
            self.read(lambda: len(self.result.responses) >= self.expected())
        if self.case.probe and not (self.result.end or self.result.silent or self.result.garbage):
            self.send(self.probe_request())
            self.result.probe_sent = True
            self.read(lambda: self.result.probe)

    def finish(self):
        """Ends the sending and reads on to the end."""
        if self.result.end or self.result.garbage:
            return
        was_silent = self.result.silent
        try:
            self.stream.connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.read(lambda: False, PATIENCE if self.case.outcome == "wait" else SILENCE)
        self.result.silent = was_silent

    def send(self, data):
        try:
            self.stream.connection.sendall(data)
        except OSError:
            pass  # The gateway has closed already; its answer may be there to read.

    def read(self, enough, seconds=PATIENCE):
        """Takes in responses until it is enough, the connection ends, or nothing comes."""
        result = self.result
        while not (enough() or result.end or result.garbage):
            try:
                response = read_response(self.stream, self.method_of, seconds)
            except Ended as end:
                result.end = str(end)
                return
            except ValueError as error:
                result.garbage = str(error)
                return
            if response is None:
                result.silent = True
                return
            self.take(response)

    def take(self, response):
        if response.status < 200 and response.status != 101:
            self.result.interim.append(response.status)
        elif response.serial and self.request_of(response).target == self.probe:
            self.result.probe = response
        else:
            self.result.responses.append(response)
            if not response.whole:
                self.result.end = self.stream.ended or "reset"

    def request_of(self, response):
        """The request that the origin answered with this."""
        for seen in self.origin.seen:
            if seen.serial == response.serial:
                return seen
        return Seen(0, 0, method=b"GET")

    def method_of(self, response):
        if response.serial:
            return self.request_of(response).method
        return b"GET" if self.result.responses else self.case.method
