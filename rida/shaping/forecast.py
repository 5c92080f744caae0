"""When each network would finish, under the limits in force. Pure.

In any rolling window a network takes `cap` bulk messages (R less the reserve for urgent mail). So the first message may
go when a permit is free, and the message after `cap` others exactly one window after the first of them:
(⌈n / cap⌉ − 1) windows from an empty start (facts: delivery §4.4). Time on the wire is not counted: at 100 an hour it
is nothing beside the waiting.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

HOUR_MS = 3_600_000


class Because(StrEnum):
    """What the time hangs on."""

    FITS = "fits"
    """All of it may leave now."""
    RATE = "rate"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Load:
    """One network's work and state. counted: (until when in ms, how many bulk messages) of the last window.

    hold_until: ms; None: held until somebody releases it. ahead: messages of other launches that wait already.
    """

    network_id: int
    network: str
    n: int
    r: int
    hold_until: int | None = 0
    counted: Sequence[tuple[int, int]] = ()
    ahead: int = 0

    @property
    def cap(self) -> int:
        """Bulk messages a window."""
        return self.r - self.r // 10


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """hours: until the last message leaves, everything before it included; None: held, no end in sight."""

    network_id: int
    network: str
    n: int
    r: int
    cap: int
    hours: float | None
    because: Because


def forecast(loads: Sequence[Load], now: int, window: int) -> list[ForecastRow]:
    """The slowest network first; the held ones before all. now, window: ms."""
    rows = [_row(load, now, window) for load in loads]
    return sorted(rows, key=lambda row: (row.hours is not None, -(row.hours or 0), row.network))


def total_hours(rows: Sequence[ForecastRow]) -> float | None:
    """The launch is as slow as its slowest network. None: something is held, no end in sight."""
    hours = [row.hours for row in rows]
    known = [value for value in hours if value is not None]
    return max(known, default=0.0) if len(known) == len(hours) else None


def _row(load: Load, now: int, window: int) -> ForecastRow:
    end = _end(load, now, window)
    hours = None if end is None else (end - now) / HOUR_MS
    return ForecastRow(load.network_id, load.network, load.n, load.r, load.cap, hours, _because(load, end, now))


def _because(load: Load, end: int | None, now: int) -> Because:
    if end is None or (load.hold_until is not None and load.hold_until >= end > now):
        return Because.HOLD
    return Because.RATE if end > now else Because.FITS


def _end(load: Load, now: int, window: int) -> int | None:
    """When the last message may leave, ms; None: never, as things are."""
    if load.n == 0:
        return now
    if load.hold_until is None:
        return None
    windows, place = divmod(load.ahead + load.n - 1, load.cap)
    return _permits(load, max(now, load.hold_until))[place] + windows * window


def _permits(load: Load, start: int) -> list[int]:
    """When each of the window's permits is free for the first time, soonest first."""
    taken = sorted(max(start, until) for until, count in load.counted for _ in range(count))
    free = load.cap - len(taken)
    # More taken than the cap: R was lowered meanwhile, and the first that run out free nothing.
    return [start] * free + taken if free >= 0 else taken[-free:]
