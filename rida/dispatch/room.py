"""Room, the next due moment and a close, as pure functions: what `functions.sql` does, said once more in Python.

A property test compares the two (design §4.9); simulations run on these. Times in ms.

A permit counts against R while `counts_until` lies ahead. The reserve, a tenth of R and one of C, is for urgent mail:
bulk sees R - R // 10 and C - 1, each counted over bulk permits only, and the whole sees R and C.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

NEVER = 9_000_000_000_000_000
_NO_LIMIT = 1_000_000
PACE_SECONDS = 30
"""A paced network claims what it may send in so long (design §4.7)."""


@dataclass(frozen=True, slots=True)
class Limits:
    r: int
    c: int
    k: int
    v: int
    pace_per_second: float | None = None

    @property
    def bulk_r(self) -> int:
        return self.r - self.r // 10

    @property
    def bulk_c(self) -> int:
        return self.c - 1 if self.c > 1 else self.c

    @property
    def claim_size(self) -> int:
        if self.pace_per_second is None:
            return self.v
        return max(1, min(self.v, int(self.pace_per_second * PACE_SECONDS)))


@dataclass(frozen=True, slots=True)
class InHand:
    """What the budget row says of open volleys, and until when it rests."""

    messages: int = 0
    bulk: int = 0
    volleys: int = 0
    rests_until: int = 0


@dataclass(frozen=True, slots=True)
class Permit:
    counts_until: int
    n: int
    urgent: bool


@dataclass(frozen=True, slots=True)
class Room:
    """How many messages a claim may take now, and when it is worth asking again, for either kind of mail."""

    urgent: int
    bulk: int
    urgent_due: int
    bulk_due: int


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of waiting mail: when its first message is due."""

    urgent: bool
    due: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a source may send over all networks; None: no such limit. day_more: how much longer a day counts permits."""

    hour: int | None
    day: int | None
    day_more: int
    connections: int | None
    hold_until: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """How many messages of either kind, and how many volleys, a source may still have."""

    urgent: int
    bulk: int
    volleys: int


def room(limits: Limits, hand: InHand, permits: Sequence[Permit], now: int) -> Room:
    """Room of one budget row. `permits` may hold expired ones; they do not count."""
    counting = [permit for permit in permits if permit.counts_until > now]
    bulk_permits = _bulk(counting)
    total, bulk = _sum(counting), _sum(bulk_permits)
    resting = hand.rests_until > now or hand.volleys >= limits.k
    urgent_room = min(limits.claim_size, limits.c - hand.messages, limits.r - total)
    bulk_room = min(urgent_room, limits.bulk_c - hand.bulk, limits.bulk_r - bulk)
    whole_free_at = _free_at(counting, limits.r, now)
    bulk_free_at = max(whole_free_at, _free_at(bulk_permits, limits.bulk_r, now))
    full = hand.messages >= limits.c or hand.volleys >= limits.k
    return Room(
        urgent=0 if resting else max(0, urgent_room),
        bulk=0 if resting else max(0, bulk_room),
        urgent_due=NEVER if full else max(now, hand.rests_until, whole_free_at),
        bulk_due=NEVER if full or hand.bulk >= limits.bulk_c else max(now, hand.rests_until, bulk_free_at),
    )


def left(allowance: Allowance, permits: Sequence[Permit], open_volleys: int, now: int) -> Left:
    """What an allowance leaves now. `permits`: of the source, whatever the network; open volleys' among them."""
    volleys = _NO_LIMIT if allowance.connections is None else max(0, allowance.connections - open_volleys)
    if allowance.hold_until > now or not volleys:
        return Left(0, 0, volleys)
    of_hour = [permit for permit in permits if permit.counts_until > now]
    of_day = [permit for permit in permits if permit.counts_until + allowance.day_more > now]
    counted = [(limit, of) for limit, of in ((allowance.hour, of_hour), (allowance.day, of_day)) if limit is not None]
    whole = min((limit - _sum(of) for limit, of in counted), default=_NO_LIMIT)
    bulk = min((limit - limit // 10 - _sum(_bulk(of)) for limit, of in counted), default=_NO_LIMIT)
    return Left(max(0, whole), max(0, min(whole, bulk)), volleys)


def next_due(rows: Sequence[Room], works: Sequence[Work], now: int) -> int:
    """When a claim of this network could next succeed; NEVER if it is idle, or full until a close.

    rows: the network's own, and that of the works' source if it has one here.
    works: of one source, without those whose source has nothing left; they wait until it wakes them.
    """
    free: Callable[[bool], int] = lambda urgent: max(row.urgent_due if urgent else row.bulk_due for row in rows)  # noqa: E731
    return min((max(now, work.due, free(work.urgent)) for work in works), default=NEVER)


def close(volley: Permit, attempted: int, now: int, window: int) -> Permit:
    """What a volley still counts after its close: what reached the wire, for a window from now (engine facts §3.5)."""
    return Permit(now + window, min(attempted, volley.n), volley.urgent)


def _bulk(permits: Sequence[Permit]) -> list[Permit]:
    return [permit for permit in permits if not permit.urgent]


def _sum(permits: Sequence[Permit]) -> int:
    return sum(permit.n for permit in permits)


def _free_at(permits: Sequence[Permit], limit: int, now: int) -> int:
    """When enough permits have run out that one more message fits."""
    used = _sum(permits)
    if used < limit:
        return now
    for permit in sorted(permits, key=lambda permit: permit.counts_until):
        used -= permit.n
        if used < limit:
            return permit.counts_until
    return NEVER
