"""Takes samples: one peer, one round, one run of the load generator."""

import json
import os
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from . import machine
from .processes import CpuTime, Failed, Program, free_ports

TICK_NANOSECONDS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Bench:
    """Where things run: the generator's binary, and the two cores."""

    loadtest: str
    proxy_cpu: int
    load_cpu: int


@dataclass(frozen=True)
class Sample:
    """One peer in one round. Shares are of the sample's time, 0 to 1."""

    peer: str
    round: int
    seconds: float
    requests: int
    errors: int
    per_second: float
    cpu_us: float  # CPU microseconds of the proxy's processes per request
    user_us: float
    system_us: float
    tick_cpu_us: float  # cpu_us by the coarser account, as a check
    p50_us: float
    p99_us: float
    rss_kib: int
    proxy_core_idle: float
    load_core_idle: float
    foreign: float  # of the busier core: neither idle nor ours

    def as_dict(self):
        """For the raw data."""
        return asdict(self)


@dataclass(frozen=True)
class Readings:
    """The accounts of both programs and both cores at one moment."""

    proxy: CpuTime
    origin: CpuTime
    proxy_core: machine.CoreTime
    load_core: machine.CoreTime


@dataclass(frozen=True)
class Stage:
    """A scenario with its origin serving, for one proxy after the other."""

    bench: Bench
    scenario: Any
    origin: Program
    origin_port: int

    @contextmanager
    def proxy(self, peer, binary):
        """A peer in front of the origin, serving; yields the program and its port."""
        (port,) = free_ports(1)
        with tempfile.TemporaryDirectory() as directory:
            # Programs that are started as root give their workers another user.
            os.chmod(directory, 0o755)
            command = peer.command(binary, peer.configure(directory, port, self.origin_port))
            with Program(peer.name, command, self.bench.proxy_cpu, directory) as program:
                program.wait_until_serving(port, self.scenario.reply_bytes)
                yield program, port

    def load(self, seconds, port):
        """Runs the generator and returns its report."""
        command = [self.bench.loadtest, "run", "--json", "--cpu", str(self.bench.load_cpu)]
        command += ["--connections", str(self.scenario.connections)]
        command += ["--duration", f"{round(seconds * 1000)}ms", f"http://127.0.0.1:{port}/"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"the load generator failed: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def sample(self, program, port, seconds, round_number):
        """Loads a running proxy once and reads every account before and after."""
        before = self._read(program)
        report = self.load(seconds, port)
        after = self._read(program)
        program.check_alive()
        # Refused requests cost the proxy something, too: all that it answered share the cost.
        answered = report["replies"]
        return Sample(
            peer=program.name,
            round=round_number,
            seconds=report["elapsed_s"],
            requests=report["good"],
            errors=report["errors"],
            per_second=report["good_per_s"],
            p50_us=report["latency_us"]["p50"],
            p99_us=report["latency_us"]["p99"],
            rss_kib=program.rss_kib(),
            **cost(after.proxy - before.proxy, answered),
            **shares(before, after, report),
        )

    def _read(self, program):
        return Readings(
            proxy=program.cpu_time(),
            origin=self.origin.cpu_time(),
            proxy_core=machine.core_time(self.bench.proxy_cpu),
            load_core=machine.core_time(self.bench.load_cpu),
        )


@contextmanager
def stage(bench, scenario):
    """Starts the origin of a scenario and yields the stage."""
    (port,) = free_ports(1)
    command = [bench.loadtest, "origin", "--address", f"127.0.0.1:{port}"]
    command += ["--size", str(scenario.reply_bytes), "--cpu", str(bench.load_cpu)]
    with tempfile.TemporaryDirectory() as directory:
        with Program("origin", command, bench.load_cpu, directory) as program:
            program.wait_until_serving(port, scenario.reply_bytes)
            yield Stage(bench, scenario, program, port)


def cost(used, answered):
    """CPU microseconds per request, split by the coarser account."""
    ticks = used.user_ticks + used.system_ticks
    cpu_us = used.nanoseconds / 1e3 / answered
    user_us = cpu_us * used.user_ticks / ticks if ticks else 0.0
    return {
        "cpu_us": cpu_us,
        "user_us": user_us,
        "system_us": cpu_us - user_us,
        "tick_cpu_us": ticks * TICK_NANOSECONDS / 1e3 / answered,
    }


def shares(before, after, report):
    """How the two cores spent the time of a sample."""
    wall = report["elapsed_s"]
    proxy_busy = (after.proxy - before.proxy).nanoseconds / 1e9 / wall
    origin_busy = (after.origin - before.origin).nanoseconds / 1e9 / wall
    load_busy = origin_busy + sum(report["worker_busy"])
    proxy_idle = after.proxy_core.idle_share_since(before.proxy_core)
    load_idle = after.load_core.idle_share_since(before.load_core)
    return {
        "proxy_core_idle": proxy_idle,
        "load_core_idle": load_idle,
        "foreign": max(0.0, 1 - proxy_idle - proxy_busy, 1 - load_idle - load_busy),
    }
