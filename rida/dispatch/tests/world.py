"""Small true worlds for the ledger's tests: rows as the stages would write them."""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.db import connection

from rida.accounts.models import Workspace
from rida.delivery.ports import Item, Result, Word
from rida.delivery.ports import Volley as PortVolley
from rida.dispatch import room
from rida.dispatch.ledger import Ledger
from rida.dispatch.models import OutcomeRow, Retry, Volley
from rida.dispatch.records import Entry
from rida.dispatch.room import Limits
from rida.dispatch.rules import Timing
from rida.dispatch.statements import statement
from rida.dispatch.upkeep import limit_source
from rida.kernel.clock import now
from rida.kernel.reply import Outcome, Reply, Step
from rida.outbox.models import Delivery, Launch, Tranche
from rida.permission.rules import Basis, Grade, Kind
from rida.permission.services import Act, record_hashed
from rida.shaping.models import Allowance, Budget, Network, Site, Source

_count = itertools.count(1)
FOREVER = 8_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class Place:
    network_id: int
    site_id: int
    source_id: int


def workspace(slug: str = "alice") -> Workspace:
    return Workspace.objects.get_or_create(slug=slug, defaults={"name": slug.title(), "profiles": ["US"]})[0]


def source(name: str = "sandbox") -> int:
    return Source.objects.get_or_create(name=name, defaults={"route": Source.Route.SANDBOX})[0].pk


def another_source() -> int:
    return source(f"source-{next(_count)}")


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
    limit_source(site.network_id, site.source_id, limits)


def allow(source_id: int, allowance: room.Allowance) -> None:
    Allowance.objects.filter(source=source_id).delete()
    Allowance.objects.create(
        source_id=source_id,
        hour=allowance.hour,
        day=allowance.day,
        day_more_ms=allowance.day_more,
        connections=allowance.connections,
        hold_until=allowance.hold_until,
    )


def in_hand(network_id: int) -> tuple[int, int, int]:
    budget = Budget.objects.get(network=network_id, source=None)
    return budget.in_hand, budget.bulk_in_hand, budget.volleys_open


