"""Every way to write a framing field a little wrong, as the smuggling tools do it.

The techniques are those of defparam/smuggler (configs/exhaustive.py) and of PortSwigger's HTTP Request Smuggler
(DesyncBox): a byte put at each joint of the field line, names and values bent, lines split and wrapped. All bytes are
tried, not only those that the tools try. Each request carries a body that is one thing by Content-Length and another
by chunks, with a request for /smuggled inside, so that a second reading would be seen at the origin.
"""

from case import Case

REFUSED = ("400", "501", "close")
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED_BODY = b"0\r\n\r\n" + SMUGGLED
"""By chunks empty, and then a request; by length all of it."""

CODING = {
    "name in lower case": b"transfer-encoding: chunked",
    "name in upper case": b"TRANSFER-ENCODING: CHUNKED",
    "name in changing case": b"tRANSFER-eNCODING: cHuNkEd",
    "no space": b"Transfer-Encoding:chunked",
    "two spaces": b"Transfer-Encoding:  chunked",
    "a tab on both sides": b"Transfer-Encoding\t:\tchunked",
    "an underscore": b"Transfer_Encoding: chunked",
    "a space for the hyphen": b"Transfer Encoding: chunked",
    "no hyphen": b"TransferEncoding: chunked",
    "a backslash for the hyphen": b"Transfer\\Encoding: chunked",
    "a soft hyphen": b"Transfer\xadEncoding: chunked",
    "a percent code in the name": b"Transfer-%45ncoding: chunked",
    "an accent in the name": b"Transf\x82r-Encoding: chunked",
    "an accent in the value": b"Transfer-Encoding: ch\x96nked",
    "a CR in the name": b"Tra\rnsfer-Encoding: chunked",
    "a word behind the name": b"Transfer-Encoding x: chunked",
    "the field line within another": b"Foo: bar\r\n Transfer-Encoding: chunked",
    "the field line within another, by tab": b"Foo: bar\r\n\tTransfer-Encoding: chunked",
    "behind a CR": b"Foo: bar\rTransfer-Encoding: chunked",
    "behind a LF": b"Foo: bar\nTransfer-Encoding: chunked",
    "behind CRLF CR": b"Foo: bar\r\n\rTransfer-Encoding: chunked",
    "behind two LF": b"Foo: bar\n\nTransfer-Encoding: chunked",
    "value on the next line": b"Transfer-Encoding:\r\n chunked",
    "value on the next line, by tab": b"Transfer-Encoding:\r\n\tchunked",
    "value behind LF and space": b"Transfer-Encoding:\n chunked",
    "value behind an empty line": b"Transfer-Encoding:\r\n \r\n chunked",
    "value behind LF and a vertical tab": b"Transfer-Encoding:\n\x0bchunked",
    "colon on the next line": b"Transfer-Encoding\n : chunked",
    "name on two lines": b"Transfer-\r\nEncoding: chunked",
    "double quotes": b'Transfer-Encoding: "chunked"',
    "single quotes": b"Transfer-Encoding: 'chunked'",
    "encoded word": b"Transfer-Encoding: =?iso-8859-1?B?Y2h1bmtlZA==?=",
    "encoded word in UTF-8": b"Transfer-Encoding: =?UTF-8?B?Y2h1bmtlZA==?=",
    "cut short": b"Transfer-Encoding: chunk",
    "one letter more": b"Transfer-Encoding: xchunked",
    "a coding behind it": b"Transfer-Encoding: chunked, cow",
    "a coding before it": b"Transfer-Encoding: cow, chunked",
    "identity behind it": b"Transfer-Encoding: chunked, identity",
    "identity before it": b"Transfer-Encoding: identity, chunked",
    "between two": b"Transfer-Encoding: identity, chunked, identity",
    "no comma": b"Transfer-Encoding: cow chunked bar",
    "twice in one line": b"Transfer-Encoding: chunked, chunked",
    "an empty element first": b"Transfer-Encoding: , chunked",
    "an empty element last": b"Transfer-Encoding: chunked,",
    "a parameter": b"Transfer-Encoding: chunked;q=1",
    "twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "cow, then chunked": b"Transfer-Encoding: cow\r\nTransfer-Encoding: chunked",
    "chunked, then cow": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: cow",
    "identity, then chunked": b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "chunked, then identity": b"Transfer-Encoding: chunked\r\nTransfer-encoding: identity",
    "no value": b"Transfer-Encoding:",
    "no colon": b"Transfer-Encoding chunked",
    "named as an option": b"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
    "a faulty line before it": b"X-Invalid Y: \r\nTransfer-Encoding: chunked",
}

