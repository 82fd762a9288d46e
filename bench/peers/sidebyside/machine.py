"""What the benchmark ran on, and how busy its cores were."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CoreTime:
    """Clock ticks of one core: all, and those in which it had nothing to run."""

    total: int
    idle: int

    def idle_share_since(self, earlier):
        """The share of the time between two readings in which the core was idle, 0 to 1."""
        total = self.total - earlier.total
        return (self.idle - earlier.idle) / total if total else 0.0


def parse_cpus(text):
    """The cores of a list such as 1 or 2,3."""
    cpus = [int(word) for word in text.split(",")]
    if len(set(cpus)) != len(cpus):
        raise ValueError(f"{text} names a core twice")
    return cpus


def core_time(cpu, stat=Path("/proc/stat")):
    """Reads one core's account. Guest time is part of user time and not counted again."""
    for line in stat.read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{cpu}":
            ticks = [int(field) for field in fields[:8]]
            return CoreTime(total=sum(ticks), idle=ticks[3] + ticks[4])
    raise LookupError(f"there is no core {cpu}")


def describe():
    """The machine in words that say nothing about whose it is."""
    return {
        "processor": _field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_kib": int(_field("/proc/meminfo", "MemTotal").split()[0]),
        "kernel": f"{platform.system()} {platform.release()}",
        "load_average_before": os.getloadavg()[0],
    }


def _field(path, name):
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "0 unknown"
