"""One good zone, and everything that can be wrong with each record of it: tables of what DNS says and what we say."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rida.campaign.dkim_key import public_record
from rida.campaign.domain_report import DomainReport, State
from rida.campaign.judging import judge
from rida.campaign.records import Sending, Way, Why
from rida.campaign.tests.zones import (
    DIRECT,
    DKIM_NAME,
    DMARC_NAME,
    GOOD,
    MX_NAME,
    OTHER_KEY,
    PTR_NAME,
    RELAY,
    SENDING,
    SPF_NAME,
    zone,
)
from rida.dns.tests.zone import said

Rows = Mapping[str, list[str]]
UNSURE, REFUSED = [("spf_relay_unsure", False)], [("spf_refuses", True)]
UNREADABLE = [("spf_unreadable", True)]
DER = rsa.generate_private_key(65_537, 1_024).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
WEAK = f"v=DKIM1; k=rsa; p={base64.b64encode(DER).decode()}"
FAR = "v=spf1 " + " ".join(f"a:h{n}.example" for n in range(11)) + " ~all"
FAR_HOSTS = {f"h{n}.example A": ["192.0.2.200"] for n in range(11)}


def report(rows: Rows, way: Way = DIRECT, sending: Sending = SENDING) -> DomainReport:
    return judge(sending, way, said(rows))


def seen(why: Why, rows: Rows, way: Way = DIRECT, sending: Sending = SENDING) -> tuple[State, list[tuple[str, bool]]]:
    (judged,) = report(rows, way, sending).of(why)
    return judged.state, [(note.code, note.stops) for note in judged.notes]


def test_nothing_is_to_be_said_of_a_good_zone() -> None:
    found = report(GOOD)
    assert {(judged.state, judged.notes) for judged in found.records if judged.why is not Why.PTR} == {(State.OK, ())}
    assert (found.proved, found.stops, len(found.records)) == (True, False, 5)


def test_an_empty_zone_lacks_everything() -> None:
    found = report({})
    assert {judged.state for judged in found.records} == {State.MISSING}
    assert all(judged.stops for judged in found.records)
    assert not found.proved


def test_what_cannot_be_reached_is_not_taken_for_missing() -> None:
    names = {f"{name.split()[0]} FAIL": list[str]() for name in GOOD}
    found = report(names)
    assert {judged.state for judged in found.records} == {State.UNREACHABLE}
    assert {note.code for judged in found.records for note in judged.notes} == {"dns_unreachable"}
    assert found.stops and not found.proved


@pytest.mark.parametrize(
    ("texts", "state", "notes", "proved"),
    [
        ([SENDING.key], State.OK, [], True),
        ([SENDING.key.replace("; ", ";\t") + ";"], State.OK, [], True),
        ([SENDING.key.replace("p=", "t=y; p=")], State.OK, [("dkim_testing", False)], True),
        ([], State.MISSING, [("dkim_missing", True)], False),
        ([SENDING.key, public_record(OTHER_KEY)], State.SEVERAL, [("dkim_several", True)], True),
        ([SENDING.key, "x"], State.SEVERAL, [("dkim_several", True)], True),
        ([public_record(OTHER_KEY)], State.WRONG, [("dkim_other_key", True)], False),
        ([SENDING.key[:255]], State.WRONG, [("dkim_damaged", True)], False),
        ([f'"{SENDING.key}"'], State.WRONG, [("dkim_quoted", True)], False),
        (["v=DKIM1; p="], State.WRONG, [("dkim_revoked", True)], False),
        (["hello"], State.WRONG, [("dkim_no_key", True)], False),
        ([SENDING.key + "; h=sha1"], State.WRONG, [("dkim_not_for_mail", True)], False),
        ([WEAK], State.WRONG, [("dkim_other_key", True), ("dkim_key_short", False)], False),
        (["x" * 60_000], State.WRONG, [("dkim_no_key", True)], False),
    ],
)
def test_dkim(texts: list[str], state: State, notes: list[tuple[str, bool]], proved: bool) -> None:
    rows = {**GOOD, DKIM_NAME: texts}
    assert seen(Why.DKIM, rows) == (state, notes)
    assert report(rows).proved is proved


def test_a_short_key_of_our_own_is_let_pass_with_a_warning() -> None:
    sending = replace(SENDING, key=WEAK)
    assert seen(Why.DKIM, {**GOOD, DKIM_NAME: [WEAK]}, sending=sending) == (State.OK, [("dkim_key_short", False)])


@pytest.mark.parametrize(
    ("texts", "state", "notes"),
    [
        (["v=spf1 ip4:192.0.2.1 -all", "other"], State.OK, []),
        (["V=SPF1 IP4:192.0.2.0/24"], State.OK, []),
        (["v=spf1 a:mail.rida.example -all"], State.OK, []),
        (["v=spf1 +all"], State.OK, [("spf_allows_everybody", False)]),
        (["v=spf1 ip4:192.0.2.1 " + FAR[7:]], State.OK, [("spf_lookups_full", False)]),
        ([], State.MISSING, [("spf_missing", True)]),
        (["unrelated"], State.MISSING, [("spf_missing", True)]),
        ([" v=spf1 ip4:192.0.2.1 -all"], State.WRONG, [("spf_mistyped", True)]),
        (["v=spf1 -all", "v=spf1 ip4:192.0.2.1 -all"], State.SEVERAL, [("spf_several", True)]),
        (["v=spf1 -all"], State.WRONG, [("spf_refuses", True)]),
        (["v=spf1 ip4:192.0.2.99 ~all"], State.WRONG, [("spf_refuses", True)]),
        (["v=spf1 ip4:192.0.2.999 -all"], State.WRONG, [("spf_unreadable", True)]),
        (["v=spf1 include:bounce.flowers.example -all"], State.WRONG, [("spf_unreadable", True)]),
        ([FAR], State.WRONG, [("spf_too_many_lookups", True), ("spf_lookups_full", False)]),
        (["v=spf1 include:down.example -all"], State.UNREACHABLE, [("spf_undecided", True)]),
        (["v=spf1 " + "x" * 60_000], State.WRONG, [("spf_unreadable", True)]),
    ],
)
def test_spf(texts: list[str], state: State, notes: list[tuple[str, bool]]) -> None:
    assert seen(Why.SPF, {**GOOD, **FAR_HOSTS, "down.example FAIL": [], SPF_NAME: texts}) == (state, notes)


def test_what_is_proposed_is_accepted_once_it_stands() -> None:
    """Whatever stands there, the merged record mends it: each proposal is judged again as if it were published."""
    for texts in (
        [],
        ["v=spf1 -all"],
        ["v=spf1 mx -all", "v=spf1 a ~all"],
        ["v=spf1 moo -all"],
        [FAR],
        ["v=spf1 ip4:1.2.3.999 redirect=relay.example"],
    ):
        (judged,) = report({**GOOD, **FAR_HOSTS, SPF_NAME: texts}).of(Why.SPF)
        again, notes = seen(Why.SPF, {**GOOD, **FAR_HOSTS, SPF_NAME: [judged.record.value]})
        assert again is State.OK and not any(stops for _, stops in notes), (texts, judged.record.value)


def test_both_addresses_must_be_let_through() -> None:
    way = replace(DIRECT, addresses=("192.0.2.1", "2001:db8::1"))
    assert seen(Why.SPF, GOOD, way) == (State.WRONG, [("spf_refuses", True)])
    allowed = {**GOOD, SPF_NAME: ["v=spf1 ip4:192.0.2.1 ip6:2001:db8::/32 -all"]}
    assert seen(Why.SPF, allowed, way) == (State.OK, [])


def test_without_told_addresses_those_of_the_name_count() -> None:
    way = replace(DIRECT, addresses=())
    assert seen(Why.SPF, GOOD, way) == (State.OK, [])
    nameless = seen(Why.SPF, zone("mail.rida.example A"), way)
    assert nameless == (State.WRONG, [("outgoing_address_unknown", True)])
    down = {**zone("mail.rida.example A"), "mail.rida.example FAIL": []}
    assert seen(Why.SPF, down, way) == (State.UNREACHABLE, [("dns_unreachable", True)])


@pytest.mark.parametrize(
    ("way", "text", "state", "notes"),
    [
        (RELAY, "v=spf1 a:smtp.relay.example ~all", State.OK, []),
        (RELAY, "v=spf1 include:relay.example ~all", State.OK, []),
        (RELAY, "v=spf1 ip4:192.0.2.77 ~all", State.WRONG, UNSURE),
        (replace(RELAY, include="relay.example"), "v=spf1 include:relay.example ~all", State.OK, []),
        (replace(RELAY, include="other.example"), "v=spf1 ip4:192.0.2.77 ~all", State.WRONG, UNSURE),
        (replace(RELAY, relay="gone.example", include="relay.example"), "v=spf1 include:relay.example", State.OK, []),
        (replace(RELAY, include="nil.example"), "v=spf1 include:nil.example ~all", State.WRONG, UNREADABLE),
        (replace(RELAY, addresses=("192.0.2.77",)), "v=spf1 ip4:192.0.2.78 ~all", State.WRONG, REFUSED),
        (replace(RELAY, relay="gone.example"), "v=spf1 ~all", State.WRONG, [("outgoing_address_unknown", True)]),
    ],
)  # fmt: skip
def test_spf_of_a_relay(way: Way, text: str, state: State, notes: list[tuple[str, bool]]) -> None:
    assert seen(Why.SPF, {**GOOD, SPF_NAME: [text]}, way) == (state, notes)


@pytest.mark.parametrize(
    ("texts", "state", "notes"),
    [
        (["v=DMARC1; p=reject; pct=1"], State.OK, []),
        (["v=DMARC1"], State.OK, []),
        (["v=DMARC1; p=none", "unrelated"], State.OK, []),
        (["v=DMARC1; p=none", "v=dmarc1; p=none"], State.OK, []),
        ([], State.MISSING, [("dmarc_missing", True)]),
        (["v=DMARC1; p=none", "v=DMARC1; p=none"], State.SEVERAL, [("dmarc_several", True)]),
        (["v=dmarc1; p=none"], State.WRONG, [("dmarc_mistyped", True)]),
        (["p=none; v=DMARC1"], State.WRONG, [("dmarc_mistyped", True)]),
        (["v=DMARC1; p=off"], State.WRONG, [("dmarc_policy_unknown", True)]),
    ],
)
def test_dmarc(texts: list[str], state: State, notes: list[tuple[str, bool]]) -> None:
    assert seen(Why.DMARC, {**GOOD, DMARC_NAME: texts}) == (state, notes)


def test_dmarc_is_inherited() -> None:
    sub = replace(SENDING, domain="news.flowers.example")
    (judged,) = report(GOOD, sending=sub).of(Why.DMARC)
    assert (judged.state, judged.record.name) == (State.OK, "_dmarc.flowers.example")


def test_a_walk_that_cannot_be_finished_decides_nothing() -> None:
    sub, rows = replace(SENDING, domain="news.flowers.example"), zone(DMARC_NAME)
    assert seen(Why.DMARC, {**rows, "_dmarc.flowers.example FAIL": []}, sending=sub)[0] is State.UNREACHABLE


def test_alignment_is_looked_at() -> None:
    strict = {**GOOD, DMARC_NAME: ["v=DMARC1; p=none; aspf=s"]}
    assert seen(Why.SPF, strict) == (State.OK, [("spf_not_aligned", False)])
    elsewhere = replace(SENDING, bounce_domain="bounce.other.example")
    rows = {**GOOD, "bounce.other.example TXT": GOOD[SPF_NAME]}
    assert seen(Why.SPF, rows, sending=elsewhere) == (State.OK, [("spf_not_aligned", False)])


@pytest.mark.parametrize(
    ("hosts", "more", "state", "notes"),
    [
        (["10 other.example", "20 mail.rida.example"], {}, State.OK, []),
        (["10 alias.example"], {"alias.example A": ["192.0.2.1"]}, State.OK, []),
        (["10 other.example"], {}, State.WRONG, [("mx_elsewhere", False)]),
        (["0 ."], {}, State.WRONG, [("mx_takes_no_mail", True)]),
        ([], {}, State.MISSING, [("mx_missing", True)]),
        ([], {"bounce.flowers.example A": ["192.0.2.5"]}, State.MISSING, [("mx_elsewhere", False)]),
    ],
)
def test_mx(hosts: list[str], more: Rows, state: State, notes: list[tuple[str, bool]]) -> None:
    assert seen(Why.MX, {**GOOD, MX_NAME: hosts, **more}) == (state, notes)


def test_mx_leads_to_a_host_that_exists() -> None:
    assert seen(Why.MX, zone("mail.rida.example A")) == (State.OK, [("mx_host_without_address", True)])


PUBLIC = replace(DIRECT, addresses=("8.8.4.4",))
PUBLIC_ROWS = {
    "4.4.8.8.in-addr.arpa PTR": ["mail.rida.example"],
    "mail.rida.example A": ["8.8.4.4"],
    "other.example A": ["8.8.4.4"],
}


@pytest.mark.parametrize(
    ("rows", "state", "notes"),
    [
        ({}, State.OK, []),
        ({"4.4.8.8.in-addr.arpa PTR": ["zz.example", "Mail.rida.example".lower()]}, State.OK, []),
        ({"4.4.8.8.in-addr.arpa PTR": []}, State.MISSING, [("ptr_missing", True)]),
        ({"4.4.8.8.in-addr.arpa PTR": ["other.example"]}, State.WRONG, [("ptr_other_than_helo", False)]),
        ({"4.4.8.8.in-addr.arpa PTR": ["liar.example"]}, State.WRONG, [("ptr_not_confirmed", True)]),
        ({"mail.rida.example A": ["8.8.8.8"]}, State.WRONG, [("ptr_not_confirmed", True)]),
    ],
)
def test_pointers(rows: Rows, state: State, notes: list[tuple[str, bool]]) -> None:
    assert seen(Why.PTR, {**GOOD, **PUBLIC_ROWS, **rows}, PUBLIC) == (state, notes)


def test_a_pointer_of_ipv6_is_compared_by_value() -> None:
    way = replace(DIRECT, addresses=("2606:4700::1",))
    name = "1." + "0." * 23 + "0.0.7.4.6.0.6.2.ip6.arpa PTR"
    rows = {**GOOD, name: ["mail.rida.example"], "mail.rida.example AAAA": ["2606:4700:0:0::0001"]}
    assert seen(Why.PTR, rows, way) == (State.OK, [])


def test_an_address_of_a_private_network_is_told() -> None:
    assert seen(Why.PTR, GOOD) == (State.OK, [("address_not_global", False)])


def test_the_addresses_of_a_relay_are_its_own_business() -> None:
    assert report(GOOD, RELAY).of(Why.PTR) == []


@pytest.mark.parametrize("name", [DKIM_NAME, SPF_NAME, DMARC_NAME])
def test_a_record_under_a_doubled_name_is_found(name: str) -> None:
    doubled = name.replace(" TXT", ".flowers.example TXT")
    found = report({**zone(name), doubled: GOOD[name]})
    codes = [note.code for judged in found.records for note in judged.notes if judged.state is State.MISSING]
    assert codes == ["misplaced"]
    assert not any(
        note.code == "misplaced" for judged in report({**GOOD, doubled: GOOD[name]}).records for note in judged.notes
    )


def test_a_report_survives_json_and_holds_little_of_a_hostile_answer() -> None:
    hostile = {
        **GOOD,
        DKIM_NAME: ["\0\x1b[31m" + "ورد" * 20_000] + ["x"] * 50,
        SPF_NAME: ["v=spf1 \x1b[2Jmoo\0 -all"],
        DMARC_NAME: ["v=DMARC1; p=\0" + "y" * 60_000],
        PTR_NAME: [f"n{n}.example" for n in range(300)],
    }
    found = report(hostile)
    stored = json.dumps(found.to_json())
    assert DomainReport.from_json(json.loads(stored)) == found
    assert len(stored) < 40_000
    assert "\\u0000" not in stored and "\\u001b" not in stored
