"""Go's net/http: the tables of its tests of reading requests, responses, lengths and chunks (Debian golang-1.19-src).

Where a table says only what is refused, and with which words, the words are not compared.
"""

import re

from case import Case, Request
from suites.hosts import with_host
from suites.literals import Call, go_composite
from suites.packages import debian_package

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


def cases():
    folder = debian_package("golang-1.19-src") / "usr/share/go-1.19/src/net/http"
    files = {name: (folder / f"{name}_test.go").read_text() for name in ("readrequest", "request", "serve", "response", "transfer")}
    files["chunked"] = (folder / "internal/chunked_test.go").read_text()
    tables = (requests, bad_requests, request_errors, versions, hosts, fields, methods, codings, lengths, sizes, responses, response_errors)
    return [case for table in tables for case in table(files)]


def table(source, beginning):
    """The rows of the table that follows `beginning`, which may be a function or a variable."""
    at = source.index(beginning)
    match = re.compile(r"\[\](?:struct \{.*?\n\s*\}|\w+)\{", re.S).search(source, at)
    rows = go_composite(source[match.end() :])
    return list(rows.values()) if isinstance(rows, dict) else rows


def accept(name, data, requests, probe=True):
    return Case("golang", name, [data], "accept", requests=requests, probe=probe)


def refuse(name, data, *codes):
    truncated = () if b"\r\n\r\n" in data else ("close",)
    return Case("golang", name, [data], "refuse", codes=(codes or ("4xx", "501", "505")) + truncated, probe=False)


def requests(files):
    for number, (raw, request, body, _, error) in enumerate(table(files["readrequest"], "var reqTests")):
        name = f"reqTests {number}"
        if isinstance(error, bytes) and error:
            yield refuse(name, with_host(raw))
            continue
        method = request["Method"]
        target = raw.split(b" ")[1]
        plain = target if target.startswith(b"/") and not target.startswith(b"//") else None
        # What its reader leaves unread, the next reader of the connection would see.
        whole = body if isinstance(body, bytes) else b""
        rest = b"\r\n\r\n" in raw and not raw.endswith((b"\r\n\r\n", whole or b"\r\n\r\n"))
        if method in (b"CONNECT", b"PRI") or target == b"*" and method == b"OPTIONS":
            yield Case("golang", name, [with_host(raw)], "answer", ("2xx", "4xx", "501", "505"), probe=False)
        else:
            yield accept(name, with_host(raw), [Request(method, plain, whole)], probe=not rest)


def bad_requests(files):
    for name, raw in table(files["readrequest"], "var badRequestTests"):
        data = raw.arguments[0].replace(b"\n", b"\r\n")  # `reqBytes` ends each head with its own line ends.
        yield refuse(f"badRequestTests {name.decode()}", with_host(data.strip() + b"\r\n\r\n"))


def request_errors(files):
    for number, row in enumerate(table(files["request"], "var readRequestErrorTests")):
        raw, error = (row["in"], row.get("err")) if isinstance(row, dict) else row[:2]
        name = f"readRequestErrorTests {number}"
        if isinstance(error, Call):
            if raw:
                yield Case("golang", name, [with_host(raw)], "wait", ("400", "408"))
        elif error:
            yield refuse(name, with_host(raw))
        else:
            data = with_host(raw).removesuffix(b"\r\n") if raw.endswith(b"Gopher\r\n") else with_host(raw)
            yield accept(name, data, [Request()])


def versions(files):
    for version, major, _, known in table(files["request"], "var parseHTTPVersionTests"):
        data = b"GET / " + version + b"\r\nHost: a\r\n\r\n"
        name = f"parseHTTPVersionTests {version.decode()}"
        yield accept(name, data, [Request()]) if known and major == 1 else refuse(name, data)


def hosts(files):
    for proto, host, want in table(files["serve"], "func TestServerValidatesHostHeader"):
        line = b"GET / " + proto if proto.startswith(b"HTTP/") else proto
        name = f"TestServerValidatesHostHeader {line.decode()} {host!r}"
        data = line + b"\r\n" + host + b"\r\n"
        if line.startswith((b"PRI *", b"CONNECT")):
            yield Case("golang", name, [data], "answer", ("2xx", "4xx", "501", "505"), probe=False)
        else:
            yield accept(name, data, [Request(b"GET", b"/")]) if want == 200 else refuse(name, data)


