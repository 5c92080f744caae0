"""Domains to rows, asked of a real DNS: the town's."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings

from rida.dns.location import Found, MailHost, NotFound, Reason
from rida.dns.resolver import Resolver
from rida.shaping.models import NEVER, Budget, Domain, Network, Realm, Site, Source
from rida.shaping.places import assign, assign_place, locate_domains
from rida.shaping.sources import sandbox_source
from rida.town.beside import beside
from rida.town.plan import default
from rida.town.server import Town

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with beside(default(), tmp_path_factory.mktemp("town")) as town:
        yield town


def locate(server: tuple[str, int], *domains: str, now: datetime = NOW) -> dict[str, Site | str]:
    async def ask() -> dict[str, Site | str]:
        async with Resolver(server, timeout_seconds=0.5, tries=1) as resolver:
            return await locate_domains(domains, Realm.SANDBOX, resolver, now)

    return async_to_sync(ask)()


def key(place: Site | str) -> str:
    assert isinstance(place, Site)
    return place.network.key


def found(domain: str, host: str, *addresses: str) -> Found:
    return Found(domain, (MailHost(host, 10, addresses),), implicit=False, ttl=60)


NOBODY = ("127.0.0.1", 9)
"""Discard: no answer comes."""


def test_every_domain_of_the_town_gets_the_network_of_its_servers(town: Town) -> None:
    networks = {domain: network for network in town.plan.networks for domain in network.all_domains}
    places = locate(town.resolver, *networks)
    assert {domain: key(place) for domain, place in places.items()} == {
        domain: f"net:{network.prefix}" for domain, network in networks.items()
    }
    assert Network.objects.count() == len(town.plan.networks)


def test_each_network_has_one_budget_in_a_fixed_shard(town: Town) -> None:
    locate(town.resolver, "rose-mail.example", "rosemail.test", "olive-post.example")
    budgets = Budget.objects.filter(source=None)
    assert {(row.r, row.c, row.k, row.v, row.next_due, row.pinned) for row in budgets} == {
        (100, 10, 10, 5, NEVER, False)
    }
    assert {row.network.key: row.shard for row in budgets} == {"net:127.10.1.0/24": 1, "net:127.10.2.0/24": 15}
    assert all(0 <= row.shard < settings.RIDA_SHARDS for row in budgets)


@pytest.mark.parametrize(
    ("domain", "code"),
    [("takes-no-mail.example", Reason.NULL_MX), ("nobody.example", Reason.NO_DOMAIN)],
)
def test_a_domain_that_takes_no_mail_is_remembered_with_its_code(town: Town, domain: str, code: Reason) -> None:
    assert locate(town.resolver, domain) == {domain: code}
    assert Domain.objects.get(name=domain).failure == code


def test_a_domain_that_cannot_be_asked_about_is_a_code_and_not_remembered(town: Town) -> None:
    assert locate(town.resolver, "broken-dns.example") == {"broken-dns.example": "dns_failed"}
    assert not Domain.objects.exists()


def test_what_was_looked_up_lately_is_not_asked_again(town: Town) -> None:
    before = locate(town.resolver, "rose-mail.example", "takes-no-mail.example")
    assert locate(NOBODY, *before, now=NOW + timedelta(minutes=4)) == before
    assert locate(NOBODY, "takes-no-mail.example", now=NOW + timedelta(minutes=6)) == {
        "takes-no-mail.example": "dns_failed"
    }


def test_a_domain_keeps_its_place_while_dns_is_silent(town: Town) -> None:
    before = locate(town.resolver, "rose-mail.example")
    assert locate(NOBODY, "rose-mail.example", now=LATER) == before


def test_an_old_place_is_asked_for_again(town: Town) -> None:
    assign("rose-mail.example", found("rose-mail.example", "old.example", "192.0.2.1"), NOW)
    assert key(locate(town.resolver, "rose-mail.example", now=LATER)["rose-mail.example"]) == "net:127.10.1.0/24"
    assert Domain.objects.get(name="rose-mail.example").located_at == LATER


def test_a_domain_that_begins_to_take_mail_loses_its_failure() -> None:
    assert assign("new.example", NotFound("new.example", Reason.NO_DOMAIN, 300), NOW) == "no_domain"
    assign("new.example", found("new.example", "mx.new.example", "192.0.2.1"), LATER)
    row = Domain.objects.get(name="new.example")
    assert row.site is not None and row.failure == ""


def test_a_known_provider_starts_at_its_lower_prior() -> None:
    site = assign("florist.example", found("florist.example", "smtp-in.orange.fr", "192.0.2.1"), NOW)
    assert key(site) == "provider:orange"
    budget = Budget.objects.get(network__key="provider:orange")
    assert (budget.r, budget.c, budget.k, budget.v) == (100, 10, 2, 5)
    assert budget.network.provider == "orange" and budget.network.name == "Orange, Wanadoo"


def test_two_domains_of_one_host_share_site_network_and_budget() -> None:
    one = assign("a.example", found("a.example", "mx.h.example", "192.0.2.1"), NOW)
    two = assign("b.example", found("b.example", "mx.h.example", "192.0.2.1"), NOW)
    assert one == two
    assert (Network.objects.count(), Site.objects.count(), Budget.objects.count()) == (1, 1, 1)


@dataclass(frozen=True)
class Named:
    name: str


@dataclass(frozen=True)
class Place:
    network: str
    site: str
    hosts: tuple[Named, ...]


def test_a_place_found_at_connect_gets_the_same_rows() -> None:
    site = assign("a.example", found("a.example", "mx.h.example", "192.0.2.1"), NOW)
    assert isinstance(site, Site)
    place = Place("net:192.0.2.0/24", site.key, (Named("mx.h.example"),))
    assert assign_place(place, NOW) == site
    moved = assign_place(replace(place, network="net:198.51.100.0/24", site="elsewhere"), NOW)
    assert moved.network.name == "mx.h.example (198.51.100.0/24)"
    assert Budget.objects.get(network=moved.network).r == 100


def test_hosts_that_move_take_their_domain_to_another_network() -> None:
    before = assign("a.example", found("a.example", "mx.h.example", "192.0.2.1"), NOW)
    after = assign("a.example", found("a.example", "mx.h.example", "203.0.113.1"), LATER)
    assert key(before) != key(after)
    assert Domain.objects.get(name="a.example").site == after


def test_the_sandbox_is_there_from_the_start_and_once() -> None:
    assert sandbox_source() == sandbox_source()
    assert Source.objects.get().route == Source.Route.SANDBOX
