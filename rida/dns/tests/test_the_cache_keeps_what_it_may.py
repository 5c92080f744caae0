"""The cache alone: time is a number, questions are counted."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from rida.dns.answers import AddressAnswer, Status
from rida.dns.cache import Cache


class Asked:
    """Answers everything with a ttl of ten seconds and remembers what it was asked."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.now = 100.0
        self.gate: asyncio.Event | None = None

    async def __call__(self, name: str) -> AddressAnswer:
        self.names.append(name)
        if self.gate:
            await self.gate.wait()
        return AddressAnswer(Status.FOUND, (name,), ttl=10.0)


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


@pytest.fixture
def asked() -> Asked:
    return Asked()


def cache(asked: Asked, size: int = 100) -> Cache[AddressAnswer]:
    return Cache(asked, lambda: asked.now, size)


def test_an_answer_serves_until_its_ttl_and_says_what_is_left(asked: Asked) -> None:
    async def main() -> None:
        kept = cache(asked)
        assert (await kept.get("a")).ttl == 10
        asked.now += 7
        assert (await kept.get("a")).ttl == 3
        assert asked.names == ["a"]
        asked.now += 3
        assert (await kept.get("a")).ttl == 10
        assert asked.names == ["a", "a"]

    run(main())


def test_the_least_used_goes_first(asked: Asked) -> None:
    async def main() -> None:
        kept = cache(asked, size=2)
        for name in ("a", "b", "a", "c", "a", "b"):
            await kept.get(name)
        assert asked.names == ["a", "b", "c", "b"]
        assert len(kept) == 2

    run(main())


def test_many_who_ask_the_same_share_one_question(asked: Asked) -> None:
    async def main() -> None:
        kept = cache(asked)
        answers = await asyncio.gather(*(kept.get("a") for _ in range(50)))
        assert asked.names == ["a"]
        assert len(set(answers)) == 1

    run(main())


def test_one_who_gives_up_does_not_spoil_it_for_the_others(asked: Asked) -> None:
    async def main() -> None:
        asked.gate = asyncio.Event()
        kept = cache(asked)
        first, second = (asyncio.create_task(kept.get("a")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        asked.gate.set()
        assert (await second).status is Status.FOUND
        assert asked.names == ["a"]

    run(main())


def test_a_question_that_breaks_is_asked_again(asked: Asked) -> None:
    async def main() -> None:
        async def broken(name: str) -> AddressAnswer:
            raise RuntimeError(name)

        kept = Cache(broken, lambda: 0.0, 10)
        for _ in range(2):
            with pytest.raises(RuntimeError):
                await kept.get("a")

    run(main())