def fields(files):
    for line, want in table(files["serve"], "func TestServerValidatesHeaders"):
        name = f"TestServerValidatesHeaders {line[:40]!r}"
        data = b"GET / HTTP/1.1\r\nHost: foo\r\n" + line + b"\r\n"
        yield accept(name, data, [Request(b"GET", b"/")]) if want == 200 else refuse(name, data, str(want))


def methods(files):
    for method, want in table(files["serve"], "func TestServerValidatesMethod"):
        data = method + b" / HTTP/1.1\r\nHost: foo.example\r\n\r\n"
        name = f"TestServerValidatesMethod {method.decode()}"
        yield accept(name, data, [Request(method)]) if want == 200 else refuse(name, data)


def codings(files):
    for row in table(files["transfer"], "func TestParseTransferEncoding"):
        values = row["hdr"][b"Transfer-Encoding"]
        lines = b"".join(b"Transfer-Encoding: " + value + b"\r\n" for value in values)
        name = f"TestParseTransferEncoding {b' | '.join(values)!r}"
        data = POST + lines + b"\r\n5\r\nhello\r\n0\r\n\r\n"
        yield accept(name, data, [Request(b"POST", b"/", b"hello")]) if row["wantErr"] is None else refuse(name, data)


def lengths(files):
    for row in table(files["transfer"], "func TestParseContentLength"):
        name = f"TestParseContentLength {row['cl'].decode()}"
        data = POST + b"Content-Length: " + row["cl"] + b"\r\n\r\nabc"
        if row["wantErr"]:
            yield refuse(name, data)
        elif row["cl"] == b"3":
            yield accept(name, data, [Request(b"POST", b"/", b"abc")])
        else:
            yield Case("golang", name, [data], "wait", ("413",))


def sizes(files):
    for size, _, error in table(files["chunked"], "func TestParseHexUint"):
        name = f"TestParseHexUint {size.decode()}"
        data = POST + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n"
        if error:
            yield Case("golang", name, [data + b"x\r\n0\r\n\r\n"], "cut", probe=False)
        elif int(size, 16) <= 1:
            data += (b"x\r\n0\r\n" if int(size, 16) else b"") + b"\r\n"
            yield accept(name, data, [Request(b"POST", b"/", b"x" * int(size, 16))])
        else:
            yield Case("golang", name, [data + b"x"], "wait", ("400", "413"))


def relay(name, raw, method, outcome, status=0, body=None):
    sent = GET.replace(b"GET", method)
    return Case("golang", name, [sent], outcome, reply=raw, reply_closes=True, status=status, body=body)


def responses(files):
    for number, (raw, response, body) in enumerate(table(files["response"], "var respTests")):
        asked = response.get("Request")
        method = asked.arguments[0] if isinstance(asked, Call) else b"GET"
        if method != b"CONNECT":
            yield relay(f"respTests {number}", raw, method, "relay", response["StatusCode"], body)


def response_errors(files):
    source = files["response"]
    at = source.index("func TestReadResponseErrors")
    for row in table(source[source.index("tests := []testCase{", at) :], "tests"):
        if isinstance(row, Call):
            words = [argument or b"" for argument in row.arguments[:-1]]
            made = {
                "status": lambda words=words: b"HTTP/1.1 " + words[0] + b"\r\nFoo: bar\r\n\r\n",
                "version": lambda words=words: words[0] + b" 200 OK\r\n\r\n",
                "contentLength": lambda words=words: b"HTTP/1.1 " + words[0] + b"\r\n" + words[1],
            }
            raw, error = made[row.name](), row.arguments[-1]
        else:
            raw, error = row[1], row[2]
        name = f"TestReadResponseErrors {raw[:70]!r}"
        code = re.match(rb"HTTP/1\.\d ([0-9]{3})", raw)
        yield relay(name, raw, b"GET", "bad") if error else relay(name, raw, b"GET", "relay", int(code[1]) if code else 200)
