"""Many sessions, one commit: each waits until its part is durable.

One batch is in flight at a time; what comes meanwhile is the next batch, so that the busier the node, the larger its
commits. An idle recorder waits a few milliseconds for company.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

Part = TypeVar("Part")
Answer = TypeVar("Answer")


class GroupCommit(Generic[Part, Answer]):
    """commit: runs in a thread, makes a batch durable and answers each part, in order; an exception is a part's answer
    too, and its caller's to hear. If commit raises, all parts hear it.

    Use it from one event loop. executor: None for the loop's own threads.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Part]], Sequence[Answer | Exception]],
        executor: Executor | None = None,
        *,
        gather_seconds: float = 0.005,
        largest: int = 500,
    ) -> None:
        self._commit = commit
        self._executor = executor
        self._gather_seconds = gather_seconds
        self._largest = largest
        self._waiting: list[tuple[Part, asyncio.Future[Answer]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, part: Part) -> Answer:
        """Returns when the commit that holds `part` is durable. Raises what the commit raised.

        A caller that is cancelled may find its part committed all the same.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((part, answer))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await answer

    async def _write(self) -> None:
        try:
            await asyncio.sleep(self._gather_seconds)
            while self._waiting:
                batch, self._waiting = self._waiting[: self._largest], self._waiting[self._largest :]
                await self._write_batch(batch)
        finally:
            self._writer = None

    async def _write_batch(self, batch: Sequence[tuple[Part, asyncio.Future[Answer]]]) -> None:
        loop = asyncio.get_running_loop()
        parts = [part for part, _ in batch]
        try:
            answers = await loop.run_in_executor(self._executor, self._commit, parts)
            pairs = list(zip(batch, answers, strict=True))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the callers; nobody may wait for ever
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), word in pairs:
            if answer.done():
                continue
            if isinstance(word, Exception):
                answer.set_exception(word)
            else:
                answer.set_result(word)
