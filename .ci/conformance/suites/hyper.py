"""hyper's unit tests of reading heads and chunk lines, out of the crate that Cargo.lock names.

The tests give heads alone; they get the body that the test says they have. Tests of hyper's lenient settings are left
out. Requests without a Host field get one.
"""

import re
from pathlib import Path

from case import Case, Request
from suites.hosts import with_host
from suites.literals import text_of
from suites.packages import crate

STRING = r'("(?:[^"\\]|\\[\s\S])*")'
BODIES = {"CHUNKED": (b"5\r\nhello\r\n0\r\n\r\n", b"hello"), "ZERO": (b"", b""), "CLOSE_DELIMITED": (b"to the end", b"to the end")}
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def cases():
    folder = Path(crate("hyper")[0]) / "src/proto/h1"
    role, decode = ((folder / name).read_text().partition("mod tests {")[2] for name in ("role.rs", "decode.rs"))
    heads = function(role, "test_decoder_request"), function(role, "test_decoder_response")
    return [*whole_heads(role), *requests(heads[0]), *responses(heads[1]), *chunk_lines(function(decode, "test_read_chunk_size"))]


def function(source, name):
    """The text of a function within the tests' module."""
    at = source.index(f"fn {name}(")
    return source[at : source.index("\n    }\n", at)]


def whole_heads(role):
    """The tests that each hold one head and say whether it is one."""
    constants = {match[1]: match[2] for match in re.finditer(r"const (\w+): &str =\s*" + STRING, role)}
    for match in re.finditer(r"fn (test_parse_\w+)\(\)", role):
        text = function(role, match[1])
        found = re.search(r"BytesMut::from\(\s*(?:" + STRING + r"|(\w+))\s*,?\s*\)", text)
        lenient = "parser_config." in text or "h09_responses: true" in text
        if not found or (found[2] and found[2] not in constants) or lenient or not ("unwrap_err" in text or ".unwrap()" in text):
            continue
        data = text_of(found[1] or constants[found[2]])
        faulty = "unwrap_err" in text
        if "Server::parse" in text:
            yield request(match[1], data, None if faulty else (b"", b""))
        elif faulty:
            yield response(match[1], data, b"GET", None)
        else:
            yield response(match[1], data, b"GET", (b"", b""))


def decoded(text):
    """The bytes of the body that a test expects, and what they are once they are read."""
    match = re.search(r"DecodedLength::(\w+)(?:\((\d+)\))?", text)
    if match and match[1] == "new":
        return b"0123456789"[: int(match[2])], b"0123456789"[: int(match[2])]
    return BODIES[match[1]] if match else (b"", b"")


def calls(text):
    """(function, literal, what follows up to the next) of each call with a head."""
    found = list(re.finditer(r"\b(parse|parse_err|parse_ignores|parse_with_method)\(\s*" + STRING, text))
    for match, end in zip(found, [match.start() for match in found[1:]] + [len(text)]):
        yield match[1], text_of(match[2]), text[match.end() : end]


def request(name, data, body):
    """`body`: as sent and as read; None: the head is refused."""
    data = with_host(data)
    if body is None:
        return Case("hyper", name, [data], "refuse", probe=False)
    return Case("hyper", name, [data + body[0]], "accept", requests=[Request(body=body[1])])


def response(name, data, method, body):
    sent = GET.replace(b"GET", method)
    if body is None:
        return Case("hyper", name, [sent], "bad", reply=data, reply_closes=True)
    return relay(name, data + body[0], sent, int(data[9:12]), body[1])


def relay(name, reply, sent, status, body):
    return Case("hyper", name, [sent], "relay", reply=reply, reply_closes=True, status=status, body=body)


def requests(text):
    for number, (called, data, after) in enumerate(calls(text), 1):
        name = f"test_decoder_request {number}"
        yield request(name, data, None if called == "parse_err" else decoded(after))


def responses(text):
    for number, (called, data, after) in enumerate(calls(text), 1):
        name = f"test_decoder_response {number}"
        method = re.match(r",\s*Method::(\w+)", after)
        if "CONNECT" in after[:60] or b" 101 " in data:
            continue  # Tunnels are made only when the client asks for one.
        if called == "parse_ignores":
            yield relay(name, data + b"HTTP/1.1 204 No Content\r\n\r\n", GET, 204, b"")
            continue
        yield response(name, data, method[1].encode() if method else b"GET", None if called == "parse_err" else decoded(after))


def chunk_lines(text):
    for number, match in enumerate(re.finditer(r"assert_eq!\((\d+), read\(" + STRING + r"|read_err\(" + STRING + r", (\w+)\)", text), 1):
        size, good, faulty, kind = match.groups()
        name = f"test_read_chunk_size {number}"
        if good:
            body = b"x" * int(size)
            data = POST + text_of(good) + (body + b"\r\n0\r\n\r\n" if body else b"\r\n")
            yield Case("hyper", name, [data], "accept", requests=[Request(b"POST", b"/", body)])
        elif kind == "UnexpectedEof":
            yield Case("hyper", name, [POST + text_of(faulty)], "wait", ("400", "408"))
        else:
            yield Case("hyper", name, [POST + text_of(faulty) + b"x\r\n0\r\n\r\n"], "cut", probe=False)
