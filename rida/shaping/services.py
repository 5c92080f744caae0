"""Finds the place of every domain, keeps each network's budget row, holds and pins by hand, forecasts.

Networks, sites and budgets are made here and only here. What the ledger counts in a budget row is the ledger's.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol
from zlib import crc32

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection, transaction

from rida.accounts.models import AuditEntry
from rida.dns.location import Found, NotFound, find
from rida.dns.resolver import Resolver
from rida.kernel.clock import milliseconds
from rida.kernel.errors import LimitOutOfRange
from rida.shaping import forecast as forecasting
from rida.shaping.forecast import ForecastRow, Load, total_hours
from rida.shaping.limits import NOTHING, Limits, Wish, effective, too_high
from rida.shaping.models import NEVER, Budget, Domain, HoldEntry, Network, Site, Source
from rida.shaping.networks import NetworkName, name_from_key, name_network, name_site
from rida.shaping.providers import named

__all__ = [
    "ForecastRow",
    "apply_priors",
    "assign",
    "assign_place",
    "forecast",
    "hold",
    "locate_domains",
    "messages_per_connection",
    "pin",
    "release",
    "sandbox_source",
    "total_hours",
    "unpin",
]

FRESH = timedelta(hours=1)
"""How long a domain's place is taken as known. Delivery asks DNS again at connect, so an old row costs a detour through
the ledger, never a wrong limit."""
FRESH_FAILURE = timedelta(minutes=5)
"""Somebody may be mending it right now."""
_AT_ONCE = 200
"""Questions under way: c-ares keeps a slot for each, and a resolver at home drops what comes in thousands."""
_BATCH = 5_000


# --- places ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Named:
    """A place by its keys, before it has rows."""

    network: NetworkName
    site: str


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
    known = Named(name_from_key(place.network, place.hosts[0].name), place.site)
    return _rows([known])[known.site]


def assign(domain: str, found: Found | NotFound, now: datetime) -> Site | str:
    """Remember where a domain's mail goes. The site, or the code of why it has none."""
    return _remember([(domain, found)], now)[domain]


async def locate_domains(domains: Collection[str], resolver: Resolver, now: datetime) -> dict[str, Site | str]:
    """Each domain's site, or the code of why it has none (rida.dns.location.Reason). domains: in A-labels.

    What was looked up lately is not asked again; the rest is asked 200 at a time and written 5,000 at a time. Run it
    by async_to_sync, so that the database is used on the calling thread's connection.
    """
    wanted = sorted(set(domains))
    places = await sync_to_async(_known)(wanted, now)
    missing = iter([domain for domain in wanted if domain not in places])
    while batch := list(islice(missing, _BATCH)):
        places |= await sync_to_async(_remember)(await _find(batch, resolver), now)
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


def _known(domains: Sequence[str], now: datetime) -> dict[str, Site | str]:
    places: dict[str, Site | str] = {}
    for start in range(0, len(domains), _BATCH):
        rows = Domain.objects.filter(name__in=domains[start : start + _BATCH]).select_related("site__network")
        for row in rows:
            if now - row.located_at < (FRESH if row.site else FRESH_FAILURE):
                places[row.name] = row.site or row.failure
    return places


def _remember(answers: Sequence[tuple[str, Found | NotFound]], now: datetime) -> dict[str, Site | str]:
    """One batch of writes. A domain that cannot be asked about just now keeps the place it had, if it had one."""
    named_places = {domain: _named(found) for domain, found in answers if isinstance(found, Found)}
    nowhere = {domain: found for domain, found in answers if isinstance(found, NotFound)}
    with transaction.atomic():
        rows = _rows(named_places.values())
        sure: dict[str, Site | str] = {domain: rows[place.site] for domain, place in named_places.items()}
        sure |= {domain: str(found.reason) for domain, found in nowhere.items() if found.permanent}
        _write_domains(sure, now)
    unsure = {domain: str(found.reason) for domain, found in nowhere.items() if not found.permanent}
    return sure | unsure | _places_before(unsure)


def _named(found: Found) -> Named:
    return Named(name_network(found), name_site(found))


def _places_before(domains: Collection[str]) -> dict[str, Site | str]:
    rows = Domain.objects.filter(name__in=domains, site__isnull=False).select_related("site__network")
    return {row.name: row.site for row in rows if row.site}


def _write_domains(places: Mapping[str, Site | str], now: datetime) -> None:
    """In the order of their names, as everybody does: else two batches of the same domains could deadlock."""
    rows = [
        Domain(
            name=domain,
            site=place if isinstance(place, Site) else None,
            failure="" if isinstance(place, Site) else place,
            located_at=now,
        )
        for domain, place in sorted(places.items())
    ]
    Domain.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["name"], update_fields=["site", "failure", "located_at"]
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


def _make_networks(wanted: Mapping[str, NetworkName]) -> dict[str, Network]:
    names = [wanted[key] for key in sorted(wanted)]
    Network.objects.bulk_create(
        [Network(key=name.key, name=name.name, provider=name.provider) for name in names], ignore_conflicts=True
    )
    networks = {network.key: network for network in Network.objects.filter(key__in=wanted)}
    budgets = [_budget(networks[name.key]) for name in names]
    Budget.objects.bulk_create(budgets, ignore_conflicts=True)
    return networks


def _budget(network: Network) -> Budget:
    limits = effective(prior=_prior(network))
    return Budget(network=network, shard=_shard(network.key), r=limits.r, c=limits.c, k=limits.k, v=limits.v)


def _shard(key: str) -> int:
    """The same on every node and in every release: Python's own hash differs from process to process."""
    return crc32(key.encode()) % int(settings.RIDA_SHARDS)


def _prior(network: Network) -> Wish:
    provider = named(network.provider)
    return provider.prior if provider else NOTHING


