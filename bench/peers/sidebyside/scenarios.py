"""The work that every peer is given. A row here is a scenario.

A protocol joins in three places: a field here for what differs on the wire, its words for the generator
and the origin in `measure`, and a configuration of each peer that speaks it in `peers`. Whoever has none
is named as skipped. The rows for TLS and HTTP/2 belong at the end of the table.
"""

from dataclasses import dataclass
from enum import Enum

KIB = 1024
MIB = 1024 * KIB


class Kind(Enum):
    """How a scenario loads a peer, and so which figures it has."""

    SATURATION = "saturation"  # as fast as the replies come
    FIXED_RATE = (
        "fixed rate"  # at half of the base's saturation, latency from when a request was due
    )
    IDLE = "idle"  # connections that have made one request and wait
    ROUTES = "routes"  # saturation, next to the same with one route


@dataclass(frozen=True)
class Scenario:
    """One kind of work; all of them ask for `configuration.PATH`."""

    name: str
    heading: str
    connections: int
    kind: Kind = Kind.SATURATION
    reply_bytes: int = KIB
    request_bytes: int = 0  # of a POST; 0 is a GET
    keep_alive: bool = True
    routes: int = 1


SCENARIOS = (
    Scenario("1KiB", "1 KiB replies", 64),
    Scenario("64KiB", "64 KiB replies", 64, reply_bytes=64 * KIB),
    Scenario("1MiB", "1 MiB replies", 16, reply_bytes=MIB),
    Scenario("post-16KiB", "16 KiB POST", 64, reply_bytes=128, request_bytes=16 * KIB),
    Scenario("connect", "A connection for each request", 64, keep_alive=False),
    Scenario("half-rate", "1 KiB at a fixed rate", 64, Kind.FIXED_RATE),
    Scenario("idle", "10,000 idle connections", 10_000, Kind.IDLE),
    Scenario("1000-routes", "1,000 routes", 64, Kind.ROUTES, routes=1000),
)
