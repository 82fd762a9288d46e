"""The raw data of a matrix: every sample, and the pieces in which they were taken. It is kept in one
JSON file, from which the page and the picture can be made again, and to which rounds can be added."""

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any, Optional

from . import figures
from .measure import Sample, from_dict
from .peers import BASE
from .processes import Failed

# Of the file; a change of what its keys mean makes a new one.
FORMAT = 2


@dataclass
class Piece:
    """One start of the command: when, on what, and with which commit of this repository."""

    began: str
    ended: str
    machine: dict[str, Any]
    commit: str


@dataclass
class Failure:
    """Why a peer has no sample in a round."""

    peer: str
    round: int
    why: str


@dataclass
class Measured:
    """One scenario: only rounds that are complete."""

    name: str
    heading: str
    kind: str
    connections: int
    rate: Optional[int] = None  # requests per second, of a fixed rate
    rounds: int = 0
    failures: list[Failure] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def of(self, peer):
        """A peer's samples."""
        return [sample for sample in self.samples if sample.peer == peer]

    def peers(self):
        """Who has samples, in the order of the table."""
        return list(dict.fromkeys(sample.peer for sample in self.samples))

    def summaries(self):
        """A row for each peer that has samples."""
        base = self.of(BASE)
        return [figures.summarise(self.of(peer), base, self.rate) for peer in self.peers()]


@dataclass
class Record:
    """A matrix of peers and scenarios. `terms` is what must be the same in all its pieces."""

    terms: dict[str, Any]
    skipped: list[dict[str, str]]
    commands: list[str]
    pieces: list[Piece] = field(default_factory=list)
    scenarios: list[Measured] = field(default_factory=list)

    def scenario(self, row):
        """What is known of a scenario of the table; it is added at its first round."""
        for one in self.scenarios:
            if one.name == row.name:
                return one
        one = Measured(row.name, row.heading, row.kind.value, row.connections)
        self.scenarios.append(one)
        return one


def load(path):
    """Reads a record."""
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Failed(f"cannot continue {path.name}: {error}") from error
    if data.get("format") != FORMAT:
        raise Failed(f"cannot continue {path.name}: it is not of format {FORMAT}")
    scenarios = []
    for one in data["scenarios"]:
        del one["summaries"]
        one["failures"] = [Failure(**failure) for failure in one["failures"]]
        one["samples"] = [from_dict(sample) for sample in one["samples"]]
        scenarios.append(Measured(**one))
    pieces = [Piece(**piece) for piece in data["pieces"]]
    return Record(data["terms"], data["skipped"], data["commands"], pieces, scenarios)


def save(record, verdicts, path):
    """Writes a record beside its old version, then in its place: an end at any time loses nothing."""
    new = path.with_suffix(".new")
    new.write_text(render(record, verdicts))
    os.replace(new, path)


def render(record, verdicts):
    """The JSON text with one sample a line, so that two versions can be compared line by line."""
    head = {
        "format": FORMAT,
        "terms": record.terms,
        "skipped": record.skipped,
        "commands": record.commands,
        "pieces": [asdict(piece) for piece in record.pieces],
        "targets": [verdict.as_dict() for verdict in verdicts],
    }
    text = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    scenarios = ",\n".join(_scenario(one) for one in record.scenarios)
    return f'{text},\n "scenarios": [\n{scenarios}\n ]\n}}\n'


def _scenario(one):
    def rows(rows):
        return ",\n   ".join(json.dumps(row.as_dict()) for row in rows)

    rest = {key: value for key, value in vars(one).items() if key != "samples"}
    rest["failures"] = [asdict(failure) for failure in one.failures]
    text = json.dumps(rest, ensure_ascii=False).removesuffix("}")
    return (
        f'  {text},\n  "summaries": [\n   {rows(one.summaries())}],\n'
        f'  "samples": [\n   {rows(one.samples)}]}}'
    )
