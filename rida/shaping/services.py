"""Holds and pins by hand, forecasts. What the ledger counts in a budget row is the ledger's."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from rida.accounts.models import AuditEntry
from rida.kernel.clock import milliseconds
from rida.kernel.errors import LimitOutOfRange
from rida.shaping import forecast as forecasting
from rida.shaping.forecast import ForecastRow, Load, total_hours
from rida.shaping.limits import NOTHING, Limits, Wish, effective, too_high
from rida.shaping.models import NEVER, Budget, HoldEntry, Network
from rida.shaping.places import prior_of

__all__ = [
    "ForecastRow",
    "apply_priors",
    "forecast",
    "hold",
    "pin",
    "release",
    "total_hours",
    "unpin",
]

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


def apply_priors() -> int:
    """After an update of providers.toml: budgets that nobody pinned follow it; how many changed."""
    rows = Budget.objects.filter(source=None, pinned=False).exclude(network__provider="").select_related("network")
    return sum(_follow(row) for row in rows)


def _follow(row: Budget) -> bool:
    limits = effective(prior=prior_of(row.network))
    if (row.r, row.c, row.k, row.v) == (limits.r, limits.c, limits.k, limits.v):
        return False
    _change_budget(row.network, r=limits.r, c=limits.c, k=limits.k, v=limits.v)
    return True


def _set_limits(network: Network, wish: Wish, by: str) -> Limits:
    limits = effective(pin=wish, prior=prior_of(network))
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
