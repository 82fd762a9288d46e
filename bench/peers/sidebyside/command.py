"""The command line, and the order of a run: find the peers, go round, write down."""

import argparse
import os
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

from . import figures, machine, measure, report
from .peers import BASE, CONFIGURATIONS, PEERS
from .processes import Failed
from .scenarios import SCENARIOS

ROOT = CONFIGURATIONS.parent.parent


def main(words):
    """Runs the benchmark; returns the exit code."""
    options = parse(words)
    loadtest = options.build_directory / "corelane-loadtest"
    if not loadtest.is_file():
        say(f"{loadtest} is not built: cargo build --release -p corelane-loadtest")
        return 1
    found, skipped = find_peers(options)
    if not found:
        say("no peer is left to measure")
        return 1
    bench = measure.Bench(str(loadtest), options.proxy_cpu, options.load_cpu)
    run = {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine.describe(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "warmup": options.warmup,
        "versions": versions(found),
        "commands": commands(words, bench, found),
        "skipped": skipped,
        "scenarios": [],
    }
    try:
        for scenario in options.scenarios:
            run["scenarios"].append(measure_scenario(options, bench, found, scenario))
    except Failed as failure:
        say(str(failure))
        return 1
    write(options, run)
    return 0 if all(scenario["summaries"] for scenario in run["scenarios"]) else 1


def parse(words):
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="bench/peers/run",
        description="Runs the same work against corelane and other proxies, side by side.",
    )
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="interleaved rounds (default %(default)s)")
    add("--seconds", type=float, default=3, help="of each sample (default %(default)s)")
    add("--warmup", type=float, default=1, help="seconds before it (default %(default)s)")
    names = [scenario.name for scenario in SCENARIOS]
    add("--scenario", action="append", choices=names, help="only this one; may be repeated")
    names = [peer.name for peer in PEERS]
    add("--peer", action="append", choices=names, help="only this one; may be repeated")
    add("--proxy-cpu", type=int, default=0, help="the proxy's core (default %(default)s)")
    add("--load-cpu", type=int, default=1, help="the others' core (default %(default)s)")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    add(
        "--build-directory",
        type=Path,
        default=target / "release",
        help="where cargo puts release builds",
    )
    add("--out", type=Path, help="directory for NAME.md and NAME.json (default: print the page)")
    add("--name", default="peers", help="of the files (default %(default)s)")
    options = parser.parse_args(words)
    if options.rounds < 1 or options.seconds <= 0 or options.warmup <= 0:
        parser.error("--rounds, --seconds and --warmup must be positive")
    usable = os.sched_getaffinity(0)
    if not {options.proxy_cpu, options.load_cpu} <= usable:
        parser.error(f"this process may use the cores {sorted(usable)} only")
    if options.proxy_cpu == options.load_cpu:
        parser.error("the proxy needs a core of its own")
    chosen = options.scenario or [scenario.name for scenario in SCENARIOS]
    options.scenarios = [scenario for scenario in SCENARIOS if scenario.name in chosen]
    return options


def find_peers(options):
    """The chosen peers with their binaries, and those that are not here with the reason."""
    found, skipped = [], []
    for peer in PEERS:
        if options.peer and peer.name not in options.peer:
            continue
        binary = peer.find(options.build_directory)
        if binary:
            found.append((peer, binary))
        else:
            skipped.append({"peer": peer.name, "why": peer.when_missing})
            say(f"skipping {peer.name}: {peer.when_missing}")
    return found, skipped


def measure_scenario(options, bench, found, scenario):
    """All rounds of one scenario; a peer that fails once is left out of it from then on."""
    samples = {peer.name: [] for peer, _ in found}
    failures = {}
    with measure.stage(bench, scenario) as stage:
        for number, (peer, binary) in turns(found, options.rounds):
            if peer.name in failures:
                continue
            try:
                with stage.proxy(peer, binary) as (program, port):
                    stage.load(options.warmup, port)
                    one = stage.sample(program, port, options.seconds, number)
            except Failed as failure:
                failures[peer.name] = str(failure)
                say(f"{scenario.name} round {number}: {failure}")
                continue
            samples[peer.name].append(one)
            say(
                f"{scenario.name} round {number}: {peer.name}: {one.per_second:,.0f}/s, "
                f"{one.cpu_us:.1f} µs/request, {one.errors} errors"
            )
    measured = {name: taken for name, taken in samples.items() if name not in failures}
    base = measured.get(BASE, [])
    return {
        "name": scenario.name,
        "connections": scenario.connections,
        "failures": [{"peer": name, "why": why} for name, why in failures.items()],
        "summaries": [figures.summarise(taken, base) for taken in measured.values()],
        "samples": [one for taken in samples.values() for one in taken],
    }


def turns(found, rounds):
    """Every peer once in each round, numbered from 1. Each round begins with another peer, so that
    none always follows the same one."""
    for number in range(rounds):
        first = number % len(found)
        for one in found[first:] + found[:first]:
            yield number + 1, one


def versions(found):
    """What was measured: each peer's version, and ours with its commit."""
    named = {peer.name: peer.version(binary) for peer, binary in found}
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    named["this repository"] = done.stdout.strip() or "unknown"
    return named


def commands(words, bench, found):
    """What was run, in the words of a reader's own shell."""
    lines = [shlex.join(["bench/peers/run", *words])]
    origin = f"corelane-loadtest origin --cpu {bench.load_cpu} --size SIZE"
    lines.append(f"taskset -c {bench.load_cpu} {origin}")
    for peer, binary in found:
        words = shlex.join(peer.command(Path(binary).name, peer.configuration))
        lines.append(f"taskset -c {bench.proxy_cpu} {words}")
    lines.append(
        f"corelane-loadtest run --json --cpu {bench.load_cpu} "
        "--connections CONNECTIONS --duration SECONDS URL"
    )
    return lines


def write(options, run):
    """Writes both files, or prints the page."""
    page = report.markdown(run)
    if not options.out:
        print(page)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"{options.name}.md").write_text(page)
    (options.out / f"{options.name}.json").write_text(report.raw(run))
    say(f"wrote {options.name}.md and {options.name}.json to {options.out}")


def say(text):
    """Progress goes to stderr, so that the page on stdout stays clean."""
    print(text, file=sys.stderr, flush=True)
