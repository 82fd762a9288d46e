"""The failures of corelane that have a reason, as known.txt lists them."""

from pathlib import Path

PLACE = Path(__file__).with_name("known.txt")


def groups():
    """(reason, cases) of each paragraph. ValueError: a case without a reason or twice, a reason without a case."""
    found = []
    for paragraph in PLACE.read_text().split("\n\n"):
        lines = [line for line in paragraph.splitlines() if line.strip() and not line.startswith("#")]
        reason = " ".join(line for line in lines if not line.startswith(" "))
        cases = [line.strip() for line in lines if line.startswith(" ")]
        if lines and not (reason and cases):
            raise ValueError(f"known.txt: a reason without a case, or a case without a reason: {lines[0]}")
        if lines:
            found.append((reason, cases))
    every = [case for _, cases in found for case in cases]
    twice = sorted({case for case in every if every.count(case) > 1})
    if twice:
        raise ValueError(f"known.txt: twice: {twice}")
    return found


def reasons():
    """{case: reason}."""
    return {case: reason for reason, cases in groups() for case in cases}
