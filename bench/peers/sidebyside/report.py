"""Writes a run down: a Markdown page for people, one JSON object with every sample for programs."""

import json

from .peers import BASE

COLUMNS = (
    ("peer", lambda row: row.peer),
    ("requests/s", lambda row: f"{row.per_second.median:,.0f}"),
    ("CPU µs/request (min–max)", lambda row: _spread(row.cpu_us, 1)),
    ("user", lambda row: f"{row.user_us.median:.1f}"),
    ("system", lambda row: f"{row.system_us.median:.1f}"),
    (f"CPU ÷ {BASE} (min–max)", lambda row: _spread(row.cpu_ratio, 2)),
    (f"rate ÷ {BASE} (min–max)", lambda row: _spread(row.rate_ratio, 2)),
    ("p50 µs", lambda row: f"{row.p50_us.median:,.0f}"),
    ("p99 µs", lambda row: f"{row.p99_us.median:,.0f}"),
    ("errors", lambda row: f"{row.errors}"),
    ("RSS MiB", lambda row: f"{row.rss_kib.median / 1024:.1f}"),
    ("limit", lambda row: row.limit),
)


def markdown(run):
    """The page."""
    machine = run["machine"]
    memory = machine["memory_kib"] / (1 << 20)
    lines = [
        "# Side by side",
        "",
        f"{run['date']}: {machine['processor']}, {machine['cores']} cores, {memory:.0f} GiB, "
        f"{machine['kernel']}, load average before {machine['load_average_before']:.2f}.",
        f"{run['rounds']} interleaved rounds of {run['seconds']:g} s after {run['warmup']:g} s of "
        "warm-up, one worker each; CPU time is that of the proxy's processes. Ratios are taken "
        "within each round. How to read and repeat this: [README](README.md).",
    ]
    for skipped in run["skipped"]:
        lines += ["", f"Skipped: {skipped['peer']}: {skipped['why']}."]
    for scenario in run["scenarios"]:
        lines += ["", *_table(scenario)]
    lines += ["", "Versions: " + ", ".join(f"{k} {v}" for k, v in run["versions"].items()) + "."]
    lines += ["", "```", *run["commands"], "```", ""]
    return "\n".join(lines)


def raw(run):
    """The JSON text with one sample a line, so that two runs can be compared line by line."""
    head = {key: value for key, value in run.items() if key != "scenarios"}
    text = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    scenarios = ",\n".join(_scenario_json(scenario) for scenario in run["scenarios"])
    return f'{text},\n "scenarios": [\n{scenarios}\n ]\n}}\n'


def _scenario_json(scenario):
    def rows(key):
        return ",\n   ".join(json.dumps(row.as_dict()) for row in scenario[key])

    rest = {key: scenario[key] for key in ("name", "connections", "failures")}
    text = json.dumps(rest, ensure_ascii=False).removesuffix("}")
    return (
        f'  {text},\n  "summaries": [\n   {rows("summaries")}],\n'
        f'  "samples": [\n   {rows("samples")}]}}'
    )


def _table(scenario):
    yield f"## {scenario['name']} reply, {scenario['connections']} keep-alive connections"
    yield ""
    yield "| " + " | ".join(title for title, _ in COLUMNS) + " |"
    yield "|" + "---|" * len(COLUMNS)
    for row in scenario["summaries"]:
        yield "| " + " | ".join(cell(row) for _, cell in COLUMNS) + " |"
    remarks = list(_remarks(scenario))
    if remarks:
        yield ""
        yield from remarks


def _remarks(scenario):
    for row in scenario["summaries"]:
        if row.limit == "load core":
            yield (
                f"- {row.peer}: the core of the generator and the origin was the limit; the proxy "
                "could have done more requests/s."
            )
        elif row.limit == "waiting":
            yield f"- {row.peer}: no core was full; its requests/s are bound by waiting."
        for note in row.notes:
            yield f"- {row.peer}: {note}."
    for failure in scenario["failures"]:
        yield f"- {failure['peer']}: left out: {failure['why']}"


def _spread(value, digits):
    if value is None:
        return "–"
    return f"{value.median:.{digits}f} ({value.low:.{digits}f}–{value.high:.{digits}f})"