# --- sources --------------------------------------------------------------------------------------------------------


def sandbox_source() -> Source:
    """The route that exists from the start: into the town on this machine, nowhere else."""
    return Source.objects.get_or_create(name="sandbox", defaults={"route": Source.Route.SANDBOX})[0]


# --- holds and pins -------------------------------------------------------------------------------------------------


def hold(network: Network, until: datetime | None, reason: str, by: str, now: datetime) -> HoldEntry:
    """Claim nothing for this network any more; what is in hand still leaves. until None: until somebody releases it."""
    rests_until = NEVER if until is None else milliseconds(until)
    return _set_hold(network, rests_until, HoldEntry(network=network, until=until, reason=reason, by=by, at=now))


def release(network: Network, by: str, now: datetime) -> HoldEntry:
    """End a hold. In its history: an entry whose `until` is its own moment."""
    return _set_hold(network, 0, HoldEntry(network=network, until=now, reason="", by=by, at=now))


def _set_hold(network: Network, rests_until: int, entry: HoldEntry) -> HoldEntry:
    with transaction.atomic():
        _change_budget(network, hold_until=rests_until, hold_reason=entry.reason)
        entry.save(force_insert=True)
    return entry


def pin(
    network: Network,
    *,
    r: int | None = None,
    c: int | None = None,
    k: int | None = None,
    v: int | None = None,
    by: str,
) -> Limits:
    """Set limits by hand; what is left out follows from prior and default. They cannot exceed the defaults: only
    learning, with a cap, may (design §4.1). Raises LimitOutOfRange.
    """
    wish = Wish(r, c, k, v)
    for name, most in too_high(wish):
        raise LimitOutOfRange(name=name.upper(), most=most)
    return _set_limits(network, wish, by)


def unpin(network: Network, by: str) -> Limits:
    """Back to prior and default."""
    return _set_limits(network, NOTHING, by)


def messages_per_connection(network: Network) -> int:
    """After so many messages a connection is to be closed. The budget row does not hold it: volleys are shorter."""
    return effective(prior=_prior(network)).messages_per_connection


def apply_priors() -> int:
    """After an update of providers.toml: budgets that nobody pinned follow it; how many changed."""
    rows = Budget.objects.filter(source=None, pinned=False).exclude(network__provider="").select_related("network")
    return sum(_follow(row) for row in rows)


def _follow(row: Budget) -> bool:
    limits = effective(prior=_prior(row.network))
    if (row.r, row.c, row.k, row.v) == (limits.r, limits.c, limits.k, limits.v):
        return False
    _change_budget(row.network, r=limits.r, c=limits.c, k=limits.k, v=limits.v)
    return True


def _set_limits(network: Network, wish: Wish, by: str) -> Limits:
    limits = effective(pin=wish, prior=_prior(network))
    with transaction.atomic():
        _change_budget(network, r=limits.r, c=limits.c, k=limits.k, v=limits.v, pinned=wish != NOTHING)
        AuditEntry.objects.create(verb="network.limits", subject=f"{network.key} {_spelled(wish)} {by}"[:200])
    return limits


def _spelled(wish: Wish) -> str:
    asked = {"R": wish.r, "C": wish.c, "K": wish.k, "V": wish.v}
    return " ".join(f"{name}={value}" for name, value in asked.items() if value is not None) or "not pinned"


def _change_budget(network: Network, **values: object) -> None:
    """next_due 0: the next claim looks at the network and computes the exact moment."""
    Budget.objects.filter(network=network, source=None).update(**values, next_due=0)


# --- forecast -------------------------------------------------------------------------------------------------------


def forecast(by_network: Mapping[int, int], now: datetime) -> list[ForecastRow]:
    """When so many bulk messages of each network (id: n) would be gone, the slowest first."""
    at, ids = milliseconds(now), list(by_network)
    counted, ahead = _counted(ids, at), _ahead(ids)
    budgets = Budget.objects.filter(network__in=ids, source=None).select_related("network")
    loads = [
        Load(
            network_id=row.network_id,
            network=row.network.name,
            n=by_network[row.network_id],
            r=row.r,
            hold_until=None if row.hold_until >= NEVER else row.hold_until,
            counted=counted.get(row.network_id, ()),
            ahead=ahead.get(row.network_id, 0),
        )
        for row in budgets
    ]
    return forecasting.forecast(loads, at, int(settings.RIDA_WINDOW_SECONDS * 1000))


# The ledger is a later stage, and these read what it counts: by the names of its tables, for want of an import.
_COUNTED = """
SELECT network_id, counts_until, sum(n) FROM dispatch_volley
WHERE network_id = ANY (%s) AND counts_until > %s AND NOT urgent GROUP BY 1, 2
"""
_AHEAD = """
SELECT network_id, sum(n) FROM (
    SELECT t.network_id, t.end_n - t.next_n AS n
    FROM outbox_tranche t JOIN outbox_launch l ON l.id = t.launch_id AND l.state = 'running'
    WHERE t.network_id = ANY (%s) AND NOT t.urgent AND t.next_n < t.end_n
    UNION ALL
    SELECT y.network_id, 1
    FROM dispatch_retry y JOIN outbox_launch l ON l.id = y.launch_id AND l.state = 'running'
    WHERE y.network_id = ANY (%s) AND NOT y.urgent
) waiting GROUP BY 1
"""


def _counted(network_ids: list[int], at: int) -> dict[int, list[tuple[int, int]]]:
    counted: dict[int, list[tuple[int, int]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, [network_ids, at])
        for network_id, until, n in cursor.fetchall():
            counted.setdefault(network_id, []).append((until, n))
    return counted


def _ahead(network_ids: list[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_AHEAD, [network_ids, network_ids])
        return dict(cursor.fetchall())
