"""Rows as the ledger writes them, and what the totals make of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rida.accounts.models import Workspace
from rida.campaign.models import Campaign
from rida.dispatch.models import Retry, Volley
from rida.feedback.models import FeedbackEvent
from rida.kernel.clock import milliseconds
from rida.kernel.reply import Outcome
from rida.outbox.models import Launch, Tranche
from rida.reports.queries import NetworkTotals, Totals, by_network, dashboard, totals, withheld
from rida.shaping.models import NEVER, Budget, Network, Site
from rida.shaping.sources import sandbox_source

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
_number = count(1)


def workspace(slug: str = "alice") -> Workspace:
    return Workspace.objects.get_or_create(slug=slug, defaults={"name": slug})[0]


def launch(owner: Workspace | None = None, state: str = "running", **fields: object) -> Launch:
    return Launch.objects.create(
        source=sandbox_source(),
        workspace=owner or workspace(),
        kind=Launch.Kind.BULK,
        state=state,
        content={},
        content_hash=b"",
        terms={},
        give_up_at=0,
        launched_at=NOW,
        **fields,
    )


def tranche(of: Launch, size: int, waiting: int = 0, network: Network | None = None) -> Tranche:
    """`size` deliveries, the last `waiting` of them not claimed yet."""
    number = next(_number)
    if network is None:
        network = Network.objects.create(key=f"net:{number}", name=f"Network {number:03}")
        Budget.objects.create(network=network, shard=0)
    return Tranche.objects.create(
        workspace=of.workspace,
        launch=of,
        network=network,
        site=Site.objects.create(network=network, key=f"site {number}"),
        source=sandbox_source(),
        urgent=False,
        priority=100,
        next_n=size - waiting,
        end_n=size,
    )


def ended(of: Tranche, n: int, kind: Outcome, attempt: int = 1, at: datetime = NOW, reply: str = "") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO dispatch_outcome (tranche_id, n, attempt, doubt, workspace_id, kind, step, code, enhanced,
                   reply, at) VALUES (%s, %s, %s, %s, %s, %s, '', 0, '', %s, %s)""",
            [of.pk, n, attempt, kind is Outcome.DOUBTFUL, of.workspace_id, int(kind), reply, milliseconds(at)],
        )


def again(of: Tranche, n: int, attempt: int) -> None:
    Retry.objects.bulk_create(
        [
            Retry(
                tranche=of,
                n=n,
                workspace=of.workspace,
                launch=of.launch,
                network=of.network,
                site=of.site,
                source=of.source,
                urgent=False,
                attempt=attempt,
                due=0,
            )
        ]
    )


def test_withheld_copies_tell_why() -> None:
    made = launch()
    part = tranche(made, 4)
    for n, reason in enumerate(["withdrawn", "header_line_break", "withdrawn"]):
        ended(part, n, Outcome.WITHHELD, reply=reason)
    ended(part, 3, Outcome.BOUNCED, reply="no such user")
    ended(tranche(launch(), 1), 0, Outcome.WITHHELD, reply="complained")
    assert withheld(made.pk) == [("withdrawn", 2), ("header_line_break", 1)]


def in_hand(of: Tranche, ns: Sequence[int], attempts: Sequence[int], *, closed: bool = False) -> None:
    Volley.objects.create(
        workspace=of.workspace,
        network=of.network,
        site=of.site,
        source=of.source,
        node="here",
        urgent=False,
        n=len(ns),
        opened_at=0,
        lease_until=0,
        counts_until=0,
        closed=closed,
        tranche_ids=[of.pk] * len(ns),
        ns=list(ns),
        attempts=list(attempts),
    )


@dataclass(frozen=True)
class Story:
    """A delivery's outcomes (kind, attempt), and the attempt that waits in a retry or in hand, if any."""

    rows: tuple[tuple[Outcome, int], ...] = ()
    retry: int = 0
    hand: int = 0


def story(*rows: tuple[Outcome, int], retry: int = 0, hand: int = 0) -> Story:
    return Story(rows, retry, hand)


