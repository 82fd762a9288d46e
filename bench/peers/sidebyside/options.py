"""The command line: what may be asked for, and what it means when something is left out."""

import argparse
import os
import shlex
from pathlib import Path

from . import machine

ROOT = Path(__file__).resolve().parents[3]


def parse(words, peers, scenarios):
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="bench/peers/run",
        description="Runs the same work against corelane and other proxies, side by side.",
        epilog="Exit code: 0; 1 when a peer or the run failed; 3 when a target was missed.",
    )
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="interleaved rounds (default %(default)s)")
    add("--seconds", type=float, default=1.5, help="of each sample (default %(default)s)")
    add("--warmup", type=float, default=0.5, help="seconds before it (default %(default)s)")
    names = [scenario.name for scenario in scenarios]
    add("--scenario", action="append", choices=names, help="only this one; may be repeated")
    names = [peer.name for peer in peers]
    add("--peer", action="append", choices=names, help="only this one; may be repeated")
    add("--out", type=Path, help="directory for the files (default: print the page)")
    add("--name", default="peers", help="of the files NAME.md, .json, .svg (default %(default)s)")
    text = "add to NAME.json in --out what it has not of these rounds"
    add("--continue", dest="resume", action="store_true", help=text)
    add("--minutes", type=float, help="begin no new round of a scenario after this time")
    text = "measure nothing: write page and picture of NAME.json in --out anew"
    add("--page", action="store_true", help=text)
    cpus = {"type": machine.parse_cpus, "metavar": "LIST"}
    add("--proxy-cpu", type=int, default=0, help="the proxy's core (default %(default)s)")
    add("--load-cpu", default=[1], help="the generator's cores, as in 1 or 2,3 (default 1)", **cpus)
    add("--origin-cpu", help="the origin's cores (default: the generator's)", **cpus)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    text = "where cargo puts release builds"
    add("--build-directory", type=Path, default=target / "release", help=text)
    text = "where bench/peers/install has put the peers"
    add("--fetched", type=Path, default=fetched_directory(), help=text)
    options = parser.parse_args(words)
    _complete(parser, options, scenarios)
    return options


def _complete(parser, options, scenarios):
    """Checks what belongs together and fills in what depends on it."""
    if options.rounds < 1 or options.seconds <= 0 or options.warmup <= 0:
        parser.error("--rounds, --seconds and --warmup must be positive")
    if (options.resume or options.page) and not options.out:
        parser.error("--continue and --page need --out")
    options.origin_cpu = options.origin_cpu or options.load_cpu
    others = {*options.load_cpu, *options.origin_cpu}
    usable = os.sched_getaffinity(0)
    if not {options.proxy_cpu, *others} <= usable:
        parser.error(f"this process may use the cores {sorted(usable)} only")
    if options.proxy_cpu in others:
        parser.error("the proxy needs a core of its own")
    chosen = options.scenario or [scenario.name for scenario in scenarios]
    options.scenarios = [scenario for scenario in scenarios if scenario.name in chosen]


def fetched_directory():
    """Where `install` puts the peers when nobody says where."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("CORELANE_PEERS") or Path(cache) / "corelane-peers")


def again(options):
    """The command in the words of a reader's own shell, without the places of this machine."""
    words = ["bench/peers/run", "--rounds", str(options.rounds)]
    words += ["--seconds", f"{options.seconds:g}", "--warmup", f"{options.warmup:g}"]
    for name in options.scenario or []:
        words += ["--scenario", name]
    for name in options.peer or []:
        words += ["--peer", name]
    return shlex.join([*words, "--out", "docs/benchmarks"])