LENGTH = {
    "a plus": b"Content-Length: +N",
    "a minus": b"Content-Length: -N",
    "a zero before it": b"Content-Length: 0N",
    "many zeros before it": b"Content-Length: 00000000000N",
    "zero and a space before it": b"Content-Length: 0 N",
    "zero and a comma before it": b"Content-Length: 0, N",
    "a comma and zero behind it": b"Content-Length: N, 0",
    "the same twice in one line": b"Content-Length: N, N",
    "an exponent": b"Content-Length: Ne0",
    "a fraction": b"Content-Length: N.0",
    "hexadecimal": b"Content-Length: 0xN",
    "octal": b"Content-Length: 0oN",
    "an underscore": b"Content-Length: 0_N",
    "quotes": b'Content-Length: "N"',
    "a letter behind it": b"Content-Length: Nx",
    "full-width digits": "Content-Length: \uff14\uff12".encode(),
    "empty": b"Content-Length:",
    "twice the same": b"Content-Length: N\r\nContent-Length: N",
    "zero first": b"Content-Length: 0\r\nContent-Length: N",
    "zero last": b"Content-Length: N\r\nContent-Length: 0",
    "empty first": b"Content-Length:\r\nContent-Length: N",
    "an overflow to itself": b"Content-Length: 18446744073709551616N",
    "named as an option": b"Connection: Content-Length\r\nContent-Length: N",
    "on the next line": b"Content-Length:\r\n N",
    "name on two lines": b"Content-\r\nLength: N",
    "an underscored name": b"Content_Length: N",
    "a space before the colon": b"Content-Length : N",
    "no colon": b"Content-Length N",
    "a faulty line before it": b"X-Invalid Y: \r\nContent-Length: N",
}


def cases():
    found = [beside_length(name, line) for name, line in CODING.items()]
    found += [alone(name, line) for name, line in CODING.items()]
    for byte in range(256):
        one = bytes([byte])
        found += [
            beside_length(f"0x{byte:02x} before the name", one + b"Transfer-Encoding: chunked"),
            beside_length(f"0x{byte:02x} behind the name", b"Transfer-Encoding" + one + b": chunked"),
            beside_length(f"0x{byte:02x} before the value", b"Transfer-Encoding:" + one + b"chunked"),
            beside_length(f"0x{byte:02x} behind the value", b"Transfer-Encoding: chunked" + one),
            beside_length(f"0x{byte:02x} behind another line", b"X: X" + one + b"Transfer-Encoding: chunked"),
            beside_length(f"0x{byte:02x} between CR and LF", b"Transfer-Encoding: chunked\r" + one + b"\nX: X"),
        ]
    found += [lengths(name, line) for name, line in LENGTH.items()]
    return found


def beside_length(name, line):
    """A bent coding beside a right length."""
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n" % len(CHUNKED_BODY) + line + b"\r\n\r\n"
    return Case("mutations", f"length and coding: {name}", [head + CHUNKED_BODY], "either", REFUSED)


def alone(name, line):
    """A bent coding and nothing else: without it the body would be a request."""
    head = b"POST / HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n"
    return Case("mutations", f"coding: {name}", [head + b"5\r\nhello\r\n0\r\n\r\n"], "either", ("4xx", "501", "close"), probe=False)


def lengths(name, line):
    """A bent length."""
    body = b"0\r\n\r\n" + SMUGGLED
    head = b"POST / HTTP/1.1\r\nHost: a\r\n" + line.replace(b"N", b"%d" % len(body)) + b"\r\n\r\n"
    # A name with an underscore is another name: then there is no length, and the body is refused as a request.
    return Case("mutations", f"length: {name}", [head + body], "either", ("4xx", "501", "close"), probe=b"_L" not in line)
