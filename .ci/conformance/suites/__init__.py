"""The suites by name: case files, and what packages bring."""

from pathlib import Path

from case import read_file
from suites import golang, gunicorn, hyper, llhttp, mutations

FILES = {path.stem: path for path in sorted((Path(__file__).parents[1] / "cases").glob("*.case"))}
MADE = {"mutations": mutations.cases}
FETCHED = {"llhttp": llhttp.cases, "gunicorn": gunicorn.cases, "golang": golang.cases, "hyper": hyper.cases}
SUITES = [*FILES, *MADE, *FETCHED]


def load(name, offline):
    """The cases of a suite. None: it would have to be fetched."""
    if name in FILES:
        return read_file(FILES[name])
    if name in FETCHED and offline:
        return None
    cases, names = {**MADE, **FETCHED}[name](), {}
    for case in cases:  # Suites use a name twice; the second one is told apart by a number.
        names[case.name] = names.get(case.name, 0) + 1
        if names[case.name] > 1:
            case.name += f" ({names[case.name]})"
    return cases
