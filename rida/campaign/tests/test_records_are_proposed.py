"""The exact records to publish, and how they are merged with what stands already."""

from dataclasses import replace

import pytest

from rida.campaign import records
from rida.campaign.records import Kind, Way
from rida.campaign.tests.zones import DIRECT, RELAY, SENDING


def test_every_record_has_its_name_type_and_value() -> None:
    made = [
        records.dkim(SENDING),
        records.spf(SENDING, DIRECT),
        records.dmarc_policy(SENDING),
        records.mx(SENDING, DIRECT),
        records.pointer(DIRECT, "2001:db8::1"),
    ]
    assert [tuple(record.to_json().values()) for record in made] == [
        ("dkim", "rida-1._domainkey.flowers.example", "TXT", SENDING.key),
        ("spf", "bounce.flowers.example", "TXT", "v=spf1 ip4:192.0.2.1 ~all"),
        ("dmarc", "_dmarc.flowers.example", "TXT", "v=DMARC1; p=none"),
        ("mx", "bounce.flowers.example", "MX", "10 mail.rida.example."),
        ("ptr", "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa", "PTR", "mail.rida.example."),
    ]


@pytest.mark.parametrize(
    ("way", "terms"),
    [
        (DIRECT, ["ip4:192.0.2.1"]),
        (Way(Kind.DIRECT, "Mail.Rida.Example.", ("2001:DB8:0::1", "192.0.2.1")), ["ip6:2001:db8::1", "ip4:192.0.2.1"]),
        (Way(Kind.DIRECT, "mail.rida.example"), ["a:mail.rida.example"]),
        (RELAY, ["a:smtp.relay.example"]),
        (replace(RELAY, addresses=("192.0.2.9",)), ["ip4:192.0.2.9"]),
        (replace(RELAY, include="SPF.relay.example."), ["include:spf.relay.example"]),
    ],
)
def test_spf_names_the_way_out(way: Way, terms: list[str]) -> None:
    assert records.spf_terms(way) == terms


@pytest.mark.parametrize(
    ("there", "merged"),
    [
        (["v=spf1 mx -all"], "v=spf1 ip4:192.0.2.1 mx -all"),
        (["V=SPF1  mx   ?ALL"], "v=spf1 ip4:192.0.2.1 mx ?ALL"),
        (["v=spf1 ip4:192.0.2.1 mx -all"], "v=spf1 ip4:192.0.2.1 mx -all"),
        (["v=spf1 -all mx"], "v=spf1 ip4:192.0.2.1 mx -all"),
        (["v=spf1 redirect=x.example"], "v=spf1 ip4:192.0.2.1 redirect=x.example"),
        (["v=spf1 mx"], "v=spf1 ip4:192.0.2.1 mx ~all"),
        (["v=spf1 mx -all", "v=spf1 a mx ~all"], "v=spf1 ip4:192.0.2.1 mx a -all"),
    ],
)
def test_spf_is_merged_and_never_doubled(there: list[str], merged: str) -> None:
    assert records.spf(SENDING, DIRECT, there).value == merged


@pytest.mark.parametrize(
    ("there", "merged"),
    [
        (["v=DMARC1; p=reject; adkim=s"], "v=DMARC1; p=reject; adkim=s"),
        (["v=DMARC1; p=maybe; rua=mailto:x@y.example"], "v=DMARC1; p=none; rua=mailto:x@y.example"),
        (["v=DMARC1; p=reject; pct=50; ri=3600; rf=afrf"], "v=DMARC1; p=reject"),
        (["v=DMARC1; p=quarantine; sp=none", "v=DMARC1; p=reject"], "v=DMARC1; p=quarantine; sp=none"),
        (["v=DMARC1; p=reject", "v=DMARC1; rua=mailto:x@y.example"], "v=DMARC1; p=none; rua=mailto:x@y.example"),
    ],
)
def test_dmarc_is_merged_and_never_doubled(there: list[str], merged: str) -> None:
    assert records.dmarc_policy(SENDING, there).value == merged


def test_reports_are_asked_for_where_somebody_reads_them() -> None:
    asking = replace(SENDING, report_to="dmarc@flowers.example")
    assert records.dmarc_policy(asking).value == "v=DMARC1; p=none; rua=mailto:dmarc@flowers.example"
    own = ["v=DMARC1; p=none; rua=mailto:x@y.example"]
    assert records.dmarc_policy(asking, own).value == "v=DMARC1; p=none; rua=mailto:x@y.example"
