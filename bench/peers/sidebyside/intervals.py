"""Medians with their confidence intervals, without assumptions about how samples are distributed."""

from dataclasses import dataclass
from math import comb
from statistics import median
from typing import Optional

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """The median of some samples, how far they lie apart, and where the true median is likely to be."""

    median: float
    low: float
    high: float
    interval: Optional[tuple[float, float]]  # None with too few samples for the confidence


def spread(values):
    """Describes at least one value."""
    values = sorted(values)
    return Spread(median(values), values[0], values[-1], interval(values))


def interval(ordered, confidence=CONFIDENCE):
    """The interval of the median by the exact sign test, at the confidence or above it.

    Each sample lies below the true median with a chance of one half, so the number of those that do is
    binomial. The interval runs from the value of one rank to the value as far from the other end,
    the narrowest such ranks that hold the median often enough: of 15 values the 4th and the 12th
    (96.5 %), of 30 the 10th and the 21st (95.7 %). Fewer than six values have none for 95 %.
    """
    count = len(ordered)
    allowed = (1 - confidence) / 2 * 2**count
    outside, rank = 0, 0
    while rank < count and outside + comb(count, rank) <= allowed:
        outside += comb(count, rank)
        rank += 1
    return (ordered[rank - 1], ordered[count - rank]) if rank else None
