"""Starts programs on a core, waits until they serve, reads what they cost, and ends them."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .configuration import PATH

START_SECONDS = 10
POLL_SECONDS = 0.02


class Failed(Exception):
    """A program did not start, did not serve, or ended too early; the text says which and why."""


@dataclass(frozen=True)
class CpuTime:
    """CPU time of a set of threads: the scheduler's own account, and the split in clock ticks."""

    nanoseconds: int
    user_ticks: int
    system_ticks: int

    def __sub__(self, earlier):
        return CpuTime(
            self.nanoseconds - earlier.nanoseconds,
            self.user_ticks - earlier.user_ticks,
            self.system_ticks - earlier.system_ticks,
        )


class Program:
    """A running program with its children, pinned to cores; leaving the `with` block ends it."""

    def __init__(self, name, command, cpus, directory, environment=None):
        self.name = name
        self._command = ["taskset", "-c", cpus, *command]
        self._directory = directory
        self._environment = {**os.environ, **(environment or {})}
        self._log = Path(directory) / f"{name}.log"
        self._process = None

    def __enter__(self):
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(self, *_):
        # At once, and its children with it: some take ten seconds to end when they are asked to.
        for pid in family(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def wait_until_serving(self, port, reply_bytes):
        """Waits for a complete reply of the right size: a proxy that answers 502 measures fast."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            self.check_alive()
            try:
                status, size = fetch(port)
            except (OSError, http.client.HTTPException) as error:
                problem = str(error)
            else:
                if (status, size) == (200, reply_bytes):
                    return
                problem = f"it answers {status} with {size} bytes"
            if time.monotonic() > deadline:
                raise Failed(f"{self.name} does not serve: {problem}{self._said()}")
            time.sleep(POLL_SECONDS)

    def check_alive(self):
        """Raises when the program has ended by itself."""
        code = self._process.poll()
        if code is not None:
            raise Failed(f"{self.name} ended with {code}{self._said()}")

    def cpu_time(self):
        """What all its threads, and those of its children, have used so far."""
        return sum_cpu_time(family(self._process.pid))

    def rss_kib(self):
        """The sum of the resident sets; pages that its processes share count more than once."""
        return sum(resident_kib(pid) for pid in family(self._process.pid))

    def _said(self):
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return ": " + " | ".join(lines[-3:]) if lines else ""


def fetch(port):
    """One request over a connection of its own: the status and the body's size."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", PATH)
        reply = connection.getresponse()
        return reply.status, len(reply.read())
    finally:
        connection.close()


def free_ports(count):
    """Ports that nothing listens on just now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def family(pid):
    """A process and all its descendants."""
    found = [pid]
    for parent in found:
        for thread in _threads(parent):
            children = _read(thread / "children")
            found.extend(int(child) for child in children.split())
    return found


def sum_cpu_time(pids):
    """The CPU time of all threads of these processes.

    The nanoseconds are summed over the living threads, which is exact as long as none ends; the
    ticks are the processes' own and include threads that have ended.
    """
    nanoseconds = user = system = 0
    for pid in pids:
        for thread in _threads(pid):
            nanoseconds += int((_read(thread / "schedstat").split() or [0])[0])
        # The name in parentheses may hold spaces; utime and stime are fields 14 and 15 of all.
        fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
        if fields:
            user += int(fields[11])
            system += int(fields[12])
    return CpuTime(nanoseconds, user, system)


def resident_kib(pid):
    """VmRSS of one process, 0 when it has ended."""
    for line in _read(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def _threads(pid):
    try:
        return [Path(entry.path) for entry in os.scandir(f"/proc/{pid}/task")]
    except FileNotFoundError:
        return []


def _read(path):
    """A file of /proc; empty when its process has ended meanwhile."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
