"""One worker process as the ledger sees it: claims for free sessions, records in groups, fences itself.

The asynchronous face of `ledger`: it implements delivery's Ledger port over a few threads, each with its own database
connection. A node that cannot trust its clock or its database sends nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import DataError, IntegrityError, connection
from django.db import Error as DjangoDatabaseError

from rida.delivery.engine import Engine
from rida.delivery.ports import Item, Result, Volley, Word
from rida.delivery.recorder import GroupCommit
from rida.dispatch.clocks import ClockWatch
from rida.dispatch.ledger import Ledger
from rida.dispatch.records import Entry
from rida.kernel.clock import elapsed_seconds
from rida.kernel.errors import DatabaseAway, OutcomeRefused
from rida.kernel.reply import Reply

log = logging.getLogger(__name__)
T = TypeVar("T")

CLAIM_NETWORKS = 20
_IDLE_SECONDS = 0.25
_THREADS = 3
_POISON = (DataError, IntegrityError)
"""What the database says of rows, not of itself."""


class Node:
    """See delivery.ports.Ledger for begin, record, exchange, close, renew."""

    def __init__(
        self,
        ledger: Ledger,
        tolerance_ms: float,
        revive: Callable[[], None] = lambda: None,
        prepare: Callable[[Collection[int]], None] = lambda _: None,
    ) -> None:
        """revive: called after the database went away, to start it again where it is ours.
        prepare: called off the event loop with the launches of a claim, to read and compile what rendering needs."""
        self.ledger = ledger
        self.engine: Engine | None = None
        self._revive = revive
        self._prepare = prepare
        self._clocks = ClockWatch(tolerance_ms)
        self._rests_until = 0.0
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ledger")
        self._recorder_thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._recorder = GroupCommit(self._commit, self._recorder_thread)
        self._freed = asyncio.Event()
        self._reserved = 0
        """Sessions for claims under way. Many drains ask for room at once, and each answer takes a while."""

    # --- the port ---------------------------------------------------------------------------------------------------

    async def begin(self, volley: Volley) -> Word:
        return await self._recorder.put(Entry(volley, True, (), volley.items))

    async def record(self, volley: Volley, results: Sequence[Result], coming: Sequence[Item]) -> Word:
        return await self._recorder.put(Entry(volley, False, results, coming))

    async def exchange(self, volley: Volley, attempted: int, *, any_network: bool = False) -> Volley | None:
        if self.resting:
            return None
        return await self._in_thread(self._exchange, volley, attempted, any_network)

    async def close(self, volley: Volley, attempted: int, returned: Sequence[Item]) -> None:
        await self._in_thread(self.ledger.close, volley, attempted, returned)
        self._freed.set()

    async def renew(self, volley_ids: Collection[int]) -> frozenset[int]:
        return await self._in_thread(self.ledger.renew, volley_ids)

    # --- claims -----------------------------------------------------------------------------------------------------

    @property
    def resting(self) -> bool:
        """True while the node may not claim, after the database's clock stepped."""
        return elapsed_seconds() < self._rests_until

    async def drain(self, shard: int, seconds: float, stopping: Callable[[], bool]) -> None:
        """Claim for free sessions until the shard has nothing due or the time is over."""
        until = elapsed_seconds() + seconds
        while elapsed_seconds() < until and not stopping():
            free = self._free_sessions()
            volleys = [] if self.resting or not free else await self._claim(shard, free)
            if not volleys and free and not self._busy():
                return
            if not volleys:
                await self._wait_for_a_close()

    async def _claim(self, shard: int, free: int) -> list[Volley]:
        assert self.engine is not None
        asked = min(CLAIM_NETWORKS, free)
        self._reserved += asked
        try:
            volleys = await self._in_thread(self._claim_now, shard, asked)
            for volley in volleys:
                self.engine.start(volley)
        finally:
            self._reserved -= asked
        return volleys

    def _free_sessions(self) -> int:
        return max(0, self.engine.free_sessions - self._reserved) if self.engine else 0

    def _busy(self) -> bool:
        """A session of ours may close soon and make room; which shard it is of does not matter."""
        return bool(self.engine and self.engine.busy)

    async def _wait_for_a_close(self) -> None:
        self._freed.clear()
        try:
            await asyncio.wait_for(self._freed.wait(), _IDLE_SECONDS)
        except TimeoutError:
            return

    def _claim_now(self, shard: int, networks_at_most: int) -> list[Volley]:
        volleys = self.ledger.claim(shard, networks_at_most)
        self._prepare({item.launch_id for volley in volleys for item in volley.items})
        return volleys

    def _exchange(self, volley: Volley, attempted: int, any_network: bool) -> Volley | None:
        opened = self.ledger.exchange(volley, attempted, any_network=any_network)
        if opened:
            self._prepare({item.launch_id for item in opened.items})
        return opened

    async def reap(self) -> int:
        return await self._in_thread(self.ledger.reap)

    # --- threads ----------------------------------------------------------------------------------------------------

    def _commit(self, batch: Sequence[Entry]) -> list[Word | Exception]:
        """Runs in the recorder's thread, one at a time. What is refused is found by halves: it would else keep the
        outcomes of all sessions from being durable, for ever."""
        try:
            return [*self._commit_together(batch)]
        except DatabaseAway as error:
            if not _rolled_back(error) or len(batch) == 1:
                return [error] * len(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to one entry, and the others go on
            if len(batch) == 1:
                return [self._in_plain_words(batch[0], error)]
        middle = len(batch) // 2
        return self._commit(batch[:middle]) + self._commit(batch[middle:])

    def _in_plain_words(self, entry: Entry, error: Exception) -> Word | Exception:
        """The same outcomes without what may be refused in them; its session ends."""
        log.error("volley %d: what it records is refused, and kept in plain words", entry.volley.id, exc_info=error)
        plain = [_plain(result, error) for result in entry.results]
        try:
            self._commit_together([Entry(entry.volley, entry.begins, plain, ())])
        except DatabaseAway as away:
            return away
        except Exception as refused:
            log.exception("volley %d: its outcomes are refused in plain words too", entry.volley.id)
            return OutcomeRefused(reason=type(refused).__name__)
        return Word(fenced=True)

    def _commit_together(self, batch: Sequence[Entry]) -> list[Word]:
        before = elapsed_seconds()
        words, database_ms = self._connected(self.ledger.commit, batch)
        if step := self._clocks.step_ms(before, database_ms, elapsed_seconds()):
            return self._fence(words, step)
        return words

    def _fence(self, words: Sequence[Word], step_ms: float) -> list[Word]:
        """The clocks went apart: what is in hand stops, and claims wait until the step can no longer matter."""
        log.error("the database's clock stepped by %.0f ms; this node pauses", step_ms)
        self._rests_until = elapsed_seconds() + min(step_ms, self.ledger.timing.window_ms) / 1000
        return [Word(word.withheld, word.halted, fenced=True) for word in words]

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: self._connected(work, *arguments))

    def _connected(self, work: Callable[..., T], *arguments: object) -> T:
        """Runs `work` on this thread's connection. A broken one is dropped, so that the next call opens another."""
        try:
            return work(*arguments)
        except _POISON:
            raise
        except DjangoDatabaseError as error:
            connection.close()
            self._revive()
            raise DatabaseAway(reason=str(error).strip() or type(error).__name__) from error

    async def stop(self) -> None:
        """Let the messages in hand end; then close the threads' connections."""
        if self.engine:
            await self.engine.stop()
        for threads in (self._threads, self._recorder_thread):
            threads.shutdown(wait=True, cancel_futures=True)


def _plain(result: Result, error: Exception) -> Result:
    """How it ended, in our own words: an outcome that the node knows is never made another."""
    reply = Reply(result.reply.step, result.reply.code, "", f"the reply could not be stored: {type(error).__name__}")
    return Result(result.item, result.outcome, reply)


def _rolled_back(error: DatabaseAway) -> bool:
    """The database is there, and ended a transaction that waited in a circle; the next try will do."""
    cause = error.__cause__ and error.__cause__.__cause__
    return str(getattr(cause, "sqlstate", None) or "").startswith("40")
