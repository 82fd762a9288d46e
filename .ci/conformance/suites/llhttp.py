"""llhttp's own tests, as PyPI's source distribution of aiohttp carries them.

Each is a page section with input and the log that the parser has to write. The log tells what the input is: so many
messages, with these methods, targets and bodies, or an error. Judged is llhttp as it is by default: of the tests of
its lenient modes, only that what the gateway makes of the input is one reading. Left out: what pauses the parser
or skips bodies, which is its API, and the URL parser.
"""

import json
import re

from case import Case, Request
from suites.hosts import with_host
from suites.packages import source_distribution

AIOHTTP = ("aiohttp", "3.13.2", "40176a52c186aefef6eb3cad2cdd30cd06e3afbe88fe8ab2af9c0b90f228daca")
PAUSED = {"21", "22"}
"""The codes with which it says that another protocol begins."""
TEST = re.compile(r"<!-- meta=(\{.*?\}) -->\s*```http\n(.*?)```(?:(?!```).)*```log\n(.*?)```", re.S)
LOG = re.compile(r"/?off=(\d+) (?:len=(\d+) span\[(\w+)\]|(message begin|message complete|headers complete|error) ?(.*))")


def cases():
    folder = source_distribution(*AIOHTTP) / "vendor/llhttp/test"
    found = []
    for kind in ("request", "response"):
        for path in sorted((folder / kind).glob("*.md")):
            for name, meta, text, log in tests(path.read_text()):
                if "pause" in meta or "skipBody" in meta:
                    continue
                make = request_case if kind == "request" else response_case
                found.append(make(f"{kind}/{path.stem}: {name}", meta["type"] == kind, written(text), events(log)))
    return found


def tests(page):
    """(heading, meta, input, log) of each test on a page."""
    headings = [(match.start(), match[1].strip()) for match in re.finditer(r"^#+ (.*)$", page, re.M)]
    for match in TEST.finditer(page):
        before = [name for at, name in headings if at < match.start()]
        yield (before[-1] if before else ""), json.loads(match[1]), match[2], match[3]


def written(text):
    """The bytes that a test's input stands for, by the rules of its runner."""
    text = text.removesuffix("\n")
    text = re.sub(r"\\(\r\n|\r|\n)", "", text)
    text = re.sub(r"\r\n|\r|\n", "\r\n", text)
    for escape, character in (("\\r", "\r"), ("\\n", "\n"), ("\\t", "\t"), ("\\f", "\f")):
        text = text.replace(escape, character)
    text = re.sub(r"\\x([0-9a-fA-F]+)", lambda found: chr(int(found[1], 16)), text)
    text = re.sub(r"\\([0-7]{1,3})", lambda found: chr(int(found[1], 8)), text)
    text = re.sub(r"\$\{'(.+?)'\.repeat\((\d+)\)\}", lambda found: found[1] * int(found[2]), text)
    if "${" in text:
        raise SystemExit(f"llhttp: an input that this cannot read: {text[:200]}")
    return b"".join(character.encode("latin-1") if ord(character) < 256 else character.encode() for character in text)


class Message:
    def __init__(self, start):
        self.start, self.spans, self.head, self.whole = start, {}, "", False

    def value(self, data, name):
        return b"".join(data[start:end] for start, end in self.spans.get(name, ()))


def events(log):
    """The messages that a log tells of, and the code of its error."""
    messages, error = [], None
    for line in log.splitlines():
        match = LOG.match(line)
        if not match:
            continue
        at, length, span, event, rest = match.groups()
        if event == "message begin":
            messages.append(Message(int(at)))
        elif span and messages:
            messages[-1].spans.setdefault(span, []).append((int(at), int(at) + int(length)))
        elif event == "headers complete":
            messages[-1].head = rest
        elif event == "message complete":
            messages[-1].whole = True
        elif event == "error":
            error = re.search(r"code=(\d+)", rest)[1]
    return messages, error


def request_case(name, strict, data, told):
    messages, error = told
    wanted = [
        Request(message.value(data, "method"), plain_target(message.value(data, "url")), message.value(data, "body"))
        for message in messages
        if message.whole
    ]
    sent = with_hosts(data, messages)
    case = Case("llhttp", name, [sent], probe=False)
    if not strict or error in PAUSED:
        case.outcome, case.codes, case.requests = "either", ("4xx", "501", "505", "close"), wanted and [Request()] * len(wanted)
    elif wanted:
        case.outcome, case.requests = "accept", wanted
        case.probe = error is None and messages[-1].whole
    elif error is None:
        case.outcome, case.codes = "wait", ("400", "408")
    else:
        case.outcome = "cut" if messages and messages[-1].head else "refuse"
        case.codes = ("4xx", "501", "505") if b"\r\n\r\n" in data else ("4xx", "501", "505", "close")
    case.complete()
    return case


def plain_target(target):
    """The target if it is one that every gateway forwards as it is."""
    plain = target.startswith(b"/") and not re.search(rb'[%#"|^{}<>\\]|/\.|//', target)
    return target if plain else None


def with_hosts(data, messages):
    """A Host field for each HTTP/1.1 message that has none."""
    ends = [message.start for message in messages[1:]] + [len(data)]
    for message, end in reversed(list(zip(messages, ends))):
        data = with_host(data, message.start, end)
    return data


def response_case(name, strict, data, told):
    messages, error = told
    final = next((message for message in messages if not re.search(r"status=1\d\d", message.head)), None)
    status = int(re.search(r"status=(\d+)", final.head)[1]) if final and final.head else 0
    case = Case("llhttp", name, [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"], reply=data, reply_closes=True)
    fields = b",".join(data[start:end].lower() for start, end in final.spans.get("header_field", ())) if final else b""
    until_close = b"content-length" not in fields and b"transfer-encoding" not in fields
    if not strict or error in PAUSED:
        case.outcome, case.codes = "answer", ("2xx", "3xx", "4xx", "502", "close")
    elif status and (final.whole or (error is None and until_close)):
        case.outcome, case.status, case.body = "relay", status, final.value(data, "body")
    else:
        case.outcome = "broken" if status else "bad"
    case.complete()
    return case
