"""Gives a request a Host field where a suite's request has none.

Parsers' tests leave Host out; HTTP/1.1 has it refused for that alone (RFC 9112 §3.2), and then nothing would be seen
of what the test is about.
"""

import re


def with_host(data, start=0, end=None):
    """`data`, with a Host field in the HTTP/1.1 request that begins at `start` and ends before `end`."""
    end = len(data) if end is None else end
    line_end = data.find(b"\r\n", start, end)
    if line_end < 0 or not data[start:line_end].endswith(b" HTTP/1.1"):
        return data
    head_end = data.find(b"\r\n\r\n", start, end)
    if re.search(rb"\nhost[ \t]*:", data[start : end if head_end < 0 else head_end], re.I):
        return data
    return data[: line_end + 2] + b"Host: added.example\r\n" + data[line_end + 2 :]
