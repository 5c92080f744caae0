"""Finds the place of every domain, and makes the rows of networks, sites and budgets: here and only here."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple, Protocol
from zlib import crc32

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction
from django.db.models import Max

from rida.dns.location import Found, NotFound, find
from rida.dns.resolver import Resolver
from rida.shaping.limits import NOTHING, Wish, effective
from rida.shaping.models import RESTORED, Budget, Domain, Network, Realm, Site
from rida.shaping.networks import NetworkName, name_from_key, name_network, name_site
from rida.shaping.providers import named

FRESH = timedelta(hours=1)
"""How long a domain's place is taken as known. Delivery asks DNS again at connect, so an old row costs a detour through
the ledger, never a wrong limit."""
FRESH_FAILURE = timedelta(minutes=5)
"""Somebody may be mending it right now."""
_AT_ONCE = 200
"""Questions under way: c-ares keeps a slot for each, and a resolver at home drops what comes in thousands."""
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Named:
    """A place by its keys, before it has rows."""

    network: NetworkName
    site: str


class Hold(NamedTuple):
    until: int
    reason: str


class HostName(Protocol):
    @property
    def name(self) -> str: ...


class Place(Protocol):
    """Where mail goes, in delivery's words (rida.delivery.ports.Place): keys of network and site, hosts best first."""

    @property
    def network(self) -> str: ...
    @property
    def site(self) -> str: ...
    @property
    def hosts(self) -> Sequence[HostName]: ...


def assign_place(place: Place, _now: datetime) -> Site:
    """The rows of a place that delivery found at connect, made if need be, in the caller's transaction."""
    return assign_places([place])[0]


def assign_places(places: Sequence[Place]) -> list[Site]:
    """The same for many, each in its turn. At once: two nodes that made the same networks one by one, each in an order
    of its own, would wait for each other."""
    known = [Named(name_from_key(place.network, place.hosts[0].name), place.site) for place in places]
    rows = _rows(known)
    return [rows[place.site] for place in known]


def assign(domain: str, found: Found | NotFound, now: datetime, realm: Realm = Realm.SANDBOX) -> Site | str:
    """Remember where a domain's mail goes. The site, or the code of why it has none."""
    return _remember(realm, [(domain, found)], now)[domain]


async def locate_domains(
    domains: Collection[str], realm: Realm, resolver: Resolver, now: datetime
) -> dict[str, Site | str]:
    """Each domain's site, or the code of why it has none (rida.dns.location.Reason). domains: in A-labels.

    What was looked up lately is not asked again; the rest is asked 200 at a time and written 5,000 at a time. Run it
    by async_to_sync, so that the database is used on the calling thread's connection.
    """
    wanted = sorted(set(domains))
    places = await sync_to_async(_known)(realm, wanted, now)
    missing = iter([domain for domain in wanted if domain not in places])
    while batch := list(islice(missing, _BATCH)):
        places |= await sync_to_async(_remember)(realm, await _find(batch, resolver), now)
    return places


async def _find(domains: Iterable[str], resolver: Resolver) -> list[tuple[str, Found | NotFound]]:
    left, answers = iter(domains), list[tuple[str, Found | NotFound]]()

    async def ask() -> None:
        for domain in left:
            answers.append((domain, await find(resolver, domain)))

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(ask())
    return answers


def _known(realm: Realm, domains: Sequence[str], now: datetime) -> dict[str, Site | str]:
    places: dict[str, Site | str] = {}
    for start in range(0, len(domains), _BATCH):
        rows = Domain.objects.filter(realm=realm, name__in=domains[start : start + _BATCH])
        for row in rows.select_related("site__network"):
            if now - row.located_at < (FRESH if row.site else FRESH_FAILURE):
                places[row.name] = row.site or row.failure
    return places


