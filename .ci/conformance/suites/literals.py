"""Reads tables of literals out of Go and Rust source text, as far as the suites need it: nothing is run."""

import re

TOKEN = re.compile(
    r"""\s+|//[^\n]*|/\*.*?\*/"""
    r"""|(?P<string>"(?:[^"\\]|\\.)*")|(?P<raw>`[^`]*`)|(?P<number>\d[\dxXa-fA-F_]*)|(?P<name>[A-Za-z_][\w.]*)|(?P<sign><<|.)""",
    re.S,
)
ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "0": b"\0", "\\": b"\\", '"': b'"', "'": b"'", "v": b"\v", "a": b"\a", "b": b"\b", "f": b"\f"}


def text_of(literal):
    """The bytes of a quoted Go or Rust string, the quotes included in what is given."""
    out, rest = b"", literal[1:-1]
    while rest:
        plain, backslash, rest = rest.partition("\\")
        out += plain.encode()
        if not backslash:
            break
        if rest[0] == "x":
            out, rest = out + bytes([int(rest[1:3], 16)]), rest[3:]
        elif rest[0] == "u":
            out, rest = out + chr(int(rest[1:5], 16)).encode(), rest[5:]
        elif rest[0] == "\n":  # Rust: a continued line begins after its indentation.
            rest = rest.lstrip()
        else:
            out, rest = out + ESCAPES[rest[0]], rest[1:]
    return out


def tokens(source):
    for match in TOKEN.finditer(source):
        if match.lastgroup:
            yield match.lastgroup, match[0]


class Call:
    """A call or a conversion: `name(arguments)`."""

    def __init__(self, name, arguments):
        self.name, self.arguments = name, arguments


class Reader:
    """A reader of Go values: strings, numbers, names, calls, and composites as lists or dictionaries."""

    def __init__(self, source):
        self.tokens = tokens(source)
        self.ahead = next(self.tokens)

    def peek(self):
        return self.ahead[1]

    def next(self):
        taken, self.ahead = self.ahead, next(self.tokens, ("end", ""))
        return taken

    def value(self):
        """One value; sums of strings are put together."""
        left = self.operand()
        while self.peek() in ("+", "-", "<<"):
            sign = self.next()[1]
            right = self.operand()
            if sign == "+" and isinstance(left, bytes) and isinstance(right, bytes):
                left += right
            else:
                left = None  # Arithmetic is nothing that a case needs.
        return left

    def operand(self):
        kind, text = self.next()
        if kind == "string":
            return text_of(text)
        if kind == "raw":
            return text[1:-1].replace("\r", "").encode()
        if kind == "number":
            return int(text.replace("_", ""), 0) if not text.startswith("0") or len(text) == 1 or text[1] in "xX" else int(text, 8)
        if text in "&-!":
            return self.operand()
        if text == "[":  # The type of a slice; what follows is its value.
            while self.next()[1] != "]":
                pass
            return self.operand()
        if text == "{":
            return self.composite()
        return self.named(text)

    def named(self, name):
        if name == "map":
            while self.peek() != "{":
                self.next()
        if self.peek() == "{":
            self.next()
            return self.composite()
        if self.peek() == "(":
            self.next()
            return self.call(name)
        return {"true": True, "false": False, "nil": None}.get(name, name)

    def call(self, name):
        arguments = []
        while self.peek() != ")":
            arguments.append(self.value())
            if self.peek() == ",":
                self.next()
        self.next()
        if name == "strings.Repeat":
            size = arguments[1] if isinstance(arguments[1], int) else 1 << 21
            return arguments[0] * size
        return Call(name, arguments)

    def composite(self):
        """A list, or a dictionary where there are keys."""
        items, keyed = [], {}
        while self.peek() != "}":
            value = self.value()
            if self.peek() == ":":
                self.next()
                keyed[value] = self.value()
            else:
                items.append(value)
            if self.peek() == ",":
                self.next()
        self.next()
        return keyed or items


def go_composite(source):
    """The composite whose `{` is just before the source."""
    return Reader(source).composite()
