"""Our canonical form is that of RFC 6376: its own example, the odd cases, and dkimpy's for any text at all."""

import pytest
from dkim import rfc822_parse
from dkim.canonicalization import Relaxed
from hypothesis import given, settings
from hypothesis import strategies as st

from rida.outbox import canonical


def test_the_example_of_rfc_6376_section_3_4_5() -> None:
    assert canonical.fields(b"A: X\r\nB : Y\t\r\n\tZ  \r\n") == ((b"a", b"a:X\r\n"), (b"b", b"b:Y Z\r\n"))
    assert canonical.body(b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", b""),
        (b"\r\n", b""),
        (b"\r\n\r\n", b""),
        (b" \t\r\n\t\r\n", b""),
        (b" ", b""),
        (b"a", b"a\r\n"),
        (b"a ", b"a\r\n"),
        (b"a\t", b"a\r\n"),
        (b"a\r\n", b"a\r\n"),
        (b"a\r\n \r\n", b"a\r\n"),
        (b"\r\n\r\na\r\n", b"\r\n\r\na\r\n"),
        (b"\ta\r\n", b" a\r\n"),
        (b"a \t \tb\r\n", b"a b\r\n"),
        (b".\r\n..\r\n", b".\r\n..\r\n"),
        (b"a\x0b\x0c\xa0 \r\n", b"a\x0b\x0c\xa0\r\n"),
        (b" " * 100_000 + b"a\r\n", b" a\r\n"),
    ],
)
def test_a_body(raw: bytes, expected: bytes) -> None:
    assert canonical.body(raw) == expected
    assert canonical.body(expected) == expected


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (b"SUBJECT:a\r\n", b"subject:a\r\n"),
        (b"Subject \t:  a  b\t\r\n", b"subject:a b\r\n"),
        (b"Subject:\r\n", b"subject:\r\n"),
        (b"Subject:\r\n a\r\n\tb\r\n", b"subject:a b\r\n"),
        (b"Subject: a\r\n \r\n b\r\n", b"subject:a b\r\n"),
        (b"Subject: a: b\r\n", b"subject:a: b\r\n"),
        (b"Subject: a", b"subject:a\r\n"),
    ],
)
def test_a_field(head: bytes, line: bytes) -> None:
    assert canonical.fields(head) == ((b"subject", line),)


_PIECES = [b"a", b"\xd9\x88", b".", b":", b" ", b"  ", b"\t", b"\r\n", b"\r\n\r\n", b" \r\n", b"\r\n "]
_TEXT = st.lists(st.sampled_from(_PIECES), max_size=30).map(b"".join)


@settings(max_examples=500, deadline=None)
@given(raw=_TEXT)
def test_any_body_is_as_dkimpy_has_it(raw: bytes) -> None:
    sent = raw if raw.endswith(b"\r\n") or not raw else raw + b"\r\n"
    assert canonical.body(raw) == canonical.body(sent) == Relaxed.canonicalize_body(sent)


@settings(max_examples=500, deadline=None)
@given(values=st.lists(_TEXT.map(lambda text: text.replace(b"\r\n", b"\r\n ")), max_size=4))
def test_any_head_is_as_dkimpy_has_it(values: list[bytes]) -> None:
    head = b"".join(b"Field-%d: %b\r\n" % (n, value) for n, value in enumerate(values))
    theirs = [(name, name + b":" + value) for name, value in Relaxed.canonicalize_headers(rfc822_parse(head)[0])]
    assert list(canonical.fields(head)) == theirs
