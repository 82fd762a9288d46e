"""What the real-peer checks share: the program, its peers, clients, and waiting for conditions.

Everything is on loopback, on ports that the kernel chooses, in a directory that is removed at the end;
only processes that were started here are ended, by pid.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAM = os.environ.get("CORELANE", str(BUILT / "release/corelane"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {seconds} s")


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False


class Process:
    """A process of ours, ended with the block that started it."""

    def __init__(self, command, log, **more):
        self.log = open(log, "w+")
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, start_new_session=True, **more
        )

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        self.log.flush()
        return Path(self.log.name).read_text()

    def send(self, number):
        os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, seconds=15):
        if self.process.poll() is None:
            os.killpg(self.pid, number)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self.process.wait()
        self.log.close()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Corelane(Process):
    """The program with a configuration that may be rewritten while it runs."""

    def __init__(self, directory, text, **more):
        self.config = directory / "corelane.yaml"
        self.config.write_text(text)
        super().__init__([PROGRAM, "run", "-c", str(self.config)], directory / "corelane.log", **more)
        wait_until("corelane is ready", self.is_ready)

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError("corelane did not start:\n" + self.text())
        return re.search(r"ready generation \d+", self.text())

    def generation(self):
        return max(map(int, re.findall(r"ready generation (\d+)", self.text())), default=0)

    def port(self, name):
        return int(re.search(rf"listening 127\.0\.0\.1:(\d+) {re.escape(name)}\b", self.text()).group(1))

    def reload(self, text, wait=True):
        before = self.generation()
        self.config.write_text(text)
        self.send(signal.SIGHUP)
        if wait:
            wait_until("the reload", lambda: self.generation() > before)


class RawOrigin:
    """An origin that answers each connection with a function of its own, in a thread each."""

    def __init__(self, serve):
        self.serve, self.heads, self.connections = serve, [], 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.run, args=(connection,), daemon=True).start()

    def run(self, connection):
        try:
            with connection:
                self.serve(self, connection)
        except OSError:
            pass

    def close(self):
        self.listener.close()


def read_head(connection, more=b""):
    """The bytes up to the end of a head, and those behind it."""
    while b"\r\n\r\n" not in more:
        piece = connection.recv(65536)
        if not piece:
            return more, b""
        more += piece
    head, _, rest = more.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def field(head, name):
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def read_exactly(connection, rest, length):
    while len(rest) < length:
        piece = connection.recv(65536)
        if not piece:
            raise OSError("the request was cut off")
        rest += piece
    return rest[:length], rest[length:]


def read_line(connection, rest):
    while b"\r\n" not in rest:
        piece = connection.recv(65536)
        if not piece:
            raise OSError("the request was cut off")
        rest += piece
    line, _, rest = rest.partition(b"\r\n")
    return line, rest


def read_chunked(connection, rest):
    body = b""
    while True:
        line, rest = read_line(connection, rest)
        length = int(line, 16)
        piece, rest = read_exactly(connection, rest, length)
        body += piece
        end, rest = read_line(connection, rest)
        assert end == b"", "a chunk without its end, or trailers"
        if length == 0:
            return body, rest


def echo(origin, connection):
    """Answers every request with its own head and body."""
    rest = b""
    while True:
        head, rest = read_head(connection, rest)
        if not head.endswith(b"\r\n\r\n"):
            return
        origin.heads.append(head)
        if field(head, b"transfer-encoding"):
            body, rest = read_chunked(connection, rest)
        else:
            body, rest = read_exactly(connection, rest, int(field(head, b"content-length") or 0))
        body = head + body
        reply = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n" % len(body)
        connection.sendall(reply + body)


def resident_kib(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", text).group(1))


class Report:
    """Counts checks and prints them as they come; the last line is for whoever counts."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, function, *arguments):
        started = time.monotonic()
        try:
            note = function(*arguments)
        except Exception as error:  # a check that fails must not hide the next one
            self.failed += 1
            print(f"FAILED {name}: {error}", flush=True)
            return
        self.passed += 1
        print(f"ok {name} ({time.monotonic() - started:.1f} s){': ' + str(note) if note else ''}", flush=True)

    def skip(self, name, why):
        self.skipped += 1
        print(f"skipped {name}: {why}", flush=True)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        sys.exit(1 if self.failed else 0)


def which(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def workspace():
    return tempfile.TemporaryDirectory(prefix="corelane-peers-")
