"""Small true worlds for the ledger's tests: rows as the stages would write them."""

import itertools
from dataclasses import dataclass
from typing import Any

from django.db import connection

from rida.accounts.models import Workspace
from rida.dispatch.models import Volley
from rida.dispatch.room import Limits
from rida.dispatch.statements import statement
from rida.kernel.clock import now
from rida.outbox.models import Delivery, Launch, Tranche
from rida.shaping.models import Budget, Network, Site, Source

_count = itertools.count(1)
FOREVER = 8_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class Place:
    network_id: int
    site_id: int
    source_id: int


def workspace() -> Workspace:
    return Workspace.objects.get_or_create(slug="alice", defaults={"name": "Alice", "profiles": ["US"]})[0]


def source(name: str = "sandbox") -> int:
    return Source.objects.get_or_create(name=name, defaults={"route": Source.Route.SANDBOX})[0].pk


def place(**budget: Any) -> Place:
    """A network of one site, with its budget, and a source."""
    number = next(_count)
    network = Network.objects.create(key=f"net:{number}", name=f"Network {number}")
    site = Site.objects.create(network=network, key=f"mx{number}.example")
    Budget.objects.create(network=network, shard=0, **budget)
    return Place(network.pk, site.pk, source())


def set_budget(network_id: int, **values: Any) -> None:
    Budget.objects.filter(network=network_id, source=None).update(**values)


def own_budget(site: Place, limits: Limits) -> None:
    Budget.objects.create(
        network_id=site.network_id,
        source_id=site.source_id,
        shard=0,
        r=limits.r,
        c=limits.c,
        k=limits.k,
        v=limits.v,
        pace_per_second=limits.pace_per_second,
    )


def in_hand(network_id: int) -> tuple[int, int, int]:
    budget = Budget.objects.get(network=network_id, source=None)
    return budget.in_hand, budget.bulk_in_hand, budget.volleys_open


def launch(state: str = "running", **fields: Any) -> Launch:
    terms = {"purpose": "news", "message_class": "commercial", "ad_label": True, "profiles": ["US"]}
    defaults: dict[str, Any] = {
        "workspace": workspace(),
        "kind": Launch.Kind.BULK,
        "state": state,
        "content": {},
        "content_hash": b"",
        "terms": terms,
        "give_up_at": FOREVER,
        "launched_at": now(),
    }
    return Launch.objects.create(**defaults | fields)


def tranche(site: Place, launch: Launch, count: int, *, urgent: bool = False) -> Tranche:
    """`count` deliveries; the addresses are p0@x.example ... with hashes that permission knows nothing of."""
    made = Tranche.objects.create(
        workspace=launch.workspace,
        launch=launch,
        network_id=site.network_id,
        site_id=site.site_id,
        source_id=site.source_id,
        urgent=urgent,
        priority=100,
        end_n=count,
    )
    Delivery.objects.bulk_create(
        Delivery(
            tranche=made,
            n=n,
            workspace=launch.workspace,
            address=f"p{made.pk}.{n}@x.example",
            address_hash=f"{made.pk}.{n}".encode().ljust(16, b"-"),
            merge={"name": f"Person {n}"},
        )
        for n in range(count)
    )
    Budget.objects.filter(network=site.network_id).update(next_due=0)
    return made


def retry(site: Place, launch: Launch, n: int, *, due: int, urgent: bool = False) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO dispatch_retry (tranche_id, n, urgent, attempt, due, launch_id, network_id, site_id,
                    source_id, workspace_id) VALUES (%s, %s, %s, 2, %s, %s, %s, %s, %s, %s)""",
            [launch.pk, n, urgent, due, launch.pk, site.network_id, site.site_id, site.source_id, launch.workspace_id],
        )


def closed_volley(
    site: Place, n: int, counts_until: int, *, urgent: bool = False, source_id: int | None = None
) -> None:
    Volley.objects.create(
        workspace=workspace(),
        network_id=site.network_id,
        site_id=site.site_id,
        source_id=source_id or site.source_id,
        node="gone",
        urgent=urgent,
        n=n,
        opened_at=0,
        lease_until=0,
        counts_until=counts_until,
        closed=True,
        tranche_ids=[],
        ns=[],
        attempts=[],
    )


def open_volley(site: Place, launch: Launch, held: int, *, urgent: bool = False) -> int:
    made = Volley.objects.create(
        workspace=launch.workspace,
        network_id=site.network_id,
        site_id=site.site_id,
        source_id=site.source_id,
        node="here",
        urgent=urgent,
        n=held,
        opened_at=0,
        lease_until=FOREVER,
        counts_until=FOREVER,
        tranche_ids=[1] * held,
        ns=list(range(held)),
        attempts=[1] * held,
    )
    bulk = 0 if urgent else held
    set_budget(site.network_id, in_hand=held, bulk_in_hand=bulk, volleys_open=1)
    return made.pk


def close(volley: int, site: Place, attempted: int, *, window: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            statement("close"),
            {
                "volley": volley,
                "attempted": attempted,
                "window": window,
                "tranche_ids": [],
                "ns": [],
                "attempts": [],
            },
        )


def volley_row(volley: int) -> Volley:
    return Volley.objects.get(pk=volley)
