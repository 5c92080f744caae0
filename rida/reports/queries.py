"""Read-only totals. Every number is counted from the ledger's rows in one statement, so that they add up.

A delivery has one state: its final outcome, or it waits. Deferred is no end. A doubtful row is overridden by any row of
the same or a later attempt; and while the delivery is being sent again, it waits.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from rida.audience.models import Contact
from rida.campaign.models import Campaign
from rida.feedback.models import FeedbackEvent
from rida.kernel import clock
from rida.kernel.clock import milliseconds, moment
from rida.kernel.reply import Outcome
from rida.outbox.models import Launch
from rida.shaping.models import NEVER, Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Deliveries by state: the six outcomes and `waiting` sum to `queued`. deferred_attempts counts tries."""

    queued: int = 0
    accepted: int = 0
    bounced: int = 0
    withheld: int = 0
    expired: int = 0
    cancelled: int = 0
    doubtful: int = 0
    waiting: int = 0
    deferred_attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkTotals(Totals):
    """One network's part of a launch, and how the network is now.

    r: messages a window; cap: of these for bulk mail. held_until: where it is held, None means until it is released.
    next_at: when the next message may leave; None: nothing waits, or all room is in hand.
    """

    network_id: int
    network: str
    r: int
    cap: int
    held: bool
    held_until: datetime | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A workspace at a glance. *_lately: in the last 24 hours, of launches of the last seven days."""

    contacts: int
    campaigns: int
    running: int
    paused: int
    accepted_lately: int
    bounced_lately: int
    unsubscribed_lately: int
    complaints_lately: int


def totals(launch_id: int) -> Totals:
    """The whole launch. A launch that nobody knows has none queued."""
    parts = _states(launch_id).values()
    summed: dict[str, int] = defaultdict(int)
    for part in parts:
        for name, count in part.items():
            summed[name] += count
    return Totals(**summed)


def by_network(launch_id: int, now: datetime | None = None) -> list[NetworkTotals]:
    """The same by network, the one with most waiting first."""
    states = _states(launch_id)
    budgets = Budget.objects.filter(network__in=states, source=None).select_related("network")
    at = milliseconds(now or clock.now())
    rows = [_network_totals(budget, states[budget.network_id], at) for budget in budgets]
    return sorted(rows, key=lambda row: (-row.waiting, -row.queued, row.network))


def withheld(launch_id: int) -> list[tuple[str, int]]:
    """Why copies were not sent: the reason's code, and how many; the most first."""
    with connection.cursor() as cursor:
        cursor.execute(_WITHHELD, [launch_id, int(Outcome.WITHHELD)])
        return [(reason, count) for reason, count in cursor.fetchall()]


_WITHHELD = """
SELECT o.reply, count(*)
FROM outbox_tranche t JOIN dispatch_outcome o ON o.tranche_id = t.id
WHERE t.launch_id = %s AND o.kind = %s
GROUP BY 1 ORDER BY 2 DESC, 1
"""


def _network_totals(budget: Budget, state: Mapping[str, int], at: int) -> NetworkTotals:
    return NetworkTotals(
        network_id=budget.network_id,
        network=budget.network.name,
        r=budget.r,
        cap=budget.r - budget.r // 10,
        held=budget.hold_until > at,
        held_until=moment(budget.hold_until) if at < budget.hold_until < NEVER else None,
        next_at=moment(budget.next_due) if 0 < budget.next_due < NEVER else None,
        **state,
    )


# --- one launch -----------------------------------------------------------------------------------------------------