A, D, B, W = Outcome.ACCEPTED, Outcome.DEFERRED, Outcome.BOUNCED, Outcome.WITHHELD
E, C, X = Outcome.EXPIRED, Outcome.CANCELLED, Outcome.DOUBTFUL


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (story(), Totals(queued=1, waiting=1)),
        (story((A, 1)), Totals(queued=1, accepted=1)),
        (story((B, 1)), Totals(queued=1, bounced=1)),
        (story((W, 1)), Totals(queued=1, withheld=1)),
        (story((C, 1)), Totals(queued=1, cancelled=1)),
        (story((D, 1), retry=2), Totals(queued=1, waiting=1, deferred_attempts=1)),
        (story((D, 1), hand=2), Totals(queued=1, waiting=1, deferred_attempts=1)),
        (story((D, 1), (D, 2), (A, 3)), Totals(queued=1, accepted=1, deferred_attempts=2)),
        (story((D, 1), (E, 2)), Totals(queued=1, expired=1, deferred_attempts=1)),
        (story((X, 1)), Totals(queued=1, doubtful=1)),
        (story((D, 1), (X, 2)), Totals(queued=1, doubtful=1, deferred_attempts=1)),
        # The truth arrives late, for the same attempt.
        (story((X, 1), (A, 1)), Totals(queued=1, accepted=1)),
        (story((X, 1), (D, 1), retry=2), Totals(queued=1, waiting=1, deferred_attempts=1)),
        # It is sent again.
        (story((X, 1), retry=2), Totals(queued=1, waiting=1)),
        (story((X, 1), hand=2), Totals(queued=1, waiting=1)),
        (story((X, 1), (D, 2), retry=3), Totals(queued=1, waiting=1, deferred_attempts=1)),
        (story((X, 1), (A, 2)), Totals(queued=1, accepted=1)),
        (story((X, 1), (X, 2)), Totals(queued=1, doubtful=1)),
        # It is sent again, and then the truth about the first time arrives too: still one delivery.
        (story((X, 1), (A, 1), (A, 2)), Totals(queued=1, accepted=1)),
    ],
)
def test_one_delivery_has_one_state(told: Story, expected: Totals) -> None:
    made = launch()
    only = tranche(made, 1)
    for kind, attempt in told.rows:
        ended(only, 0, kind, attempt)
    if told.retry:
        again(only, 0, told.retry)
    if told.hand:
        in_hand(only, [0], [told.hand])
    assert totals(made.pk) == expected


def test_a_volley_that_is_closed_keeps_nothing_waiting() -> None:
    made = launch()
    only = tranche(made, 1)
    ended(only, 0, X)
    in_hand(only, [0], [1], closed=True)
    assert totals(made.pk).doubtful == 1


def test_each_network_has_its_part_and_the_parts_are_the_whole() -> None:
    made, other = launch(), launch()
    first, second = tranche(made, 10, waiting=4), tranche(made, 3)
    shared = tranche(other, 5, network=first.network)
    for n, kind in enumerate([A, A, A, B, W]):
        ended(first, n, kind)
    ended(shared, 0, A)
    ended(second, 0, X)
    rows = by_network(made.pk)
    assert [(row.network, row.queued, row.accepted, row.waiting, row.doubtful) for row in rows] == [
        (first.network.name, 10, 3, 5, 0),
        (second.network.name, 3, 0, 2, 1),
    ]
    assert _sum(rows) == totals(made.pk)


def test_a_network_shows_its_limit_its_hold_and_its_next_moment() -> None:
    made = launch()
    free, held, closed = tranche(made, 3), tranche(made, 2), tranche(made, 1)
    before, due = milliseconds(NOW - timedelta(hours=1)), milliseconds(NOW)
    Budget.objects.filter(network=free.network).update(next_due=due, r=50, hold_until=before)
    Budget.objects.filter(network=held.network).update(hold_until=due)
    Budget.objects.filter(network=closed.network).update(hold_until=NEVER)
    rows = by_network(made.pk, NOW - timedelta(minutes=1))
    assert [(row.r, row.cap, row.held, row.held_until, row.next_at) for row in rows] == [
        (50, 45, False, None, NOW),
        (100, 90, True, NOW, None),
        (100, 90, True, None, None),
    ]


