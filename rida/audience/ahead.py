"""Making the next of a row of things while somebody waits for something else. Knows nothing of what they are."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


@contextmanager
def ahead(items: Iterator[T]) -> Iterator["Ahead[T]"]:
    """Ends the thread with the block."""
    with ThreadPoolExecutor(1, "ahead") as thread:
        yield Ahead(items, thread)


class Ahead(Generic[T]):
    """`items` in their order, each made in the thread from `begin` on, or else from `take` on.

    Python runs one thread at a time: begin where the caller is about to wait, not to work. An error comes from `take`,
    where it would have come without the thread.
    """

    def __init__(self, items: Iterator[T], thread: ThreadPoolExecutor) -> None:
        self._items, self._thread = items, thread
        self._coming: Future[T | None] | None = None

    def begin(self) -> None:
        """The next one alone: beginning twice begins once."""
        if self._coming is None:
            self._coming = self._thread.submit(next, self._items, None)

    def take(self) -> T | None:
        """The next one; None behind the last."""
        self.begin()
        assert self._coming is not None
        coming, self._coming = self._coming, None
        return coming.result()
