"""Makes a few figures of many samples: medians, spreads, and ratios within a round."""

from dataclasses import asdict, dataclass
from statistics import median
from typing import Mapping

from .intervals import Spread, spread

# A core that is idle for more than this share of the time is not what limits the rate.
SPARE_SHARE = 0.05
# Work of other programs on the cores, above which figures are not worth quoting.
FOREIGN_SHARE = 0.05
# By how much the two accounts of CPU time may differ before the exact one has missed a thread.
ACCOUNT_DIFFERENCE = 0.05
# Below this share of the rate that was asked for, a peer has not kept up with it.
KEPT_UP_SHARE = 0.98
# A core of generator and origin that is idle for less than this makes requests wait itself.
CALM_SHARE = 0.2
# The share of a latency that may be the generator's own doing.
LATE_SHARE = 0.2

# What a sample holds besides its figures.
_NO_FIGURES = {"peer", "round", "piece", "errors"}


@dataclass(frozen=True)
class Summary:
    """One peer over all rounds of a scenario."""

    peer: str
    rounds: int
    errors: int
    figures: Mapping[str, Spread]
    ratios: Mapping[str, Spread]  # to the base, each round by itself
    limit: str
    notes: tuple[str, ...]

    def as_dict(self):
        """For the raw data."""
        return asdict(self)


def summarise(samples, base, rate=None):
    """One peer's samples of a scenario, with those of the base, and the rate if it was fixed."""
    names = [name for name in samples[0].as_dict() if name not in _NO_FIGURES]
    ratios = {name: paired(samples, base, name) for name in names}
    loaded = samples[0].cpu_us is not None
    return Summary(
        peer=samples[0].peer,
        rounds=len(samples),
        errors=sum(sample.errors for sample in samples),
        figures={name: spread(getattr(sample, name) for sample in samples) for name in names},
        ratios={name: spread(values) for name, values in ratios.items() if values},
        limit=limit(samples) if loaded else "",
        notes=tuple(notes(samples, rate)) if loaded else (),
    )


def paired(samples, base, name):
    """The ratios of a figure to that of the base, each taken within one round."""
    base_by_round = {sample.round: getattr(sample, name) for sample in base}
    return [
        getattr(sample, name) / base_by_round[sample.round]
        for sample in samples
        if base_by_round.get(sample.round)
    ]


def limit(samples):
    """What kept the rate from being higher, by the cores' account in the median round."""
    if median(sample.foreign for sample in samples) > FOREIGN_SHARE:
        return "disturbed"
    if median(sample.proxy_core_idle for sample in samples) <= SPARE_SHARE:
        return "proxy"
    if median(sample.load_core_idle for sample in samples) <= SPARE_SHARE:
        return "load core"
    return "waiting"


def notes(samples, rate):
    """What a reader must know before believing the figures."""
    foreign = median(sample.foreign for sample in samples)
    if foreign > FOREIGN_SHARE:
        yield f"other programs took {foreign:.0%} of a core"
    apart = median(sample.tick_cpu_us / sample.cpu_us - 1 for sample in samples)
    if apart > ACCOUNT_DIFFERENCE:
        yield f"{apart:.0%} of the CPU time was spent in threads that have ended"
    if rate:
        yield from rate_notes(samples, rate)


def rate_notes(samples, rate):
    """What a reader must know about latencies at a fixed rate."""
    per_second = median(sample.per_second for sample in samples)
    if per_second < KEPT_UP_SHARE * rate:
        yield f"it did not keep up: {per_second:,.0f} of {rate:,} requests/s"
        return
    idle = median(sample.load_core_idle for sample in samples)
    if idle < CALM_SHARE:
        yield (
            f"the core of the generator and the origin was {1 - idle:.0%} busy: the latencies hold "
            "its waits, too"
        )
    late = median(sample.lag_p99_us / sample.p99_us for sample in samples)
    if late > LATE_SHARE:
        yield f"the generator's own lag is {late:.0%} of the p99"
