"""Goes round: in each round every scenario, in each scenario every peer. What is slow about the machine
for a few minutes then falls on one round of everything, not on all rounds of one scenario."""

import sys
from dataclasses import replace

from . import measure
from .peers import BASE
from .processes import Failed
from .record import Failure
from .scenarios import Kind

# Samples of the base's saturation, of whose best a fixed rate is the half: what disturbs them
# makes them lower.
CALIBRATIONS = 3
# Digits of a rate that may differ from 0.
RATE_DIGITS = 2


class Rounds:
    """What is missing of a record's rounds, and the taking of it."""

    def __init__(self, bench, record, peers):
        self._bench = bench
        self._record = record
        self._peers = peers  # with their binaries
        self._failed = set()  # pairs of scenario and peer, left out from then on

    def missing(self, scenarios, rounds):
        """The numbers of the rounds that are to be taken, each with its scenario."""
        for number in range(1, rounds + 1):
            for scenario in scenarios:
                if self._record.scenario(scenario).rounds < number:
                    yield number, scenario

    def take(self, number, scenario):
        """One round of a scenario. It is added to the record when it is complete."""
        measured = self._record.scenario(scenario)
        if scenario.kind is Kind.FIXED_RATE and not measured.rate:
            measured.rate = self._half_rate(scenario)
        samples, failures = [], []
        with measure.stage(self._bench, scenario, measured.rate) as stage:
            for peer, binary in turns(self._taking_part(scenario), number):
                try:
                    sample = stage.take(peer, binary, number)
                except Failed as failure:
                    failures.append(Failure(peer.name, number, str(failure)))
                    self._failed.add((scenario.name, peer.name))
                    say(f"{scenario.name} round {number}: {peer.name}: {failure}")
                else:
                    samples.append(replace(sample, piece=len(self._record.pieces) - 1))
                    say(f"{scenario.name} round {number}: {told(sample)}")
        measured.samples += samples
        measured.failures += failures
        measured.rounds = number

    def any_failed(self):
        """Whether a peer is without a sample in a round that it took part in."""
        return bool(self._failed)

    def _taking_part(self, scenario):
        return [
            (peer, binary)
            for peer, binary in self._peers
            if scenario.name not in peer.lacks and (scenario.name, peer.name) not in self._failed
        ]

    def _half_rate(self, scenario):
        """Half of what the base can do, in round figures."""
        base, binary = next(one for one in self._peers if one[0].name == BASE)
        full = replace(scenario, kind=Kind.SATURATION)
        with measure.stage(self._bench, full) as stage:
            taken = [stage.take(base, binary, 0).per_second for _ in range(CALIBRATIONS)]
        rate = float(f"{max(taken) / 2:.{RATE_DIGITS - 1}e}")
        say(f"{scenario.name}: {BASE} does {max(taken):,.0f}/s, the rate is {rate:,.0f}/s")
        return int(rate)


def turns(peers, number):
    """The peers in the order of a round. Each round begins with another one, so that none always
    follows the same one."""
    first = (number - 1) % len(peers) if peers else 0
    return peers[first:] + peers[:first]


def told(sample):
    """A sample in a line."""
    if sample.idle_kib is not None:
        figure = f"{sample.idle_kib:.2f} KiB/connection"
    else:
        figure = f"{sample.per_second:,.0f}/s, {sample.cpu_us:.1f} µs/request"
    if sample.routes_ratio is not None:
        figure += f", {sample.routes_ratio:.3f} of one route"
    return f"{sample.peer}: {figure}, {sample.errors} errors"


def say(text):
    """Progress goes to stderr, so that the page on stdout stays clean."""
    print(text, file=sys.stderr, flush=True)
