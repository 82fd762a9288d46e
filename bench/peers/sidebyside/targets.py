"""Judges a record by the targets of `../targets.json`.

A target bounds a figure of ours in a scenario: as it is, or divided by that of another peer, round by
round. `at_most` and `at_least` are met when the median is within the bound; `no_worse_than` is missed
only when the whole interval lies beyond it. The best peer is the one with the lowest median among
those that read HTTP.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Optional

from . import figures
from .intervals import Spread, spread
from .peers import FLOOR, OURS

FILE = Path(__file__).resolve().parent.parent / "targets.json"
BEST = "the best peer"
# Fewer rounds are no verdict.
ROUNDS = 15

MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"

WORDS = {
    "cpu_us": "CPU per request",
    "user_us": "user time per request",
    "per_second": "requests/s",
    "p50_us": "p50",
    "p99_us": "p99",
    "p999_us": "p99.9",
    "idle_kib": "memory per idle connection",
    "routes_ratio": "CPU per request over that with one route",
}
UNITS = {"cpu_us": " µs", "user_us": " µs", "idle_kib": " KiB"}


@dataclass(frozen=True)
class Target:
    """A row of the file."""

    scenario: str
    figure: str
    against: Optional[str] = None
    at_most: Optional[float] = None
    at_least: Optional[float] = None
    no_worse_than: Optional[float] = None
    only_when_limit_is: Optional[str] = None

    def __post_init__(self):
        bounds = (self.at_most, self.at_least, self.no_worse_than)
        if sum(bound is not None for bound in bounds) != 1:
            raise ValueError(f"{self.scenario}, {self.figure}: one bound, not {bounds}")
        if self.figure not in WORDS:
            raise ValueError(f"{self.scenario}: there are no words for {self.figure}")

    @property
    def bound(self):
        """The number, whichever kind of bound it is."""
        return next(
            bound
            for bound in (self.at_most, self.at_least, self.no_worse_than)
            if bound is not None
        )

    def words(self):
        """The target for a reader."""
        figure = WORDS[self.figure]
        if self.no_worse_than is not None:
            return f"{figure} no worse than {self.against}"
        sign = "≥" if self.at_least is not None else "≤"
        unit = f" × {self.against}" if self.against else UNITS.get(self.figure, "")
        return f"{figure} {sign} {self.bound:.2f}{unit}"

    def holds(self, found):
        """Whether a figure is within the bound."""
        if self.no_worse_than is not None:
            lowest = found.interval[0] if found.interval else found.median
            return lowest <= self.bound
        return self._within(found.median)

    def is_close(self, found):
        """Whether the interval lies on both sides of the bound."""
        return found.interval is not None and len({*map(self._within, found.interval)}) == 2

    def _within(self, value):
        return value >= self.bound if self.at_least is not None else value <= self.bound


@dataclass(frozen=True)
class Verdict:
    """A target, what was found, and what that means."""

    scenario: str
    words: str
    found: Optional[Spread]
    rounds: int
    verdict: str
    why: str = ""

    def as_dict(self):
        """For the raw data."""
        return asdict(self)


def read(path=FILE):
    """The targets, in the order of the file."""
    return [Target(**row) for row in json.loads(path.read_text())]


def judge(targets, record):
    """A verdict for each target."""
    measured = {one.name: one for one in record.scenarios}
    return [_judge(target, measured.get(target.scenario)) for target in targets]


def _judge(target, scenario):
    """Nothing is measured until all that could speak against it has been asked."""
    verdict = Verdict(target.scenario, target.words(), None, 0, NOT_MEASURED)
    ours = scenario.of(OURS) if scenario else []
    if not ours:
        return replace(verdict, why="no samples of ours" if scenario else "")
    values, rival = _values(target, scenario, ours)
    if not values:
        return replace(verdict, why=f"no samples of {target.against}")
    found = spread(values)
    words = target.words().replace(BEST, f"{BEST} ({rival})")
    verdict = replace(verdict, words=words, found=found, rounds=len(values))
    errors = sum(sample.errors for sample in ours)
    if errors:
        return replace(verdict, verdict=MISSED, why=f"{errors} errors")
    limit = figures.limit(ours) if target.only_when_limit_is else None
    if limit != target.only_when_limit_is:
        return replace(verdict, why=f"the limit was: {limit}")
    if len(values) < ROUNDS:
        return replace(verdict, why=f"{len(values)} rounds of {ROUNDS}")
    why = "the interval holds the bound" if target.is_close(found) else ""
    return replace(verdict, verdict=MET if target.holds(found) else MISSED, why=why)


def _values(target, scenario, ours):
    """A figure of each round, as it is or divided by the rival's; and who the rival is."""
    if not target.against:
        return [getattr(sample, target.figure) for sample in ours], None
    rival = _best(scenario, target.figure) if target.against == BEST else target.against
    return figures.paired(ours, scenario.of(rival), target.figure), rival


def _best(scenario, figure):
    """The rival with the lowest median; None when there is none."""
    rivals = [row for row in scenario.summaries() if row.peer not in (OURS, FLOOR)]
    best = min(rivals, key=lambda row: row.figures[figure].median, default=None)
    return best.peer if best else None