def test_a_launch_that_nobody_knows_is_empty() -> None:
    assert totals(123_456_789) == Totals()
    assert by_network(123_456_789) == []


# --- every history --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class History:
    """One delivery: outcomes by attempt, and where it is now."""

    rows: tuple[tuple[Outcome, int], ...]
    where: str
    attempt: int


@st.composite
def histories(draw: st.DrawFn) -> History:
    """As the ledger can write them: deferred and doubtful tries, then an end, a retry, an open volley, or nothing."""
    rows: list[tuple[Outcome, int]] = []
    attempt = 1
    for kind in draw(st.lists(st.sampled_from([D, X]), max_size=3)):
        rows.append((kind, attempt))
        if kind is X and draw(st.booleans()):
            rows.append((draw(st.sampled_from([A, B, D])), attempt))
        attempt += 1
    where = draw(st.sampled_from(["ended", "retry", "hand", "doubt" if rows and rows[-1][0] is X else "retry"]))
    if where == "ended":
        rows.append((draw(st.sampled_from([A, B, W, E, C])), attempt))
    return History(tuple(rows), where, attempt)


def state(history: History) -> Outcome | None:
    """The slow way: None waits."""
    if not history.rows:
        return None
    last = max(attempt for _, attempt in history.rows)
    kinds = [kind for kind, attempt in history.rows if attempt == last]
    kind = next((kind for kind in kinds if kind is not X), X)
    if kind is D or (kind is X and history.where in ("retry", "hand")):
        return None
    return kind


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(histories(), max_size=8), st.lists(histories(), max_size=4), st.integers(0, 5))
def test_outcomes_and_waiting_are_what_was_queued(first: list[History], second: list[History], unclaimed: int) -> None:
    made = launch()
    for part, waiting in ((first, unclaimed), (second, 0)):
        rows = tranche(made, len(part) + waiting, waiting=waiting)
        for n, history in enumerate(part):
            _write(rows, n, history)
    found, everything = totals(made.pk), [*first, *second]
    states = Counter(state(history) for history in everything)
    assert found == Totals(
        queued=len(everything) + unclaimed,
        accepted=states[A],
        bounced=states[B],
        withheld=states[W],
        expired=states[E],
        cancelled=states[C],
        doubtful=states[X],
        waiting=states[None] + unclaimed,
        deferred_attempts=sum(kind is D for history in everything for kind, _ in history.rows),
    )
    assert _sum(by_network(made.pk)) == found


def _write(rows: Tranche, n: int, history: History) -> None:
    for kind, attempt in history.rows:
        ended(rows, n, kind, attempt)
    if history.where == "retry":
        again(rows, n, history.attempt)
    if history.where == "hand":
        in_hand(rows, [n], [history.attempt])


def _sum(rows: Sequence[NetworkTotals]) -> Totals:
    return Totals(**{name: sum(getattr(row, name) for row in rows) for name in asdict(Totals())})


# --- the workspace --------------------------------------------------------------------------------------------------


def test_the_dashboard_sees_its_own_workspace_and_the_last_day() -> None:
    alice, charlie = workspace(), workspace("charlie")
    Campaign.objects.create(workspace=alice, name="Mother's Day")
    for owner in (alice, charlie):
        made = tranche(launch(owner), 3)
        ended(made, 0, A)
        ended(made, 1, B)
        ended(made, 2, A, at=NOW - timedelta(hours=25))
        for kind in FeedbackEvent.Kind.UNSUBSCRIBE, FeedbackEvent.Kind.COMPLAINT:
            FeedbackEvent.objects.create(workspace=owner, kind=kind, address_hash=b"-" * 16, at=NOW)
    launch(alice, state="paused")
    assert asdict(dashboard(alice.pk, NOW + timedelta(minutes=1))) == {
        "contacts": 0,
        "campaigns": 1,
        "running": 1,
        "paused": 1,
        "accepted_lately": 1,
        "bounced_lately": 1,
        "unsubscribed_lately": 1,
        "complaints_lately": 1,
    }
