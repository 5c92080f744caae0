"""What the receivers saw, counted: messages in a rolling window, sockets open at once. Pure.

A window is half-open: two messages exactly one window apart do not count together. Every MAIL FROM counts, whatever
was answered. Events stand in the order in which they were logged.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from operator import attrgetter


class Kind(StrEnum):
    OPEN = "open"
    CLOSE = "close"
    MAIL = "mail"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Event:
    """at_ns: the machine's monotonic clock, the same in every process. One ACCEPTED a recipient.

    detail: for REFUSED the reply, for MAIL the sender.
    """

    at_ns: int
    network: str
    kind: Kind
    recipient: str = ""
    message_id: str = ""
    detail: str = ""


def max_in_window(events: Iterable[Event], network: str, window_seconds: float) -> int:
    """The most MAIL FROMs that any half-open window of this length holds."""
    window = Window(window_seconds)
    for event in events:
        if event.network == network and event.kind is Kind.MAIL:
            window.add(event.at_ns)
    return window.most


def max_at_once(events: Iterable[Event], network: str) -> int:
    """The most sockets that were open at one moment."""
    now = most = 0
    for event in events:
        if event.network == network:
            now += (event.kind is Kind.OPEN) - (event.kind is Kind.CLOSE)
            most = max(most, now)
    return most


def by_network(events: Iterable[Event], window_seconds: float) -> dict[str, "Tally"]:
    """All figures of all networks in one walk."""
    name = attrgetter("network")
    return {network: _tally(group, window_seconds) for network, group in groupby(sorted(events, key=name), key=name)}


def _tally(events: Iterable[Event], window_seconds: float) -> "Tally":
    tally = Tally(window_seconds)
    for event in events:
        tally.see(event.kind, event.at_ns)
    return tally


class Window:
    """The most events in any half-open window, kept up to date. Events must come in order of time."""

    def __init__(self, seconds: float) -> None:
        self._width_ns = round(seconds * 1e9)
        self._times: deque[int] = deque()
        self.most = 0

    def add(self, at_ns: int) -> None:
        times = self._times
        times.append(at_ns)
        while times[0] <= at_ns - self._width_ns:
            times.popleft()
        self.most = max(self.most, len(times))


@dataclass(slots=True)
class Tally:
    """The live figures of one network."""

    window_seconds: float
    kinds: Counter[Kind] = field(default_factory=Counter)
    open_now: int = 0
    max_at_once: int = 0
    window: Window = field(init=False)

    def __post_init__(self) -> None:
        self.window = Window(self.window_seconds)

    @property
    def max_in_window(self) -> int:
        return self.window.most

    def see(self, kind: Kind, at_ns: int) -> None:
        self.kinds[kind] += 1
        if kind is Kind.MAIL:
            self.window.add(at_ns)
        elif kind is Kind.OPEN:
            self.open_now += 1
            self.max_at_once = max(self.max_at_once, self.open_now)
        elif kind is Kind.CLOSE:
            self.open_now -= 1

    def row(self) -> dict[str, int | float]:
        """For JSON. window_seconds: what max_in_window refers to."""
        counts: dict[str, int | float] = {str(kind): self.kinds[kind] for kind in Kind}
        return counts | {
            "open_now": self.open_now,
            "max_at_once": self.max_at_once,
            "max_in_window": self.max_in_window,
            "window_seconds": self.window_seconds,
        }
