"""The tree walk, the record in force, and alignment."""

import pytest

from rida.dns.dmarc import aligned, meant, policy, records, steps, tags, walk
from rida.dns.tests.zone import said

ROWS = {
    "_dmarc.flowers.example TXT": ["v=DMARC1; p=none"],
    "_dmarc.two.example TXT": ["v=DMARC1; p=none", "v=DMARC1; p=reject"],
    "_dmarc.beside.example TXT": ["some text", "v=DMARC1; p=reject"],
    "_dmarc.suffix TXT": ["v=DMARC1; p=reject; psd=y"],
    "_dmarc.own.shop.example TXT": ["v=DMARC1; psd=n"],
    "_dmarc.shop.example TXT": ["v=DMARC1; p=quarantine"],
    "_dmarc.broken.example FAIL": [],
}


@pytest.mark.parametrize(
    ("domain", "organisation", "at"),
    [
        ("flowers.example", "flowers.example", "flowers.example"),
        ("bounce.flowers.example", "flowers.example", "flowers.example"),
        ("a.b.c.flowers.example", "flowers.example", "flowers.example"),
        ("nothing.example", "nothing.example", ""),
        ("two.example", "two.example", ""),
        ("a.two.example", "a.two.example", ""),
        ("beside.example", "beside.example", "beside.example"),
        ("rosa.suffix", "rosa.suffix", "suffix"),
        ("news.rosa.suffix", "rosa.suffix", "suffix"),
        ("suffix", "suffix", "suffix"),
        ("own.shop.example", "own.shop.example", "own.shop.example"),
        ("a.own.shop.example", "own.shop.example", "own.shop.example"),
        ("other.shop.example", "shop.example", "shop.example"),
    ],
)
def test_the_walk_finds_organisation_and_record(domain: str, organisation: str, at: str) -> None:
    found = walk(said(ROWS), domain)
    assert (found.organisation, found.at, found.failed) == (organisation, at, ())


def test_a_name_that_cannot_be_asked_is_told() -> None:
    assert walk(said(ROWS), "a.broken.example").failed == ("broken.example",)


def test_at_most_eight_names_are_asked() -> None:
    assert steps("a.b.example") == ["a.b.example", "b.example", "example"]
    assert steps("example") == ["example"]
    long = ".".join("abcdefghijklm")
    assert steps(long) == [long, *(".".join("ghijklm"[at:]) for at in range(7))]
    assert len(steps("b.c.d.e.f.g.h.i")) == 8


@pytest.mark.parametrize(
    ("text", "counts", "asks"),
    [
        ("v=DMARC1; p=none", True, "none"),
        ("v=DMARC1", True, "none"),
        ("v=DMARC1;", True, "none"),
        ("v = DMARC1 ;p = Reject ; pct=0", True, "reject"),
        ("v=DMARC1; rua=mailto:a@b.example", True, "none"),
        ("v=DMARC1; p=maybe", True, ""),
        ("v=DMARC1; p=", True, ""),
        ("v=DMARC1; p=none; p=reject", True, "none"),
        ("v=dmarc1; p=none", False, ""),
        ("p=none; v=DMARC1", False, ""),
        ('"v=DMARC1; p=none"', False, ""),
        ("v=DMARC10; p=none", False, ""),
        ("v=DMARC", False, ""),
    ],
)
def test_records_and_their_policy(text: str, counts: bool, asks: str) -> None:
    assert (records([text]), meant([text])) == (([text], []) if counts else ([], [text]))
    assert not counts or policy(text) == asks


def test_tags_are_read_whatever_stands_between_them() -> None:
    assert tags("v=DMARC1;; ; P = none;x;rua=mailto:a@b.example?x=1") == {
        "v": "DMARC1",
        "p": "none",
        "rua": "mailto:a@b.example?x=1",
    }


@pytest.mark.parametrize(
    ("sender", "other", "strict", "expected"),
    [
        ("flowers.example", "flowers.example", True, True),
        ("flowers.example", "bounce.flowers.example", False, True),
        ("flowers.example", "bounce.flowers.example", True, False),
        ("flowers.example", "elsewhere.example", False, False),
        ("nothing.com", "bounce.nothing.com", False, False),
        ("own.shop.example", "shop.example", False, False),
        ("rosa.co.uk", "lily.co.uk", False, False),
    ],
)
def test_alignment(sender: str, other: str, strict: bool, expected: bool) -> None:
    assert aligned(said(ROWS), sender, other, strict=strict) is expected
