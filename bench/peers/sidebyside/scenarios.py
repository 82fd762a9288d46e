"""The work that every peer is given. A row here is a scenario."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """Keep-alive connections that ask for replies of one size, each as fast as it is answered."""

    name: str
    reply_bytes: int
    connections: int


SCENARIOS = (
    Scenario("1KiB", reply_bytes=1024, connections=64),
    Scenario("64KiB", reply_bytes=64 * 1024, connections=64),
)