_STATES = """
WITH own AS MATERIALIZED (
    SELECT id, network_id, end_n FROM outbox_tranche WHERE launch_id = %(launch)s
), unsure AS MATERIALIZED (
    SELECT DISTINCT o.tranche_id, o.n FROM dispatch_outcome o JOIN own ON own.id = o.tranche_id WHERE o.doubt
), sent_again AS MATERIALIZED (
    SELECT y.tranche_id, y.n FROM dispatch_retry y JOIN unsure USING (tranche_id, n)
    UNION
    SELECT x.tranche_id, x.n FROM dispatch_volley v
    CROSS JOIN LATERAL unnest(v.tranche_ids, v.ns) AS x (tranche_id, n)
    JOIN unsure u ON u.tranche_id = x.tranche_id AND u.n = x.n
    WHERE NOT v.closed
), newest AS (
    SELECT DISTINCT ON (o.tranche_id, o.n) o.tranche_id, o.n, o.kind, o.doubt
    FROM dispatch_outcome o JOIN unsure USING (tranche_id, n)
    ORDER BY o.tranche_id, o.n, o.attempt DESC, o.doubt
), state AS (
    SELECT o.tranche_id, o.kind, count(*) AS count
    FROM dispatch_outcome o JOIN own ON own.id = o.tranche_id
    WHERE o.kind = %(deferred)s OR NOT EXISTS (
        SELECT FROM unsure u WHERE u.tranche_id = o.tranche_id AND u.n = o.n)
    GROUP BY 1, 2
    UNION ALL
    SELECT e.tranche_id, e.kind, count(*)
    FROM newest e
    WHERE e.kind <> %(deferred)s
      AND NOT (e.doubt AND EXISTS (SELECT FROM sent_again s WHERE s.tranche_id = e.tranche_id AND s.n = e.n))
    GROUP BY 1, 2
)
SELECT own.network_id, 0, sum(own.end_n) FROM own GROUP BY 1
UNION ALL
SELECT own.network_id, state.kind, sum(state.count) FROM state JOIN own ON own.id = state.tranche_id GROUP BY 1, 2
"""
_QUEUED = 0
_NAMES = {
    Outcome.ACCEPTED: "accepted",
    Outcome.BOUNCED: "bounced",
    Outcome.WITHHELD: "withheld",
    Outcome.EXPIRED: "expired",
    Outcome.CANCELLED: "cancelled",
    Outcome.DOUBTFUL: "doubtful",
}


def _states(launch_id: int) -> dict[int, dict[str, int]]:
    """network id: the fields of Totals"""
    counts: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    with connection.cursor() as cursor:
        cursor.execute(_STATES, {"launch": launch_id, "deferred": int(Outcome.DEFERRED)})
        for network_id, kind, count in cursor.fetchall():
            counts[network_id][kind] += int(count)
    return {network_id: _fields(of_kind) for network_id, of_kind in counts.items()}


def _fields(of_kind: Mapping[int, int]) -> dict[str, int]:
    ended = {name: of_kind[kind] for kind, name in _NAMES.items()}
    return {
        "queued": of_kind[_QUEUED],
        **ended,
        "waiting": of_kind[_QUEUED] - sum(ended.values()),
        "deferred_attempts": of_kind[Outcome.DEFERRED],
    }


# --- one workspace --------------------------------------------------------------------------------------------------

_LATELY = """
SELECT o.kind, count(*)
FROM outbox_launch l
JOIN outbox_tranche t ON t.launch_id = l.id
JOIN dispatch_outcome o ON o.tranche_id = t.id
WHERE l.workspace_id = %s AND l.launched_at > %s AND o.at > %s AND NOT o.doubt
GROUP BY 1
"""
_LATELY_SPAN = timedelta(hours=24)
_LAUNCHED_SPAN = timedelta(days=7)


def dashboard(workspace_id: int, now: datetime) -> Dashboard:
    launches = Launch.objects.filter(workspace=workspace_id)
    signs = FeedbackEvent.objects.filter(workspace=workspace_id, at__gt=now - _LATELY_SPAN)
    lately = _lately(workspace_id, now)
    return Dashboard(
        contacts=Contact.objects.filter(workspace=workspace_id).count(),
        campaigns=Campaign.objects.filter(workspace=workspace_id).count(),
        running=launches.filter(state=Launch.State.RUNNING).count(),
        paused=launches.filter(state=Launch.State.PAUSED).count(),
        accepted_lately=lately.get(Outcome.ACCEPTED, 0),
        bounced_lately=lately.get(Outcome.BOUNCED, 0),
        unsubscribed_lately=signs.filter(kind=FeedbackEvent.Kind.UNSUBSCRIBE).count(),
        complaints_lately=signs.filter(kind=FeedbackEvent.Kind.COMPLAINT).count(),
    )


def _lately(workspace_id: int, now: datetime) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_LATELY, [workspace_id, now - _LAUNCHED_SPAN, milliseconds(now - _LATELY_SPAN)])
        return dict(cursor.fetchall())