def _remember(realm: Realm, answers: Sequence[tuple[str, Found | NotFound]], now: datetime) -> dict[str, Site | str]:
    """One batch of writes. A domain that cannot be asked about just now keeps the place it had, if it had one."""
    named_places = {domain: _named(found) for domain, found in answers if isinstance(found, Found)}
    nowhere = {domain: found for domain, found in answers if isinstance(found, NotFound)}
    with transaction.atomic():
        rows = _rows(named_places.values())
        sure: dict[str, Site | str] = {domain: rows[place.site] for domain, place in named_places.items()}
        sure |= {domain: str(found.reason) for domain, found in nowhere.items() if found.permanent}
        _write_domains(realm, sure, now)
    unsure = {domain: str(found.reason) for domain, found in nowhere.items() if not found.permanent}
    return sure | unsure | _places_before(realm, unsure)


def _named(found: Found) -> Named:
    return Named(name_network(found), name_site(found))


def _places_before(realm: Realm, domains: Collection[str]) -> dict[str, Site | str]:
    rows = Domain.objects.filter(realm=realm, name__in=domains, site__isnull=False).select_related("site__network")
    return {row.name: row.site for row in rows if row.site}


def _write_domains(realm: Realm, places: Mapping[str, Site | str], now: datetime) -> None:
    """In the order of their names, as everybody does: else two batches of the same domains could deadlock."""
    rows = [
        Domain(
            realm=realm,
            name=domain,
            site=place if isinstance(place, Site) else None,
            failure="" if isinstance(place, Site) else place,
            located_at=now,
        )
        for domain, place in sorted(places.items())
    ]
    Domain.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["realm", "name"], update_fields=["site", "failure", "located_at"]
    )


def _rows(wanted: Collection[Named]) -> dict[str, Site]:
    """site key: its row, with its network and its budget; what is missing is made, whoever comes first."""
    by_key = {known.site: known for known in wanted}
    sites = _sites(by_key)
    if missing := [known for key, known in sorted(by_key.items()) if key not in sites]:
        networks = _make_networks({known.network.key: known.network for known in missing})
        new = [Site(key=known.site, network=networks[known.network.key]) for known in missing]
        Site.objects.bulk_create(new, ignore_conflicts=True)
        sites |= _sites({known.site for known in missing})
    return sites


def _sites(keys: Collection[str]) -> dict[str, Site]:
    return {site.key: site for site in Site.objects.filter(key__in=keys).select_related("network")}


def make_network(name: NetworkName) -> Network:
    """Its row and its budget, made if need be."""
    return _make_networks({name.key: name})[name.key]


def _make_networks(wanted: Mapping[str, NetworkName]) -> dict[str, Network]:
    names = [wanted[key] for key in sorted(wanted)]
    Network.objects.bulk_create(
        [Network(key=name.key, name=name.name, provider=name.provider) for name in names], ignore_conflicts=True
    )
    networks = {network.key: network for network in Network.objects.filter(key__in=wanted)}
    held = _held_after_a_restore()
    budgets = [_budget(networks[name.key], held) for name in names]
    Budget.objects.bulk_create(budgets, ignore_conflicts=True)
    return networks


def _budget(network: Network, held: Hold) -> Budget:
    limits = effective(prior=prior_of(network))
    return Budget(
        network=network, shard=_shard(network.key), r=limits.r, c=limits.c, k=limits.k, v=limits.v,
        hold_until=held.until, hold_reason=held.reason,
    )  # fmt: skip


def _held_after_a_restore() -> Hold:
    """A network that is new to the database may have had its R before: it was met between backup and restore."""
    until = Budget.objects.filter(hold_reason=RESTORED).aggregate(until=Max("hold_until"))["until"] or 0
    return Hold(until, RESTORED) if until else Hold(0, "")


def _shard(key: str) -> int:
    """The same on every node and in every release: Python's own hash differs from process to process."""
    return crc32(key.encode()) % int(settings.RIDA_SHARDS)


def prior_of(network: Network) -> Wish:
    """What providers.toml says before anything was sent."""
    provider = named(network.provider)
    return provider.prior if provider else NOTHING
