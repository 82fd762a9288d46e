"""The parts of docs/conformance.md that a run writes: the table of results, and the failures with their reasons.

Each part stands between two comment lines, `<!-- results -->` and `<!-- end of results -->`, and so for `failures`.
.ci/check-docs asks whether the page still says what known.txt says.
"""

import re
from pathlib import Path

import known

PAGE = Path(__file__).resolve().parents[2] / "docs/conformance.md"
PROGRAMS = ["corelane", "nginx", "haproxy"]
"""The columns."""


def write_failures():
    PAGE.write_text(put(PAGE.read_text(), "failures", failures()))


def write_results(scores):
    """`scores`: {program: {suite: (passed, failed, unsafe)}}."""
    PAGE.write_text(put(PAGE.read_text(), "results", results(scores)))


def disagreements():
    """What the page says otherwise than known.txt does."""
    text = PAGE.read_text()
    if put(text, "failures", failures()) != text:
        yield "the failing cases are not those of .ci/conformance/known.txt; `.ci/http1-suites --page` writes them"
    listed = [case.partition("/")[0] for case in known.reasons()]
    rows = re.findall(r"^\| ([\w-]+) \| \d+ \| (\d+) \| (\d+) \|", part(text, "results")[1], re.M)
    if not rows:
        yield "there is no table of results"
    for suite, failed, unsafe in rows:
        if int(failed) != listed.count(suite) or int(unsafe):
            yield f"{suite}: {failed} failed, {unsafe} of them unsafe, but known.txt has {listed.count(suite)} and excuses nothing unsafe"


def part(text, name):
    """The text before a part, the part, and the text behind it."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = text.partition(begin)
    inside, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{PAGE.name}: no part `{name}`")
    return before + begin, inside, end + after


def put(text, name, new):
    before, _, after = part(text, name)
    return before + new + after


def results(scores):
    lines = ["| suite |" + "".join(f" {program}: passed | failed | unsafe |" for program in PROGRAMS)]
    lines.append("|---|" + "--:|--:|--:|" * len(PROGRAMS))
    for suite in scores[PROGRAMS[0]]:
        lines.append(f"| {suite} |" + "".join(cells(scores[program][suite]) for program in PROGRAMS))
    sums = [map(sum, zip(*scores[program].values())) for program in PROGRAMS]
    lines.append("| **all** |" + "".join(map(cells, sums)))
    return "\n".join(lines) + "\n"


def cells(numbers):
    return "".join(f" {number} |" for number in numbers)


def failures():
    return "\n".join(
        f"{reason}\n\n```text\n" + "".join(f"{case}\n" for case in cases) + "```\n" for reason, cases in known.groups()
    )
