"""Answers kept as long as their ttl, the least used thrown out first; and one request for many who ask the same."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Generic, TypeVar

from rida.dns.answers import Answer

A = TypeVar("A", bound=Answer)


class Cache(Generic[A]):
    """One kind of answer by name. clock: seconds, never stepping back."""

    def __init__(self, ask: Callable[[str], Coroutine[Any, Any, A]], clock: Callable[[], float], size: int) -> None:
        self._ask = ask
        self._clock = clock
        self._size = size
        self._kept: OrderedDict[str, tuple[float, A]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[A]] = {}

    async def get(self, name: str) -> A:
        return self._fresh(name) or await self._shared(name)

    def __len__(self) -> int:
        return len(self._kept)

    async def close(self) -> None:
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _fresh(self, name: str) -> A | None:
        expires, answer = self._kept.get(name, (0.0, None))
        left = expires - self._clock()
        if answer is None or left <= 0:
            return None
        self._kept.move_to_end(name)
        return replace(answer, ttl=left)

    async def _shared(self, name: str) -> A:
        # Shielded: the first who asked may be cancelled while others wait for the same answer.
        task = self._asking.get(name)
        if task is None:
            task = self._asking[name] = asyncio.create_task(self._fetch(name))
        return await asyncio.shield(task)

    async def _fetch(self, name: str) -> A:
        try:
            answer = await self._ask(name)
        finally:
            del self._asking[name]
        self._keep(name, answer)
        return answer

    def _keep(self, name: str, answer: A) -> None:
        self._kept[name] = (self._clock() + answer.ttl, answer)
        self._kept.move_to_end(name)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
