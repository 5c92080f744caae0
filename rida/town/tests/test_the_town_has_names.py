"""The town's DNS, asked by dnspython and by our own resolver."""

import asyncio
import struct
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from rida.dns.location import Found, NotFound, Reason, find
from rida.dns.resolver import Resolver
from rida.town.beside import beside
from rida.town.names import Names
from rida.town.plan import default, many
from rida.town.server import Town

LONG_TEXT = "v=DKIM1; p=" + "A" * 1800 + ' "quoted\\" ورد'
PLAN = replace(default(), texts={**default().texts, "long._domainkey.rose-mail.example": (LONG_TEXT, "second")})


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with beside(PLAN, tmp_path_factory.mktemp("town")) as town:
        yield town


def udp(town: Town, name: str, kind: str) -> dns.message.Message:
    return dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=town.card.dns_port, timeout=5)


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("rose-mail.example", "MX", {"10 mx1.rose-mail.example.", "20 mx2.rose-mail.example."}),
        ("ROSEMAIL.test", "MX", {"10 mx1.rose-mail.example.", "20 mx2.rose-mail.example."}),
        ("mx2.rose-mail.example", "A", {"127.10.1.2"}),
        ("mina-cafe.example", "MX", {"10 mail.mina-cafe.example."}),
        ("mail.mina-cafe.example", "A", {"127.10.6.1"}),
        ("takes-no-mail.example", "MX", {"0 ."}),
        ("a-shop.of-the-real.world", "MX", {"10 mx1.rest-of-the-world.example."}),
        ("warda-flowers.example", "TXT", {'"v=spf1 ip4:127.0.0.0/8 -all"'}),
    ],
)
def test_records_of_the_plan_are_served(town: Town, name: str, kind: str, values: set[str]) -> None:
    answer = udp(town, name, kind)
    assert {item.to_text() for rrset in answer.answer for item in rrset} == values
    assert answer.flags & dns.flags.AA


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("nobody.example", "MX", dns.rcode.NXDOMAIN),
        ("rose-mail.example", "AAAA", dns.rcode.NOERROR),
        ("example", "MX", dns.rcode.NOERROR),
        ("no-mx-record.example", "MX", dns.rcode.NOERROR),
        ("broken-dns.example", "MX", dns.rcode.SERVFAIL),
        ("a-shop.of-the-real.world", "AAAA", dns.rcode.NOERROR),
        ("_dmarc.of-the-real.world", "TXT", dns.rcode.NXDOMAIN),
        ("nobody.invalid", "MX", dns.rcode.NXDOMAIN),
        ("world", "MX", dns.rcode.NXDOMAIN),
    ],
)
def test_what_is_not_there_is_said_in_the_right_words(town: Town, name: str, kind: str, code: dns.rcode.Rcode) -> None:
    answer = udp(town, name, kind)
    assert (answer.rcode(), answer.answer) == (code, [])
    assert bool(answer.authority) == (code != dns.rcode.SERVFAIL)


def test_an_answer_too_long_for_udp_comes_over_tcp(town: Town) -> None:
    query = dns.message.make_query("long._domainkey.rose-mail.example", "TXT")
    short, over_tcp = dns.query.udp_with_fallback(query, "127.0.0.1", port=town.card.dns_port, timeout=5)
    assert over_tcp
    texts = {b"".join(item.strings).decode() for item in short.answer[0]}
    assert texts == {LONG_TEXT, "second"}


def test_noise_is_met_with_silence() -> None:
    names = Names(PLAN)
    for noise in (b"", b"\0" * 11, b"\xff" * 40, struct.pack("!6H", 1, 0, 1, 0, 0, 0)):
        answer = names.answer(noise, udp=True)
        assert answer is None or len(answer) >= 12


def test_our_resolver_finds_every_domain_of_the_town(town: Town) -> None:
    async def main() -> None:
        async with Resolver(town.resolver) as resolver:
            for network in town.plan.networks:
                for domain in network.all_domains:
                    found = await find(resolver, domain)
                    assert isinstance(found, Found)
                    assert found.hosts[0].addresses == (network.hosts[0].address,)
            assert len((await resolver.mx("rose-mail.example")).shuffled(Random(1))) == 2
            assert LONG_TEXT in (await resolver.txt("long._domainkey.rose-mail.example")).texts

    asyncio.run(main())


@pytest.mark.parametrize(
    ("domain", "reason"),
    [
        ("takes-no-mail.example", Reason.NULL_MX),
        ("nobody.example", Reason.NO_DOMAIN),
        ("broken-dns.example", Reason.DNS_FAILED),
    ],
)
def test_our_resolver_understands_the_odd_ones(town: Town, domain: str, reason: Reason) -> None:
    async def main() -> None:
        async with Resolver(town.resolver) as resolver:
            missing = await find(resolver, domain)
            assert isinstance(missing, NotFound)
            assert missing.reason is reason

    asyncio.run(main())


def test_a_domain_without_mx_is_found_by_its_address(town: Town) -> None:
    async def main() -> None:
        async with Resolver(town.resolver) as resolver:
            found = await find(resolver, "no-mx-record.example")
            assert isinstance(found, Found)
            assert (found.implicit, found.hosts[0].addresses) == (True, ("127.10.1.1",))

    asyncio.run(main())


def test_the_shipped_plan_is_what_shaping_needs_to_be_tried_on() -> None:
    plan = default()
    domains = [domain for network in plan.networks for domain in network.all_domains]
    assert len(plan.networks) >= 8
    assert len({network.prefix for network in plan.networks}) == len(plan.networks)
    assert len(set(domains)) == len(domains)
    assert all(domain.endswith((".example", ".test")) for domain in domains)
    assert any(domain.startswith("xn--") for domain in domains)
    assert any(network.vanity and len(network.domains) > 2 for network in plan.networks)


def test_a_plan_without_a_rest_knows_its_own_names_only() -> None:
    plan = many(2)
    assert plan.network_of("a-shop.of-the-real.world") is None
    assert default().network_of("a-shop.of-the-real.world") == default().network("rest-of-the-world")
    assert default().network_of("nobody.example") is None


def test_big_plans_come_out_the_same_from_the_same_seed() -> None:
    moods = [network.mood for network in default().networks[:4]]
    assert many(600, seed=3, moods=moods) == many(600, seed=3, moods=moods)
    assert many(600, seed=3, moods=moods) != many(600, seed=4, moods=moods)
    assert len({network.prefix for network in many(600).networks}) == 600
