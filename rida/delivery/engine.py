"""All sessions of one process: starts them, renews their leases, ends them with grace.

The worker's side: claim for `free_sessions`, hand each volley to `start`, and `stop` in the end.
"""

import asyncio
import logging
from collections.abc import Callable

from rida.delivery.manners import Manners
from rida.delivery.ports import Volley
from rida.delivery.session import House, Session
from rida.kernel.clock import elapsed_seconds

logger = logging.getLogger(__name__)
_RENEWALS_A_LEASE = 3
_GRACE_SECONDS = 30.0
_SETTLE_SECONDS = 10.0


class Engine:
    """Lives in one event loop."""

    def __init__(
        self,
        house: House,
        manners: Manners | None = None,
        *,
        sessions: int = 100,
        clock: Callable[[], float] = elapsed_seconds,
    ) -> None:
        self._house = house
        self._manners = manners or Manners()
        self._most = sessions
        self._clock = clock
        self._live: dict[Session, asyncio.Task[None]] = {}
        self._renewer: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def free_sessions(self) -> int:
        """How many volleys may be claimed now."""
        return 0 if self._stopping else max(0, self._most - len(self._live))

    @property
    def busy(self) -> int:
        """Sessions that live."""
        return len(self._live)

    def start(self, volley: Volley) -> None:
        """Take over a claimed volley. One that comes after `stop` is handed back at once."""
        session = Session(volley, self._house, self._manners, self._clock)
        if self._stopping:
            session.stop()
        task = asyncio.create_task(session.run(), name=f"volley {volley.id}")
        self._live[session] = task
        task.add_done_callback(lambda done: self._ended(session, done))
        if self._renewer is None:
            self._renewer = asyncio.create_task(self._renew(), name="lease renewal")

    async def stop(self, grace_seconds: float = _GRACE_SECONDS, settle_seconds: float = _SETTLE_SECONDS) -> None:
        """No new volleys; messages in hand get `grace_seconds` for their answer, the ledger `settle_seconds` more.

        What the ledger was never told by then is written to the log; its leases tell the rest.
        """
        self._stopping = True
        for session in self._live:
            session.stop()
        await self._wait(grace_seconds)
        for session in self._live:
            session.abort("the program ends")
        await self._wait(settle_seconds)
        await self._cancel()

    def _ended(self, session: Session, task: asyncio.Task[None]) -> None:
        self._live.pop(session, None)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            logger.error("volley %d: its session broke off", session.volley.id, exc_info=error)
            for line in session.unsettled():
                logger.error("volley %d: the ledger was not told: %s", session.volley.id, line)

    async def _wait(self, seconds: float) -> None:
        if self._live:
            await asyncio.wait(tuple(self._live.values()), timeout=seconds)

    async def _cancel(self) -> None:
        tasks = [*self._live.values(), *filter(None, (self._renewer,))]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._renewer = None

    # --- leases -----------------------------------------------------------------------------------------------------

    async def _renew(self) -> None:
        """Every third of the shortest lease, for exactly the volleys that have a live session (design §4.5)."""
        while not (self._stopping and not self._live):
            shortest = min((session.volley.lease_seconds for session in self._live), default=1.0)
            await asyncio.sleep(shortest / _RENEWALS_A_LEASE)
            await self._renew_once()

    async def _renew_once(self) -> None:
        asked = frozenset(session.volley.id for session in self._live if not session.fenced)
        if not asked:
            return
        asked_at = self._clock()
        try:
            granted = await self._house.ledger.renew(asked)
        except Exception as error:  # noqa: BLE001 - without an answer the old deadlines hold, and they stop the sessions
            logger.warning("leases could not be renewed: %s", error)
            return
        for session in self._live:
            session.hear_renewal(asked, granted, asked_at)
