"""The relaxed canonical form of a message: what a DKIM signature sees of it (RFC 6376 §3.4.2 and §3.4.4). Pure.

Right for any message with whole CRLF line ends, which is what delivery insists on. No regular expressions: passes of
`replace` run at the speed of C, and most messages need only the looks before them.
"""

Field = tuple[bytes, bytes]
"""A header field: its name in lower case, and its canonical line with CRLF."""


def fields(head: bytes) -> tuple[Field, ...]:
    """Every field of `head` from the top down. What has no colon is no field and cannot be signed."""
    unfolded = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    lines = _single_spaces(unfolded).split(b"\r\n")
    return tuple(_field(line) for line in lines if b":" in line)


def body(raw: bytes) -> bytes:
    """No blank at the end of a line, no two blanks in a row, no empty line at the end, and a CRLF after the last.

    A body without its last CRLF is the same as with it, because the wire adds it (delivery's `wire_form`).
    """
    if b"\t" in raw or b"  " in raw or b" \r\n" in raw or raw.endswith(b" "):
        raw = (_single_spaces(raw) + b"\r\n").replace(b" \r\n", b"\r\n")
    if raw.endswith(b"\r\n") and not raw.endswith(b"\r\n\r\n") and len(raw) > 2:
        return raw
    raw = raw.rstrip(b"\r\n")
    return raw + b"\r\n" if raw else b""


def _field(line: bytes) -> Field:
    name, _, value = line.partition(b":")
    name = name.rstrip(b" ").lower()
    return name, b"%b:%b\r\n" % (name, value.strip(b" "))


def _single_spaces(text: bytes) -> bytes:
    """Each run of blanks as one space: a pass halves the longest run, so a megabyte of spaces takes twenty."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text
