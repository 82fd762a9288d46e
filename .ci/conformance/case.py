"""A conformance case: what a client sends, and what may come of it. Also the reader of case files.

A case file holds cases in this form, one escaped line of bytes per `>` (they are sent as one piece):

    # A comment.
    == NAME
    > POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 5\\r\\n\\r\\n
    > hello
    < accept POST / "hello"

`\\r \\n \\t \\0 \\\\ \\xHH` are escapes and `\\{TEXT*1000}` is a repetition. A `>>` line is sent only after what was
sent before it has been answered, or has been met with silence. What the origin answers is the default reply,
or the bytes of `@` lines (`@close`: and then it closes). The `<` lines say what has to come of it:

    accept [METHOD TARGET ["BODY"]]   it is one request: it arrives, and its answer comes back; several: pipelined
    refuse [CODE …]                   the gateway answers with a code and nothing of it reaches the origin
    cut [CODE …]                      the same of a body: no whole request reaches the origin
    either [CODE …]                   accepted in exactly one reading, or refused
    answer CODE …                     any answer with such a code, from the gateway or the origin
    wait [CODE …]                     it is not whole yet: no answer (or a refusal), nothing whole at the origin
    relay CODE ["BODY"]               the client gets the origin's reply, whole
    bad [CODE …]                      the origin's reply is refused: 502
    broken                            the reply's beginning may come, but visibly not its end
    closes                            and the connection ends after it
    arrives NAME: VALUE               the origin sees this field line in the first request
    absent NAME                       the origin does not see this field in the first request
    returns NAME: VALUE / lacks NAME  the same of the reply that the client gets; VALUE may be `*`
    interim [CODE …]                  the client gets these interim answers, in this order, and no others
    no-probe                          bytes are left over on purpose; nothing more is sent behind them

A CODE is `400`, `4xx`, or `close`: the connection ends without an answer.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

OUTCOMES = ("accept", "refuse", "cut", "either", "answer", "wait", "relay", "bad", "broken")
REFUSALS = ("4xx", "501", "505")
"""How a request may be refused when the case does not say it: the fault is the client's."""


@dataclass
class Request:
    """One request that has to reach the origin. None: not looked at."""

    method: bytes | None = None
    target: bytes | None = None
    body: bytes | None = None


@dataclass
class Case:
    suite: str
    name: str
    pieces: list[bytes] = field(default_factory=list)
    outcome: str = ""
    codes: tuple[str, ...] = ()
    requests: list[Request] = field(default_factory=list)
    reply: bytes | None = None
    reply_closes: bool = False
    status: int = 0
    body: bytes | None = None
    closes: bool = False
    probe: bool = True
    arrives: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    returns: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    interim: list[int] | None = None

    def __post_init__(self):
        self.complete()

    def complete(self):
        """What goes without saying for the outcome; again when the outcome was set later."""
        if self.outcome in ("refuse", "cut", "either") and not self.codes:
            self.codes = REFUSALS
        if self.outcome == "bad" and not self.codes:
            self.codes = ("502",)
        if self.outcome in ("accept", "either") and not self.requests:
            self.requests = [Request()]

    @property
    def id(self):
        return f"{self.suite}/{self.name}"

    @property
    def method(self):
        """The method of the first request, as far as it can be told."""
        return b"".join(self.pieces).lstrip(b"\r\n").split(b" ", 1)[0]

    def allows(self, status):
        """Whether an answer with this status, None for a close without an answer, is a refusal that is asked for."""
        said = "close" if status is None else str(status)
        return said in self.codes or (status is not None and f"{said[0]}xx" in self.codes)


def unescape(text):
    """The bytes that an escaped line stands for."""
    text = re.sub(r"\\\{(.+?)\*(\d+)\}", lambda found: found[1] * int(found[2]), text)
    escapes = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\", '"': b'"'}
    result, rest = b"", text
    while rest:
        plain, backslash, rest = rest.partition("\\")
        result += plain.encode()
        if backslash and rest[:1] == "x":
            result, rest = result + bytes([int(rest[1:3], 16)]), rest[3:]
        elif backslash:
            result, rest = result + escapes[rest[:1]], rest[1:]
    return result


def split_words(text):
    """Words, and a last "quoted" one as bytes."""
    words, quote, quoted = text.partition(' "')
    if quote:
        return words.split(), unescape(quoted.rstrip().removesuffix('"'))
    return words.split(), None


def field_line(text):
    name, _, value = text.partition(":")
    value = value.strip()
    return name.strip().lower().encode(), None if value == "*" else unescape(value)


def apply(kept, line):
    """One `<` line."""
    word, _, rest = line.partition(" ")
    if word == "closes":
        kept["closes"] = True
    elif word == "interim":
        kept["interim"] = [int(code) for code in rest.split()]
    elif word == "no-probe":
        kept["probe"] = False
    elif word == "arrives":
        kept.setdefault("arrives", []).append(field_line(rest))
    elif word == "absent":
        kept.setdefault("arrives", []).append((rest.strip().lower().encode(), b""))
    elif word == "returns":
        kept.setdefault("returns", []).append(field_line(rest))
    elif word == "lacks":
        kept.setdefault("returns", []).append((rest.strip().lower().encode(), b""))
    elif word not in OUTCOMES:
        raise ValueError(f"unknown word {word!r}")
    else:
        kept["outcome"] = word
        words, quoted = split_words(" " + rest if rest.startswith('"') else rest)
        if word == "accept" and words:
            kept.setdefault("requests", []).append(Request(words[0].encode(), unescape(words[1]), quoted))
        elif word == "relay":
            kept["status"], kept["body"] = int(words[0]), quoted
        else:
            kept["codes"] = tuple(words)


def read_file(path):
    """The cases of a case file; the suite is the file's name."""
    cases, kept = [], None

    def done():
        if kept is not None:
            if not kept.get("outcome"):
                raise ValueError(f"{path}: {kept['name']}: it does not say what has to come of it")
            if any(case.name == kept["name"] for case in cases):
                raise ValueError(f"{path}: {kept['name']} is there twice")
            cases.append(Case(**kept))

    for number, line in enumerate(Path(path).read_text().splitlines(), 1):
        try:
            if line.startswith("== "):
                done()
                kept = {"suite": Path(path).stem, "name": line[3:].strip(), "pieces": []}
            elif line.startswith(">> "):
                kept["pieces"].append(unescape(line[3:]))
            elif line.startswith("> "):
                before = kept["pieces"].pop() if kept["pieces"] else b""
                kept["pieces"].append(before + unescape(line[2:]))
            elif line.strip() == "@close":
                kept["reply_closes"], kept["reply"] = True, kept.get("reply", b"")
            elif line.startswith("@ "):
                kept["reply"] = kept.get("reply", b"") + unescape(line[2:])
            elif line.startswith("< "):
                apply(kept, line[2:].strip())
            elif line.strip() and not line.startswith("#"):
                raise ValueError("neither a case nor a part of one")
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(f"{path}:{number}: {error}") from error
    done()
    return cases
