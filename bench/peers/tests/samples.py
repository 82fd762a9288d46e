"""Samples and records made by hand, for the tests."""

from sidebyside.measure import Sample
from sidebyside.record import Measured, Piece, Record

MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "memory_kib": 8 << 20,
    "kernel": "Linux 6",
    "load_average_before": 0.5,
}


def sample(**changes):
    """A sample of a full proxy core on a quiet machine, with some figures changed."""
    figures = {
        "peer": "nginx",
        "round": 1,
        "errors": 0,
        "rss_kib": 2048,
        "seconds": 3.0,
        "requests": 3000,
        "per_second": 1000.0,
        "cpu_us": 20.0,
        "user_us": 5.0,
        "system_us": 15.0,
        "tick_cpu_us": 20.0,
        "p50_us": 100.0,
        "p99_us": 200.0,
        "p999_us": 400.0,
        "lag_p99_us": 10.0,
        "proxy_core_idle": 0.0,
        "load_core_idle": 0.3,
        "foreign": 0.0,
    }
    return Sample(**{**figures, **changes})


def idle_sample(**changes):
    """A sample of idle connections."""
    figures = {"peer": "nginx", "round": 1, "errors": 0, "rss_kib": 7048, "idle_kib": 0.5}
    return Sample(**{**figures, "rss_before_kib": 2048, **changes})


def rounds(peer, cpu_us, **changes):
    """A peer's samples with these CPU times, one for each round."""
    numbered = enumerate(cpu_us, 1)
    return [sample(peer=peer, round=number, cpu_us=value, **changes) for number, value in numbered]


def measured(name, samples, kind="saturation", **changes):
    """A scenario with these samples."""
    count = max((one.round for one in samples), default=0)
    values = {"heading": f"the {name} scenario", "connections": 64, "rounds": count, **changes}
    return Measured(name, kind=kind, samples=list(samples), **values)


def record(*scenarios):
    """A record of one piece."""
    return Record(
        terms={"seconds": 1.5, "warmup": 0.5, "versions": {"nginx": "1.2.3"}},
        skipped=[{"what": "corelane", "why": "not built"}],
        commands=["bench/peers/run"],
        pieces=[Piece("2026-01-01 00:00 UTC", "2026-01-01 01:00 UTC", MACHINE, "abc")],
        scenarios=list(scenarios),
    )
