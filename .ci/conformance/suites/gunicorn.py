"""gunicorn's request tests: pages of raw requests, and beside each what it is read as, or the error it is refused with.

What the tests of its own settings ask for holds only under these settings; of them, only that what the gateway makes
of the bytes is one reading.
"""

import ast
import re

from case import Case, Request
from suites.hosts import with_host
from suites.packages import source_distribution

GUNICORN = ("gunicorn", "23.0.0", "f014447a0101dc57e294f6c18ca6b40227a4c90e9bdb586042628030cba004ec")


def cases():
    folder = source_distribution(*GUNICORN) / "tests/requests"
    found = []
    for path in sorted(folder.glob("*/*.http")):
        valid = path.parent.name == "valid"
        found.append(make(f"{path.parent.name}/{path.stem}", valid, written(path), Told(path.with_suffix(".py"))))
    return found


def written(path):
    data = path.read_bytes().replace(b"\n", b"").replace(b"\\r\\n", b"\r\n")
    return data.replace(b"\\0", b"\0").replace(b"\\n", b"\n").replace(b"\\t", b"\t")


class Told:
    """What the page beside the request says: the requests that it is, and whether under settings of its own."""

    def __init__(self, path):
        tree = ast.parse(path.read_text())
        names = {}
        self.own_settings = any(isinstance(node, ast.Attribute) and node.attr == "set" for node in ast.walk(tree))
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                names[node.targets[0].id] = node.value
        said = names["request"]
        self.error = said.id if isinstance(said, ast.Name) else ""
        nodes = [names.get(item.id) for item in said.elts] if isinstance(said, ast.List) else [said]
        self.requests = [self.request(node) for node in nodes if isinstance(node, ast.Dict)]

    @staticmethod
    def request(node):
        values = {key.value: value for key, value in zip(node.keys, node.values)}
        target = values["uri"].args[0].value.encode()
        try:
            body = ast.literal_eval(values["body"])
        except ValueError:
            body = None  # It is computed; the length still has to be right for the next request to be found.
        plain = target.startswith(b"/") and not re.search(rb"[%#]|/\.|//|;", target)
        return Request(values["method"].value.encode(), target if plain else None, body)


def make(name, valid, data, told):
    case = Case("gunicorn", name, [with_hosts(data, told)])
    if told.own_settings or told.error.startswith("LimitRequest"):
        case.outcome, case.codes, case.probe = "either", ("4xx", "501", "505", "close"), False
        case.requests = [Request()] * max(1, len(told.requests))
    elif valid:
        case.outcome, case.requests = "accept", told.requests
    else:
        case.outcome, case.probe = "cut" if b"chunked" in data else "refuse", False
        case.codes = ("4xx", "501", "505") if b"\r\n\r\n" in data else ("4xx", "501", "505", "close")
    case.complete()
    return case


def with_hosts(data, told):
    """A Host field for each HTTP/1.1 request that has none, where a request line can be told."""
    line = re.compile(rb"(?:^|(?<=\n))[!-~]+ [^\r\n]* HTTP/1\.[01]\r\n")
    position = 0
    for request in told.requests or [Request()]:
        match = line.search(data, position)
        if not match:
            break
        data = with_host(data, match.start())
        head_end = data.find(b"\r\n\r\n", match.start()) + 4
        sized = re.search(rb"\r\ncontent-length:", data[match.start() : head_end], re.I)
        position = head_end + (len(request.body or b"") if sized else 0)
    return data
