"""R60, R62 and R66: what DNS says of the sender's domain stops a launch on a real route, and nothing in the sandbox."""

from dataclasses import replace
from typing import Any

import pytest

from rida.campaign.domain_report import DomainReport, Note
from rida.campaign.judging import judge
from rida.campaign.records import Way, Why
from rida.campaign.tests.zones import DIRECT, DKIM_NAME, DMARC_NAME, GOOD, MX_NAME, RELAY, SENDING, SPF_NAME
from rida.dns.tests.zone import said
from rida.preflight.checks import Finding, Severity, findings
from rida.preflight.tests.cases import Bad, case_of, verified

B, W = Severity.BLOCK, Severity.WARN
PUBLIC = replace(DIRECT, addresses=("8.8.4.4",))
PUBLIC_ZONE = {
    **GOOD,
    SPF_NAME: ["v=spf1 ip4:8.8.4.4 ~all"],
    "4.4.8.8.in-addr.arpa PTR": ["mail.rida.example"],
    "mail.rida.example A": ["8.8.4.4"],
}


def report(way: Way = PUBLIC, **changes: Any) -> DomainReport:
    """Of the good zone; changes: what stands instead, by the kind of record."""
    names = {"dkim": DKIM_NAME, "spf": SPF_NAME, "dmarc": DMARC_NAME, "mx": MX_NAME, "ptr": "4.4.8.8.in-addr.arpa PTR"}
    return judge(SENDING, way, said({**PUBLIC_ZONE, **{names[key]: value for key, value in changes.items()}}))


def with_note(why: Why, note: Note) -> DomainReport:
    good = report()
    judged = [replace(each, notes=(note,)) if each.why is why else each for each in good.records]
    return replace(good, records=tuple(judged))


def found(of: DomainReport | None, bad: Bad | None = None, **changes: Any) -> list[Finding]:
    given = {"route": "direct", "proved_domains": {"flowers.example"}, "domain_report": of, **changes}
    return findings(verified(case_of(bad, **given)))


def seen(of: DomainReport | None, bad: Bad | None = None, **changes: Any) -> list[tuple[str, Severity, str]]:
    return [(finding.rule, finding.severity, finding.code) for finding in found(of, bad, **changes)]


@pytest.mark.parametrize("way", [PUBLIC, RELAY])
def test_a_domain_whose_records_stand_passes(way: Way) -> None:
    texts = ["v=spf1 ip4:8.8.4.4 a:smtp.relay.example ~all"]
    assert seen(report(way, spf=texts), route=str(way.kind)) == []


def test_the_sandbox_asks_nothing_of_dns() -> None:
    bad = judge(SENDING, DIRECT, said({}))
    assert bad.stops
    for of in (None, bad):
        assert seen(of, route="sandbox", proved_domains=()) == []
    assert seen(None, Bad(identity={"from_address": "rosa@gmail.com", "reply_to": ""}), route="sandbox") == []


@pytest.mark.parametrize(
    ("changes", "rule", "code"),
    [
        ({"ptr": []}, "R60", "ptr_missing"),
        ({"ptr": ["liar.example"]}, "R60", "ptr_not_confirmed"),
        ({"mx": []}, "R60", "mx_missing"),
        ({"mx": ["0 ."]}, "R60", "mx_takes_no_mail"),
        ({"dkim": []}, "R62", "dkim_missing"),
        ({"dkim": [SENDING.key, SENDING.key]}, "R62", "dkim_several"),
        ({"dkim": ["v=DKIM1; p="]}, "R62", "dkim_revoked"),
        ({"spf": []}, "R62", "spf_missing"),
        ({"spf": ["v=spf1 -all"]}, "R62", "spf_refuses"),
        ({"dmarc": []}, "R62", "dmarc_missing"),
        ({"dmarc": ["v=DMARC1; p=none", "v=DMARC1; p=none"]}, "R62", "dmarc_several"),
    ],
)
def test_a_record_that_fails_stops_the_launch(changes: dict[str, Any], rule: str, code: str) -> None:
    assert seen(report(**changes)) == [(rule, B, code)]


@pytest.mark.parametrize(
    ("changes", "rule", "code"),
    [
        ({"mx": ["10 other.example"]}, "R60", "mx_elsewhere"),
        ({"spf": ["v=spf1 +all"]}, "R62", "spf_allows_everybody"),
        ({"dmarc": ["v=DMARC1; p=none; aspf=s"]}, "R62", "spf_not_aligned"),
    ],
)
def test_what_is_only_weak_is_said(changes: dict[str, Any], rule: str, code: str) -> None:
    assert seen(report(**changes)) == [(rule, W, code)]


def test_r62_wants_dns_asked_about_this_very_domain() -> None:
    assert seen(None) == [("R62", B, "domain_not_asked")]
    other = replace(report(), domain="other.example")
    assert seen(other) == [("R62", B, "domain_not_asked")]


def test_r62_stops_while_dns_does_not_answer() -> None:
    down = judge(SENDING, RELAY, said({f"{name.split()[0]} FAIL": [] for name in GOOD}))
    assert {(finding.rule, finding.code) for finding in found(down) if finding.blocks} == {
        ("R60", "dns_unreachable"),
        ("R62", "dns_unreachable"),
    }


@pytest.mark.parametrize(("code", "stops"), [("dkim_key_too_short", True), ("dkim_key_short", False)])
def test_r66_wants_a_long_key(code: str, stops: bool) -> None:
    note = Note(code, stops, {"bits": 768 if stops else 1024})
    assert seen(with_note(Why.DKIM, note)) == [("R66", B if stops else W, code)]


@pytest.mark.parametrize("domain", ["gmail.com", "Hotmail.com"])
def test_r60_refuses_the_name_of_a_mailbox_provider(domain: str) -> None:
    bad = Bad(identity={"from_address": f"rosa@{domain}"})
    own = replace(report(), domain=domain.lower())
    assert seen(own, bad, proved_domains={domain.lower()}) == [("R60", B, "from_is_a_free_mailbox")]


def test_a_finding_of_dns_survives_json() -> None:
    (finding,) = found(report(spf=["v=spf1 -all"]))
    assert Finding.from_json(finding.to_json()) == finding
    assert finding.params == {"address": "8.8.4.4"}


def test_the_first_launch_into_the_world_waits_for_an_owners_approval() -> None:
    assert seen(report(), approved=False) == [("A1", B, "first_launch_not_approved")]
    assert seen(report(), approved=True) == []
