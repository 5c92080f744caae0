"""Group commit: few commits for many sessions, one at a time, and nobody waits for ever."""

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from rida.delivery.recorder import GroupCommit
from rida.delivery.tests.conftest import Play


class Book:
    """A slow store that counts its commits."""

    def __init__(self, seconds: float = 0.01) -> None:
        self.batches: list[list[int]] = []
        self._seconds = seconds
        self._alone = threading.Lock()

    def commit(self, batch: Sequence[int]) -> list[str]:
        assert self._alone.acquire(blocking=False), "two commits at once"
        time.sleep(self._seconds)
        self.batches.append(list(batch))
        self._alone.release()
        if 13 in batch:
            raise OSError("the disk is full")
        return [f"done {part}" for part in batch]


def test_everybody_gets_the_own_answer_and_few_commits_serve_many(play: Play) -> None:
    async def story() -> None:
        book = Book()
        recorder = GroupCommit(book.commit)

        async def session(n: int) -> list[str]:
            return [await recorder.put(100 * n + turn) for turn in range(5)]

        answers = await asyncio.gather(*(session(n) for n in range(50)))
        assert answers == [[f"done {100 * n + turn}" for turn in range(5)] for n in range(50)]
        assert sorted(part for batch in book.batches for part in batch) == sorted(
            100 * n + turn for n in range(50) for turn in range(5)
        )
        assert len(book.batches) <= 12

    play(story())


def test_a_failed_commit_is_heard_by_all_its_callers_and_the_next_one_works(play: Play) -> None:
    async def story() -> None:
        recorder = GroupCommit(Book().commit)
        heard = await asyncio.gather(recorder.put(1), recorder.put(13), return_exceptions=True)
        assert [type(answer) for answer in heard] == [OSError, OSError]
        assert await recorder.put(2) == "done 2"

    play(story())


def test_a_part_that_failed_alone_is_heard_by_its_caller_alone(play: Play) -> None:
    async def story() -> None:
        refusal = ValueError("not this one")
        recorder: GroupCommit[int, str] = GroupCommit(
            lambda batch: [refusal if part == 13 else "done" for part in batch]
        )
        assert await asyncio.gather(*map(recorder.put, (1, 13, 2)), return_exceptions=True) == ["done", refusal, "done"]

    play(story())


def test_a_batch_has_a_largest_size(play: Play) -> None:
    async def story() -> None:
        book = Book(seconds=0)
        recorder = GroupCommit(book.commit, largest=3)
        await asyncio.gather(*map(recorder.put, range(20, 28)))
        assert [len(batch) for batch in book.batches] == [3, 3, 2]

    play(story())


def test_a_caller_who_leaves_does_not_disturb_the_others(play: Play) -> None:
    async def story() -> None:
        recorder = GroupCommit(Book().commit)
        stays, leaves = (asyncio.create_task(recorder.put(n)) for n in (1, 2))
        await asyncio.sleep(0)
        leaves.cancel()
        assert await stays == "done 1"
        with pytest.raises(asyncio.CancelledError):
            await leaves

    play(story())


def test_an_answer_too_few_is_a_failure_for_all(play: Play) -> None:
    async def story() -> None:
        recorder: GroupCommit[int, str] = GroupCommit(lambda batch: [])
        with pytest.raises(ValueError, match="shorter"):
            await recorder.put(1)

    play(story())
