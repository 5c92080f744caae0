"""Writing a launch out: a slice of the audience becomes deliveries, one transaction a chunk, so a repeat is a no-op."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from rida.audience.services import Member, members
from rida.dns.location import Reason
from rida.outbox.models import Chunk, Launch
from rida.outbox.waking import wake_sites
from rida.permission.rules import Terms
from rida.permission.services import Ask, verdicts
from rida.shaping.models import Site
from rida.shaping.unlocated import unlocated_site

LocatedDomains = Mapping[str, Site | str]
"""Each domain's site, or the code of why it has none."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A chunk after permission was asked: who is written to, and how many are not, by reason."""

    allowed: list[Member]
    excluded: Counter[str]


def select(launch: Launch, chunk: Chunk, now: datetime) -> Selection:
    """Ask permission for a slice of the audience. The ledger asks again before each message."""
    return _ask(launch, list(members(chunk.workspace_id, chunk.first_contact, chunk.last_contact)), now)


def _ask(launch: Launch, people: Sequence[Member], now: datetime) -> Selection:
    terms, profiles = Terms.from_json(launch.terms), tuple(launch.terms["profiles"])
    answers = verdicts([Ask(launch.workspace_id, person.address_hash, terms, profiles) for person in people], now)
    allowed = [person for person, answer in zip(people, answers, strict=True) if answer.allowed]
    return Selection(allowed, Counter(answer.reason for answer in answers if not answer.allowed))


def write(launch: Launch, chunk_id: int, selection: Selection, located: LocatedDomains, now: datetime) -> None:
    """Deliveries, tranches and the chunk's mark in one transaction. Domains that take no mail at all are excluded."""
    by_site, nowhere = _by_site(selection.allowed, located, now)
    with transaction.atomic():
        if not Chunk.objects.select_for_update().filter(pk=chunk_id, done=False).exists():
            return
        refused = write_deliveries(launch, by_site, now)
        Chunk.objects.filter(pk=chunk_id).update(done=True)
        queued = sum(map(len, by_site.values())) - refused.total()
        _add_up(launch.pk, queued, selection.excluded + nowhere + refused)


def _by_site(
    people: Iterable[Member], located: LocatedDomains, now: datetime
) -> tuple[dict[int, list[Member]], Counter[str]]:
    """People by the site of their domain, and how many have none for good, by reason."""
    by_site: dict[int, list[Member]] = defaultdict(list)
    nowhere = Counter[str]()
    for person in people:
        place = located[person.domain]
        if place == Reason.DNS_FAILED:
            place = unlocated_site(now)
        if isinstance(place, Site):
            by_site[place.pk].append(person)
        else:
            nowhere[place] += 1
    return by_site, nowhere


def write_deliveries(launch: Launch, people_by_site: Mapping[int, Sequence[Member]], now: datetime) -> Counter[str]:
    """Lengthen the tranches and COPY the deliveries, inside the caller's transaction; who was left out, by reason.

    Nothing else writes deliveries, so it asks permission itself, whoever calls and whatever was asked before: DNS may
    have taken seconds since.
    """
    by_site, refused = _with_permission(launch, people_by_site, now)
    if by_site:
        _write(launch, by_site)
    return refused


def _with_permission(
    launch: Launch, people_by_site: Mapping[int, Sequence[Member]], now: datetime
) -> tuple[dict[int, list[Member]], Counter[str]]:
    by_site, refused = {}, Counter[str]()
    for site, people in people_by_site.items():
        asked = _ask(launch, people, now)
        refused += asked.excluded
        if asked.allowed:
            by_site[site] = asked.allowed
    return by_site, refused


def _write(launch: Launch, by_site: Mapping[int, Sequence[Member]]) -> None:
    # Budgets first, as every claim does: a claim that holds a budget and waits for our tranche would be a deadlock.
    _lock_budgets(by_site)
    first_n = _lengthen(launch, {site: len(people) for site, people in by_site.items()})
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in _delivery_rows(launch, by_site, first_n):
            copy.write_row(row)
    wake_sites(by_site)


_COPY = """
COPY outbox_delivery (tranche_id, n, workspace_id, contact_id, address, address_hash, merge) FROM STDIN
"""
_LENGTHEN = """
INSERT INTO outbox_tranche
    (workspace_id, launch_id, network_id, site_id, source_id, urgent, priority, served_at, next_n, end_n)
SELECT %(workspace)s, %(launch)s, s.network_id, s.id, %(source)s, %(urgent)s, %(priority)s, 0, 0, x.count
FROM unnest(%(sites)s::bigint[], %(counts)s::int[]) AS x (site_id, count)
JOIN shaping_site s ON s.id = x.site_id
ORDER BY s.id
ON CONFLICT (launch_id, network_id, site_id, source_id)
    DO UPDATE SET end_n = outbox_tranche.end_n + excluded.end_n
RETURNING site_id, id, end_n
"""
_LOCK_BUDGETS = """
SELECT b.id FROM shaping_budget b
WHERE b.source_id IS NULL AND b.network_id IN (SELECT network_id FROM shaping_site WHERE id = ANY (%s))
ORDER BY b.id FOR UPDATE
"""
_ADD_UP = """
UPDATE outbox_launch SET chunks_done = chunks_done + 1, queued = queued + %(queued)s,
    excluded = excluded || coalesce((
        SELECT jsonb_object_agg(x.key, coalesce((excluded ->> x.key)::int, 0) + x.value::int)
        FROM jsonb_each_text(%(excluded)s) AS x), '{}')
WHERE id = %(launch)s
"""


def _lengthen(launch: Launch, counts: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """site: (tranche, number of the first new delivery)"""
    params: dict[str, Any] = {
        "workspace": launch.workspace_id,
        "launch": launch.pk,
        "source": launch.source_id,
        "urgent": launch.urgent,
        "priority": launch.priority,
        "sites": list(counts),
        "counts": list(counts.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(_LENGTHEN, params)
        return {site: (tranche, end_n - counts[site]) for site, tranche, end_n in cursor.fetchall()}


def _delivery_rows(
    launch: Launch, by_site: Mapping[int, Sequence[Member]], first_n: Mapping[int, tuple[int, int]]
) -> Iterable[tuple[object, ...]]:
    for site, people in by_site.items():
        tranche, first = first_n[site]
        for n, person in enumerate(people, first):
            merge = json.dumps(person.merge, ensure_ascii=False)
            yield tranche, n, launch.workspace_id, person.contact_id, person.address, person.address_hash, merge


def _lock_budgets(sites: Iterable[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_BUDGETS, [list(sites)])


def _add_up(launch_id: int, queued: int, excluded: Mapping[str, int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_ADD_UP, {"launch": launch_id, "queued": queued, "excluded": json.dumps(excluded)})
