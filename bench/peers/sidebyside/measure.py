"""Takes samples: one peer, one round of one scenario."""

import json
import os
import resource
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from statistics import mean
from typing import Any, Mapping, Optional

from . import configuration, idle, machine
from .processes import CpuTime, Failed, Program, free_ports
from .scenarios import Kind

TICK_NANOSECONDS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
# Connections of the load before a sample of idle ones: what the peer has in memory anyway.
WARMUP_CONNECTIONS = 64


@dataclass(frozen=True)
class Bench:
    """Where things run, and for how long."""

    loadtest: str
    proxy_cpu: int
    load_cpus: list[int]
    origin_cpus: list[int]
    seconds: float
    warmup: float


@dataclass(frozen=True)
class Sample:
    """One peer in one round. Shares are of the sample's time, 0 to 1. What a scenario does not measure
    is None."""

    peer: str
    round: int
    errors: int
    rss_kib: int  # of all its processes, at the end
    piece: int = 0  # of the record
    seconds: Optional[float] = None
    requests: Optional[int] = None
    per_second: Optional[float] = None
    cpu_us: Optional[float] = None  # CPU microseconds of the proxy's processes per request
    user_us: Optional[float] = None
    system_us: Optional[float] = None
    tick_cpu_us: Optional[float] = None  # cpu_us by the coarser account, as a check
    p50_us: Optional[float] = None
    p99_us: Optional[float] = None
    p999_us: Optional[float] = None
    lag_p99_us: Optional[float] = None  # how late the generator itself was, at a fixed rate
    proxy_core_idle: Optional[float] = None
    load_core_idle: Optional[float] = None  # of the fullest of them
    foreign: Optional[float] = None  # of the busier side: neither idle nor ours
    one_route_cpu_us: Optional[float] = None
    routes_ratio: Optional[float] = None  # cpu_us over one_route_cpu_us
    rss_before_kib: Optional[int] = None
    idle_kib: Optional[float] = None  # per connection

    def as_dict(self):
        """For the raw data, without what was not measured."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Readings:
    """The accounts of all programs and cores at one moment."""

    seconds: float
    generator_seconds: float  # of CPU time, of all its runs until now
    proxy: CpuTime
    origin: CpuTime
    cores: Mapping[int, machine.CoreTime]


@dataclass(frozen=True)
class Running:
    """A proxy in front of the origin, serving."""

    program: Program
    port: int


@dataclass(frozen=True)
class Stage:
    """A scenario with its origin serving, for one proxy after the other."""

    bench: Bench
    scenario: Any
    rate: Optional[int]  # requests per second, of a fixed rate
    origin: Program
    origin_port: int

    def take(self, peer, binary, number):
        """One sample of a peer."""
        if self.scenario.kind is Kind.ROUTES:
            return self._beside_one_route(peer, binary, number)
        with self._proxy(peer, binary) as running:
            self._load(running, self.bench.warmup, warming=True)
            if self.scenario.kind is Kind.IDLE:
                return self._hold(running, number)
            return self._sample(running, self.bench.seconds, number)

    def _beside_one_route(self, peer, binary, number):
        """Many routes between two halves of a sample with one, so that a machine that gets slower
        or faster meanwhile favours neither."""
        half = self.bench.seconds / 2
        with self._proxy(peer, binary, routes=1) as one, self._proxy(peer, binary) as many:
            self._load(one, self.bench.warmup, warming=True)
            self._load(many, self.bench.warmup, warming=True)
            before = self._sample(one, half, number).cpu_us
            sample = self._sample(many, self.bench.seconds, number)
            after = self._sample(one, half, number).cpu_us
        one_route = mean((before, after))
        return replace(sample, one_route_cpu_us=one_route, routes_ratio=sample.cpu_us / one_route)

    def _hold(self, running, number):
        """What connections cost that have made one request and wait."""
        before = idle.settled(running.program.rss_kib)
        count = self.scenario.connections
        with idle.Connections(running.port, count) as connections:
            after = idle.settled(running.program.rss_kib)
            running.program.check_alive()
            return Sample(
                peer=running.program.name,
                round=number,
                errors=connections.ended(),
                rss_kib=after,
                rss_before_kib=before,
                idle_kib=(after - before) / count,
            )

    def _sample(self, running, seconds, number):
        """Loads a running proxy once and reads every account before and after."""
        before = self._read(running.program)
        report = self._load(running, seconds)
        after = self._read(running.program)
        running.program.check_alive()
        latency = report["latency_us"]
        # Refused requests cost the proxy something, too: all that it answered share the cost.
        answered = report["replies"]
        return Sample(
            peer=running.program.name,
            round=number,
            errors=report["errors"],
            rss_kib=running.program.rss_kib(),
            seconds=report["elapsed_s"],
            requests=report["good"],
            per_second=report["good_per_s"],
            p50_us=latency["p50"],
            p99_us=latency["p99"],
            p999_us=latency["p99.9"],
            lag_p99_us=report["lag_us"]["p99"] if self.rate else None,
            **cost(after.proxy - before.proxy, answered),
            **shares(self.bench, before, after),
        )

    @contextmanager
    def _proxy(self, peer, binary, routes=None):
        """A peer in front of the origin, with the scenario's routes or as many as are asked."""
        routes = routes or self.scenario.routes
        (port,) = free_ports(1)
        with tempfile.TemporaryDirectory() as directory:
            # Programs that are started as root give their workers another user.
            os.chmod(directory, 0o755)
            path = configuration.write(peer.files, directory, port, self.origin_port, routes)
            cpu = str(self.bench.proxy_cpu)
            command = peer.command(binary, path.name)
            with Program(peer.name, command, cpu, directory, peer.environment) as program:
                program.wait_until_serving(port, self.scenario.reply_bytes)
                yield Running(program, port)

    def _load(self, running, seconds, warming=False):
        """Runs the generator and returns its report."""
        url = f"http://127.0.0.1:{running.port}{configuration.PATH}"
        words = generator_words(self.bench, self.scenario, None if warming else self.rate)
        words += ["--duration", f"{round(seconds * 1000)}ms", url]
        command = [self.bench.loadtest, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"the load generator failed: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def _read(self, program):
        bench = self.bench
        cpus = {bench.proxy_cpu, *bench.load_cpus, *bench.origin_cpus}
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Readings(
            seconds=time.monotonic(),
            generator_seconds=children.ru_utime + children.ru_stime,
            proxy=program.cpu_time(),
            origin=self.origin.cpu_time(),
            cores={cpu: machine.core_time(cpu) for cpu in cpus},
        )


@contextmanager
def stage(bench, scenario, rate=None):
    """Starts the origin of a scenario and yields the stage."""
    (port,) = free_ports(1)
    command = [bench.loadtest, *origin_words(bench, scenario), "--address", f"127.0.0.1:{port}"]
    with tempfile.TemporaryDirectory() as directory:
        with Program("origin", command, cpu_list(bench.origin_cpus), directory) as program:
            program.wait_until_serving(port, scenario.reply_bytes)
            yield Stage(bench, scenario, rate, program, port)


def generator_words(bench, scenario, rate=None):
    """What the generator is told, but for how long and where to."""
    connections = scenario.connections
    if scenario.kind is Kind.IDLE:
        connections = WARMUP_CONNECTIONS
    words = ["run", "--json", "--quiet", "--cpu", cpu_list(bench.load_cpus)]
    words += ["--connections", str(connections)]
    if rate:
        words += ["--rate", f"{rate}/s"]
    if scenario.request_bytes:
        words += ["--method", "POST", "--body-size", str(scenario.request_bytes)]
    if not scenario.keep_alive:
        words.append("--no-keep-alive")
    return words


def origin_words(bench, scenario):
    """What the origin is told, but for where to listen."""
    return ["origin", "--cpu", cpu_list(bench.origin_cpus), "--size", str(scenario.reply_bytes)]


def cpu_list(cpus):
    """Cores in the words of taskset and of the generator."""
    return ",".join(str(cpu) for cpu in cpus)


def from_dict(values):
    """A sample of the raw data; what a later version has added is left out."""
    known = {one.name for one in fields(Sample)}
    return Sample(**{key: value for key, value in values.items() if key in known})


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


def shares(bench, before, after):
    """How the cores spent the time between two readings."""
    wall = after.seconds - before.seconds
    idle_share = {
        cpu: core.idle_share_since(before.cores[cpu]) for cpu, core in after.cores.items()
    }
    proxy_busy = (after.proxy - before.proxy).nanoseconds / 1e9 / wall
    origin_busy = (after.origin - before.origin).nanoseconds / 1e9 / wall
    load_busy = origin_busy + (after.generator_seconds - before.generator_seconds) / wall
    load_idle = [idle_share[cpu] for cpu in {*bench.load_cpus, *bench.origin_cpus}]
    proxy_idle = idle_share[bench.proxy_cpu]
    return {
        "proxy_core_idle": proxy_idle,
        "load_core_idle": min(load_idle),
        "foreign": max(
            0.0, 1 - proxy_idle - proxy_busy, len(load_idle) - sum(load_idle) - load_busy
        ),
    }
