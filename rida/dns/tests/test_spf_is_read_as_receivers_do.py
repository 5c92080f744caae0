"""pyspf on our answers: results, limits and hostile records (RFC 7208)."""

import pytest

from rida.dns.questions import Said, Unasked
from rida.dns.spf import LONGEST_RECORD, Result, evaluate, meant, records
from rida.dns.tests.zone import said

CHAIN = {f"i{n}.example TXT": [f"v=spf1 include:i{n + 1}.example -all"] for n in range(20)}
ROWS = {
    "ip.example TXT": ["some text", "v=spf1 ip4:192.0.2.1 ip6:2001:db8::/32 -all"],
    "upper.example TXT": ["V=SPF1   IP4:192.0.2.1   -ALL"],
    "soft.example TXT": ["v=spf1 ~all"],
    "open.example TXT": ["v=spf1 +all"],
    "bare.example TXT": ["v=spf1"],
    "two.example TXT": ["v=spf1 +all", "v=spf1 -all"],
    "host.example TXT": ["v=spf1 a mx -all"],
    "host.example A": ["192.0.2.7"],
    "host.example MX": ["10 mx.host.example"],
    "mx.host.example A": ["192.0.2.8"],
    "mx.host.example AAAA": ["2001:DB8:0::8"],
    "names.example TXT": ["v=spf1 ptr:host.example -all"],
    "8.2.0.192.in-addr.arpa PTR": ["mx.host.example"],
    "includes.example TXT": ["v=spf1 include:ip.example -all"],
    "redirects.example TXT": ["v=spf1 redirect=ip.example"],
    "gone.example TXT": ["v=spf1 include:nowhere.example -all"],
    "loop.example TXT": ["v=spf1 include:loop2.example -all"],
    "loop2.example TXT": ["v=spf1 include:loop.example -all"],
    "void.example TXT": ["v=spf1 a:v1.example a:v2.example a:v3.example a:v4.example +all"],
    "moo.example TXT": ["v=spf1 moo -all"],
    "arabic.example TXT": ["v=spf1 ورد -all"],
    "broken.example TXT": ["v=spf1 include:servfail.example -all"],
    "servfail.example FAIL": [],
    "long.example TXT": ["v=spf1 a:" + "a" * 60_000 + "!"],
    "labels.example TXT": ["v=spf1 a:" + "x" * 64 + ".example a:a..b +all"],
    "macro.example TXT": ["v=spf1 exists:%{ir}.list.example -all"],
    "1.2.0.192.list.example A": ["127.0.0.2"],
    **CHAIN,
}
IP4, IP6 = "192.0.2.1", "2001:db8::8"


@pytest.mark.parametrize(
    ("domain", "address", "result"),
    [
        ("ip.example", IP4, Result.PASS),
        ("ip.example", "192.0.2.2", Result.FAIL),
        ("ip.example", IP6, Result.PASS),
        ("upper.example", IP4, Result.PASS),
        ("soft.example", IP4, Result.SOFTFAIL),
        ("open.example", IP4, Result.PASS),
        ("bare.example", IP4, Result.NEUTRAL),
        ("nothing.example", IP4, Result.NONE),
        ("two.example", IP4, Result.PERMERROR),
        ("host.example", "192.0.2.7", Result.PASS),
        ("host.example", "192.0.2.8", Result.PASS),
        ("host.example", IP6, Result.PASS),
        ("host.example", IP4, Result.FAIL),
        ("names.example", "192.0.2.8", Result.PASS),
        ("includes.example", IP4, Result.PASS),
        ("redirects.example", IP4, Result.PASS),
        ("gone.example", IP4, Result.PERMERROR),
        ("loop.example", IP4, Result.PERMERROR),
        ("void.example", IP4, Result.PERMERROR),
        ("moo.example", IP4, Result.PERMERROR),
        ("arabic.example", IP4, Result.PERMERROR),
        ("broken.example", IP4, Result.TEMPERROR),
        ("servfail.example", IP4, Result.TEMPERROR),
        ("long.example", IP4, Result.PERMERROR),
        ("labels.example", IP4, Result.PASS),
        ("macro.example", IP4, Result.PASS),
        ("i0.example", IP4, Result.PERMERROR),
        ("i11.example", IP4, Result.PERMERROR),
    ],
)
def test_results(domain: str, address: str, result: Result) -> None:
    assert evaluate(said(ROWS), domain, address, "mail.example").result is result


def test_ten_lookups_are_enough_and_eleven_too_many() -> None:
    assert evaluate(said({**ROWS, "i10.example TXT": ["v=spf1 +all"]}), "i0.example", IP4, "h.example").lookups == 10
    eleven = evaluate(said({**ROWS, "i11.example TXT": ["v=spf1 +all"]}), "i0.example", IP4, "h.example")
    assert (eleven.result, eleven.too_many) == (Result.PERMERROR, True)


def test_lookups_without_an_answer_are_limited_too() -> None:
    assert evaluate(said(ROWS), "void.example", IP4, "h.example").too_many


def test_the_term_to_blame_is_named() -> None:
    assert evaluate(said(ROWS), "moo.example", IP4, "h.example").problem == "moo"
    assert not evaluate(said(ROWS), "moo.example", IP4, "h.example").too_many


def test_what_is_not_known_is_asked_for() -> None:
    with pytest.raises(Unasked) as missing:
        evaluate(Said({}), "ip.example", IP4, "h.example")
    assert (missing.value.question.kind, missing.value.question.name) == ("TXT", "ip.example")


@pytest.mark.parametrize(
    ("text", "counts", "seems"),
    [
        ("v=spf1", True, False),
        ("V=SPF1 -all", True, False),
        ("v=spf1-all", False, True),
        ("v=spf10 -all", False, True),
        (" v=spf1 -all", False, True),
        ('"v=spf1 -all"', False, True),
        ("v = spf1 -all", False, True),
        ("spf1 -all", False, True),
        ("v=spf2.0/pra", False, True),
        ("v=DKIM1; p=", False, False),
        ("", False, False),
        ("x" * 60_000, False, False),
    ],
)
def test_a_record_is_told_from_one_that_was_meant(text: str, counts: bool, seems: bool) -> None:
    assert (records([text]) == [text], meant([text]) == [text]) == (counts, seems)


def test_the_longest_record_that_is_read() -> None:
    fits = "v=spf1 ip4:192.0.2.1 " + "x" * (LONGEST_RECORD - 26) + "=y"
    rows = {"a.example TXT": [fits], "b.example TXT": [fits + " " * 100]}
    assert evaluate(said(rows), "a.example", IP4, "h.example").result is Result.PASS
    assert evaluate(said(rows), "b.example", IP4, "h.example").result is Result.PERMERROR
