"""Writes a record as a Markdown page for people."""

from .peers import BASE
from .scenarios import Kind
from .targets import ROUNDS


def _figure(name, digits, scale=1.0):
    """A cell with a median."""
    return lambda row: _number(row.figures[name].median * scale, digits)


def _spread(name, digits, scale=1.0):
    """A cell with a median and its extremes."""

    def cell(row):
        found = row.figures[name]
        values = (found.median, found.low, found.high)
        median, low, high = (_number(value * scale, digits) for value in values)
        return f"{median} ({low}–{high})"

    return cell


def _ratio(name):
    """A cell with a ratio to the base, its interval and its extremes."""
    return lambda row: _ratio_text(row.ratios.get(name))


_PEER = ("peer", lambda row: row.peer)
_ERRORS = ("errors", lambda row: f"{row.errors:,}")
_LIMIT = ("limit", lambda row: row.limit)
_CPU = (
    ("CPU µs/request", _spread("cpu_us", 1)),
    ("user", _figure("user_us", 1)),
    ("system", _figure("system_us", 1)),
    (f"CPU ÷ {BASE}", _ratio("cpu_us")),
)
_RATE = (
    ("requests/s", _figure("per_second", 0)),
    (f"rate ÷ {BASE}", _ratio("per_second")),
)
_RSS = ("RSS MiB", _figure("rss_kib", 1, 1 / 1024))

COLUMNS = {
    Kind.SATURATION: (_PEER, *_CPU, *_RATE, _RSS, _ERRORS, _LIMIT),
    Kind.ROUTES: (
        _PEER,
        ("CPU ÷ own with one route", lambda row: _ratio_text(row.figures["routes_ratio"])),
        *_CPU,
        *_RATE,
        _RSS,
        _ERRORS,
        _LIMIT,
    ),
    Kind.FIXED_RATE: (
        _PEER,
        ("p50 µs", _figure("p50_us", 0)),
        ("p99 µs", _figure("p99_us", 0)),
        ("p99.9 µs", _figure("p999_us", 0)),
        ("generator's lag p99 µs", _figure("lag_p99_us", 0)),
        (f"p50 ÷ {BASE}", _ratio("p50_us")),
        (f"p99 ÷ {BASE}", _ratio("p99_us")),
        (f"p99.9 ÷ {BASE}", _ratio("p999_us")),
        *_CPU,
        ("load core idle", lambda row: f"{row.figures['load_core_idle'].median:.0%}"),
        _ERRORS,
    ),
    Kind.IDLE: (
        _PEER,
        ("KiB/connection", _spread("idle_kib", 2)),
        (f"÷ {BASE}", _ratio("idle_kib")),
        ("RSS MiB before", _figure("rss_before_kib", 1, 1 / 1024)),
        ("RSS MiB with them", _figure("rss_kib", 1, 1 / 1024)),
        _ERRORS,
    ),
}


def markdown(matrix, verdicts, picture=None):
    """The page."""
    lines = ["# Side by side", "", *_introduction(matrix)]
    if picture:
        lines += ["", f"![What a request costs each peer, by scenario]({picture})"]
    lines += ["", "## Targets", "", *_targets(verdicts)]
    for scenario in matrix.scenarios:
        if scenario.samples or scenario.failures:
            lines += ["", *_scenario(scenario)]
    versions = matrix.terms["versions"].items()
    lines += ["", "## What was run", ""]
    lines += ["Versions: " + ", ".join(f"{peer} {version}" for peer, version in versions) + "."]
    lines += ["", "```", *matrix.commands, "```", ""]
    return "\n".join(lines)


def _introduction(matrix):
    terms = matrix.terms
    yield (
        f"Samples of {terms['seconds']:g} s after {terms['warmup']:g} s of warm-up, one worker each; "
        "CPU time is that of all the proxy's processes and threads. Ratios are taken within each "
        "round: their median [its 95 % confidence interval] (the extremes). How to read and repeat "
        "this: [README](README.md)."
    )
    yield ""
    for piece in matrix.pieces:
        machine = piece.machine
        memory = machine["memory_kib"] / (1 << 20)
        yield (
            f"- {piece.began} to {piece.ended}, commit {piece.commit}: {machine['processor']}, "
            f"{machine['cores']} cores, {memory:.0f} GiB, {machine['kernel']}, load average before "
            f"{machine['load_average_before']:.2f}"
        )
    for skipped in matrix.skipped:
        yield f"- skipped: {skipped['what']}: {skipped['why']}"


def _targets(verdicts):
    yield f"A verdict takes {ROUNDS} rounds."
    yield ""
    yield from _header(("scenario", "target", "found [95 %] (extremes)", "rounds", "verdict"))
    for one in verdicts:
        found = _ratio_text(one.found)
        why = f": {one.why}" if one.why else ""
        yield f"| {one.scenario} | {one.words} | {found} | {one.rounds} | **{one.verdict}**{why} |"


def _scenario(scenario):
    connections = f"{scenario.connections:,} connections"
    rate = f", {scenario.rate:,} requests/s" if scenario.rate else ""
    # The heading of one that is about connections says so already.
    about = "" if "connections" in scenario.heading else f", {connections}"
    yield f"## {scenario.heading}{about}{rate}"
    yield ""
    columns = COLUMNS[Kind(scenario.kind)]
    yield f"`--scenario {scenario.name}`, {scenario.rounds} rounds."
    yield ""
    yield from _header([title for title, _ in columns])
    rows = scenario.summaries()
    for row in rows:
        yield "| " + " | ".join(cell(row) for _, cell in columns) + " |"
    remarks = [*_remarks(scenario, rows)]
    if remarks:
        yield ""
        yield from remarks


def _header(titles):
    yield "| " + " | ".join(titles) + " |"
    yield "|" + "---|" * len(titles)


def _remarks(scenario, rows):
    for row in rows:
        if scenario.kind in (Kind.SATURATION.value, Kind.ROUTES.value):
            yield from _about_limit(row)
        if row.rounds < scenario.rounds:
            yield f"- {row.peer}: {row.rounds} rounds only."
        for note in row.notes:
            yield f"- {row.peer}: {note}."
    for failure in scenario.failures:
        yield f"- {failure.peer}: failed in round {failure.round}: {failure.why}"


def _about_limit(row):
    if row.limit == "load core":
        yield (
            f"- {row.peer}: the core of the generator and the origin was the limit; the proxy could "
            "have done more requests/s."
        )
    elif row.limit == "waiting":
        yield f"- {row.peer}: no core was full; its requests/s are bound by waiting."


def _ratio_text(found):
    if found is None:
        return "–"
    inside = f" [{found.interval[0]:.2f}, {found.interval[1]:.2f}]" if found.interval else ""
    return f"{found.median:.2f}{inside} ({found.low:.2f}–{found.high:.2f})"


def _number(value, digits):
    return f"{value:,.{digits}f}"
