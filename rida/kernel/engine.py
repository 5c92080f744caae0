"""The ticket port: five calls that a distributed engine must offer. Procrastinate stands behind it (design §4).

A ticket is coarse work: drain a shard, write a chunk of a launch, import a file. Never one message, never far-future.
Stages declare tickets here and submit them here; the adapter (`dispatch.engine_procrastinate`) is put in place when the
program starts, so that no stage knows it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Work = Callable[..., Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A kind of work. `lane` keeps long imports from standing in front of the drains."""

    name: str
    work: Work
    lane: str = "work"
    every_seconds: int | None = None
    """Set for a tick: queued once in that time over all nodes."""


class TicketEngine(Protocol):
    def submit(self, name: str, key: str, arguments: Mapping[str, Any]) -> bool:
        """Queue a ticket, in the caller's transaction; with one key, one waits and one runs at a time.

        False if one waits already.
        """
        ...

    async def run(self, lanes: Mapping[str, int]) -> None:
        """Work on tickets until `stop`: so many at a time of each lane."""
        ...

    def stop(self) -> None:
        """Let running tickets end, take no new ones."""
        ...

    def stopping(self) -> bool:
        """Asked by long tickets between two steps."""
        ...

    async def recover(self, silent_seconds: float) -> int:
        """Hand back the tickets of nodes that gave no sign of life for so long; how many."""
        ...


@dataclass(slots=True)
class Registry:
    """All kinds of tickets, filled when the stages' `tickets` files are read, and the engine that runs them."""

    kinds: dict[str, Ticket] = field(default_factory=dict)
    engine: TicketEngine | None = None

    def ticket(self, name: str, *, lane: str = "work", every_seconds: int | None = None) -> Callable[[Work], Work]:
        """Declares a function as the work of a kind of ticket."""

        def declare(work: Work) -> Work:
            self.kinds[name] = Ticket(name, work, lane, every_seconds)
            return work

        return declare

    def submit(self, name: str, key: str, **arguments: Any) -> bool:
        """See TicketEngine.submit."""
        if self.engine is None:
            raise RuntimeError("no ticket engine is in place: Django is not set up")
        return self.engine.submit(name, key, arguments)


REGISTRY = Registry()
ticket = REGISTRY.ticket
submit = REGISTRY.submit
