"""Makes a few figures of many samples: medians, spreads, and ratios within a round."""

from dataclasses import asdict, dataclass
from statistics import median
from typing import Optional

# A core that is idle for more than this share of the time is not what limits the rate.
SPARE_SHARE = 0.05
# Work of other programs on the two cores, above which figures are not worth quoting.
FOREIGN_SHARE = 0.05
# By how much the two accounts of CPU time may differ before the exact one has missed a thread.
ACCOUNT_DIFFERENCE = 0.05


@dataclass(frozen=True)
class Spread:
    """The median of some samples, and how far they lie apart."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """One peer over all rounds of a scenario."""

    peer: str
    rounds: int
    errors: int
    per_second: Spread
    cpu_us: Spread
    user_us: Spread
    system_us: Spread
    p50_us: Spread
    p99_us: Spread
    rss_kib: Spread
    cpu_ratio: Optional[Spread]  # to the base, each round by itself
    rate_ratio: Optional[Spread]
    limit: str
    notes: tuple[str, ...]

    def as_dict(self):
        """For the raw data."""
        return asdict(self)


def spread(values):
    """The median and extremes of at least one value."""
    values = list(values)
    return Spread(median(values), min(values), max(values))


def paired(samples, base, value):
    """The spread of the ratios to the base, each taken within one round; None without the base."""
    base_by_round = {sample.round: value(sample) for sample in base}
    ratios = [
        value(sample) / base_by_round[sample.round]
        for sample in samples
        if base_by_round.get(sample.round)
    ]
    return spread(ratios) if ratios else None


def limit(samples):
    """What kept the rate from being higher, by the cores' account in the median round."""
    if median(sample.foreign for sample in samples) > FOREIGN_SHARE:
        return "disturbed"
    if median(sample.proxy_core_idle for sample in samples) <= SPARE_SHARE:
        return "proxy"
    if median(sample.load_core_idle for sample in samples) <= SPARE_SHARE:
        return "load core"
    return "waiting"


def notes(samples):
    """What a reader must know before believing the figures."""
    found = []
    foreign = median(sample.foreign for sample in samples)
    if foreign > FOREIGN_SHARE:
        found.append(f"other programs took {foreign:.0%} of a core")
    apart = median(sample.tick_cpu_us / sample.cpu_us - 1 for sample in samples)
    if apart > ACCOUNT_DIFFERENCE:
        found.append(f"{apart:.0%} of the CPU time was spent in threads that have ended")
    return tuple(found)


def summarise(samples, base):
    """One peer's samples of a scenario, with those of the base."""
    return Summary(
        peer=samples[0].peer,
        rounds=len(samples),
        errors=sum(sample.errors for sample in samples),
        per_second=spread(sample.per_second for sample in samples),
        cpu_us=spread(sample.cpu_us for sample in samples),
        user_us=spread(sample.user_us for sample in samples),
        system_us=spread(sample.system_us for sample in samples),
        p50_us=spread(sample.p50_us for sample in samples),
        p99_us=spread(sample.p99_us for sample in samples),
        rss_kib=spread(sample.rss_kib for sample in samples),
        cpu_ratio=paired(samples, base, lambda sample: sample.cpu_us),
        rate_ratio=paired(samples, base, lambda sample: sample.per_second),
        limit=limit(samples),
        notes=notes(samples),
    )