def launch(state: str = "running", **fields: Any) -> Launch:
    terms = {"purpose": "news", "message_class": "commercial", "ad_label": True, "profiles": ["US"]}
    defaults: dict[str, Any] = {
        "workspace": workspace(),
        "source_id": source(),
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


def retry(site: Place, launch: Launch, n: int, *, due: int, urgent: bool = False, source_id: int | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO dispatch_retry (tranche_id, n, urgent, attempt, due, launch_id, network_id, site_id,
                    source_id, workspace_id) VALUES (%s, %s, %s, 2, %s, %s, %s, %s, %s, %s)""",
            [
                *(launch.pk, n, urgent, due, launch.pk, site.network_id, site.site_id),
                *(source_id or site.source_id, launch.workspace_id),
            ],
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


def held_by(site: Place, source_id: int, n: int = 3) -> int:
    """An open volley of a source; how many messages it holds."""
    held = open_volley(replace(site, source_id=source_id), launch(), n)
    return volley_row(held).n


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


# --- people and nodes -----------------------------------------------------------------------------------------------

WINDOW_MS, LEASE_MS, GRACE_MS = 3_600_000, 60_000, 5_000


def node(**timing: int) -> Ledger:
    """A worker's hands on the ledger."""
    defaults = {"window_ms": WINDOW_MS, "lease_ms": LEASE_MS, "grace_ms": GRACE_MS}
    return Ledger(f"node-{next(_count)}", Timing(**{**defaults, **timing}))  # type: ignore[arg-type]


def consent(made: Tranche, numbers: Iterable[int] | None = None) -> None:
    """These people (all of the tranche by default) have signed up."""
    chosen = set(range(made.end_n)) if numbers is None else set(numbers)
    for delivery in Delivery.objects.filter(tranche=made):
        if delivery.n in chosen:
            decide(made.workspace_id, bytes(delivery.address_hash), Kind.GRANTED)


def withdraw(item: Item) -> None:
    decide(item.workspace_id, item.address_hash, Kind.WITHDRAWN)


def decide(workspace_id: int, address_hash: bytes, kind: Kind) -> None:
    granted = kind is Kind.GRANTED
    basis = Basis.SINGLE_OPT_IN if granted else ""
    grade = Grade.E2 if granted else Grade.E0
    record_hashed(workspace_id, address_hash, Act(kind, "news", basis, grade, now(), {}), now())


def campaign_to(count: int, *, urgent: bool = False, place_: Place | None = None, **budget: Any) -> Tranche:
    """A running launch to `count` people of one network, who all agreed."""
    made = tranche(place_ or place(**budget), launch(urgent=urgent), count, urgent=urgent)
    consent(made)
    return made


def result(item: Item, outcome: Outcome, code: int = 250, **more: Any) -> Result:
    return Result(item, outcome, Reply(Step.DOT, code, "", "said so"), **more)


def begin(ledger: Ledger, volley: PortVolley) -> Word:
    return ledger.commit([Entry(volley, True, (), volley.items)])[0][0]


def record(ledger: Ledger, volley: PortVolley, *results: Result, coming: Sequence[Item] = ()) -> Word:
    return ledger.commit([Entry(volley, False, results, coming)])[0][0]


def outcomes(made: Tranche) -> dict[tuple[int, int], Outcome]:
    """(n, attempt): what was recorded; a doubtful row only where nothing else is."""
    rows = OutcomeRow.objects.filter(tranche=made).order_by("-doubt")
    return {(row.n, row.attempt): Outcome(row.kind) for row in rows}


def waiting(made: Tranche) -> dict[int, int]:
    """n: the attempt that waits"""
    return dict(Retry.objects.filter(tranche=made).values_list("n", "attempt"))


def next_due(network_id: int) -> int:
    return Budget.objects.get(network=network_id, source=None).next_due


def pass_time(milliseconds: int) -> None:
    """Everything the ledger wrote happened so much earlier."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE dispatch_volley SET opened_at = opened_at - %(ms)s, lease_until = lease_until - %(ms)s,"
            " counts_until = counts_until - %(ms)s",
            {"ms": milliseconds},
        )
        cursor.execute("UPDATE dispatch_retry SET due = due - %s", [milliseconds])
        cursor.execute(
            "UPDATE shaping_budget SET next_due = next_due - %s WHERE next_due < 9000000000000000", [milliseconds]
        )


def site(network_id: int) -> int:
    return Site.objects.create(network_id=network_id, key=f"mx{next(_count)}.example").pk


def open_more(ledger: Ledger, made: Tranche) -> PortVolley:
    """An open volley of one message in the hands of `ledger`, whatever the limits say."""
    budget = Budget.objects.get(network=made.network_id, source=None)
    set_budget(made.network_id, r=1_000, c=1_000, next_due=0)
    [volley] = ledger.claim(budget.shard, 10)
    set_budget(made.network_id, r=budget.r, c=budget.c)
    return volley


def wait_until_blocked() -> None:
    """Until some other connection waits for a lock."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


class Beside:
    """Work on a connection of its own, begun at once."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._answer: Any = None
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> Any:
        """Its answer, or its failure raised."""
        self._thread.join(20)
        assert not self._thread.is_alive()
        if self._failure:
            raise self._failure
        return self._answer

    def _run(self) -> None:
        try:
            self._answer = self._work()
        except Exception as error:  # noqa: BLE001 - it belongs to the test's own thread
            self._failure = error
        finally:
            connection.close()


def pretend_server_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the question for the server's start out of the reaper's list; a test of its own keeps it."""
    young = "AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => %(lease)s / 1000.0)"
    whole = statement("overdue")
    assert young in whole
    monkeypatch.setattr("rida.dispatch.statements.statement", lambda name: statement(name).replace(young, ""))
