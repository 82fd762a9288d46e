"""The order of a run: find the peers, go round, judge, write down."""

import hashlib
import resource
import shlex
import signal
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

from . import chart, machine, measure, record, report, targets
from .options import ROOT, again, parse
from .peers import BASE, OURS, PEERS, Places
from .processes import Failed
from .rounds import Rounds, say
from .scenarios import SCENARIOS, Kind

# Exit codes besides 0. A wrong command line ends with 2.
FAILED = 1
TARGET_MISSED = 3
INTERRUPTED = 130


def main(words, peers=PEERS, scenarios=SCENARIOS):
    """Runs the benchmark; returns the exit code."""
    options = parse(words, peers, scenarios)
    try:
        if options.page:
            matrix = record.load(file_of(options, "json"))
            return publish(options, matrix)
        return run(options, peers)
    except Failed as failure:
        say(str(failure))
        return FAILED


def run(options, peers):
    """Everything after the command line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    allow_many_descriptors()
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    bench = set_up(options)
    skipped = []
    found = find_peers(options, peers, skipped)
    scenarios = [one for one in options.scenarios if can_be_run(one, found, skipped)]
    if not found or not scenarios:
        raise Failed("nothing is left to measure")
    matrix = open_record(options, bench, found, skipped)
    rounds = Rounds(bench, matrix, found)
    try:
        go_round(options, matrix, rounds, scenarios)
    except KeyboardInterrupt:
        say("interrupted: the round under way is lost, those before it are kept")
        publish(options, matrix)
        return INTERRUPTED
    code = publish(options, matrix)
    return FAILED if rounds.any_failed() else code


def go_round(options, matrix, rounds, scenarios):
    """Takes the rounds that are missing, and keeps each when it is complete."""
    missing = list(rounds.missing(scenarios, options.rounds))
    piece = record.Piece(now(), now(), machine.describe(), commit())
    if missing:
        matrix.pieces.append(piece)
    over = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    for number, scenario in missing:
        if time.monotonic() > over:
            say("the time is over: --continue takes what is missing")
            return
        rounds.take(number, scenario)
        piece.ended = now()
        if options.out:
            record.save(matrix, judge(matrix), file_of(options, "json"))


def publish(options, matrix):
    """Writes everything, or prints the page; returns the exit code."""
    verdicts = judge(matrix)
    if options.out:
        picture = file_of(options, "svg")
        record.save(matrix, verdicts, file_of(options, "json"))
        file_of(options, "md").write_text(report.markdown(matrix, verdicts, picture.name))
        picture.write_text(chart.svg(matrix))
        say(f"wrote {options.name}.md, .json and .svg")
    else:
        print(report.markdown(matrix, verdicts))
    missed = [verdict for verdict in verdicts if verdict.verdict == targets.MISSED]
    for verdict in missed:
        say(f"missed: {verdict.scenario}: {verdict.words}")
    return TARGET_MISSED if missed else 0


def judge(matrix):
    """What the record means for the targets."""
    return targets.judge(targets.read(), matrix)


def set_up(options):
    """Where everything runs."""
    loadtest = options.build_directory / "corelane-loadtest"
    if not loadtest.is_file():
        raise Failed("not built: cargo build --release -p corelane-loadtest")
    return measure.Bench(
        loadtest=str(loadtest),
        proxy_cpu=options.proxy_cpu,
        load_cpus=options.load_cpu,
        origin_cpus=options.origin_cpu,
        seconds=options.seconds,
        warmup=options.warmup,
    )


def allow_many_descriptors():
    """As many as the system lets us have: thousands of connections are held here and by the peers."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def find_peers(options, peers, skipped):
    """The chosen peers with their binaries; those that are not here are skipped with the reason."""
    found = []
    places = Places(options.build_directory, options.fetched)
    for peer in peers:
        if options.peer and peer.name not in options.peer:
            continue
        binary = peer.find(places)
        if binary:
            found.append((peer, binary))
        else:
            skip(skipped, peer.name, peer.when_missing)
    return found


def can_be_run(scenario, found, skipped):
    """Whether a scenario has all that it needs."""
    if scenario.kind is Kind.FIXED_RATE and BASE not in [peer.name for peer, _ in found]:
        skip(skipped, scenario.name, f"its rate is half of what {BASE} can do")
        return False
    return True


def skip(skipped, what, why):
    """Leaves out a peer or a scenario, and says so."""
    skipped.append({"what": what, "why": why})
    say(f"skipping {what}: {why}")


def open_record(options, bench, found, skipped):
    """A new record, or one that goes on."""
    terms = {
        "seconds": bench.seconds,
        "warmup": bench.warmup,
        "proxy_cpu": bench.proxy_cpu,
        "load_cpus": bench.load_cpus,
        "origin_cpus": bench.origin_cpus,
        "versions": {peer.name: peer.ask_version(binary) for peer, binary in found},
        # Two builds of ours do not belong into one matrix.
        "build": next((digest(binary) for peer, binary in found if peer.name == OURS), None),
    }
    path = file_of(options, "json")
    if not (options.resume and path.exists()):
        return record.Record(terms, skipped, commands(options, bench, found))
    matrix = record.load(path)
    for key, value in terms.items():
        was = matrix.terms.get(key)
        if was != value:
            raise Failed(f"cannot continue {path.name}: {key} was {was} and is {value}")
    return matrix


def commands(options, bench, found):
    """What is run, in words that another machine can use."""
    lines = [again(options)]
    for peer, binary in found:
        command = shlex.join(peer.command(Path(binary).name, peer.files[0]))
        before = "".join(f"{key}={value} " for key, value in peer.environment.items())
        lines.append(f"{before}taskset -c {bench.proxy_cpu} {command}")
    for scenario in options.scenarios:
        rate = "RATE" if scenario.kind is Kind.FIXED_RATE else None
        words = [*measure.generator_words(bench, scenario, rate), "--duration", "SECONDS", "URL"]
        lines.append(shlex.join(["corelane-loadtest", *measure.origin_words(bench, scenario)]))
        lines.append(shlex.join(["corelane-loadtest", *words]))
    return list(dict.fromkeys(lines))


def digest(binary):
    """Names a build."""
    return hashlib.sha256(Path(binary).read_bytes()).hexdigest()[:16]


def commit():
    """This repository's commit."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def now():
    """The date and time."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def file_of(options, ending):
    """One of the files that a run writes; None when it only prints."""
    return options.out / f"{options.name}.{ending}" if options.out else None
