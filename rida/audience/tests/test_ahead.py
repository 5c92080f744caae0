"""Things come as they would without a thread: in order, one ahead at most, errors in their place."""

import threading
from collections.abc import Iterator

import pytest

from rida.audience.ahead import ahead

SECONDS = 10


def test_everything_comes_in_order_and_then_it_ends() -> None:
    with ahead(iter([1, 2, 3])) as coming:
        coming.begin()
        coming.begin()
        assert [coming.take() for _ in range(5)] == [1, 2, 3, None, None]


def test_the_next_is_made_meanwhile_and_no_more_than_that() -> None:
    made = [threading.Event() for _ in range(3)]

    def making() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    with ahead(making()) as coming:
        assert coming.take() == 0
        assert not made[1].wait(0.05)
        coming.begin()
        coming.begin()
        assert made[1].wait(SECONDS)
        assert not made[2].wait(0.05)
        assert coming.take() == 1


def test_an_error_comes_after_all_that_was_made_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("second")

    with ahead(failing()) as coming:
        assert coming.take() == 1
        coming.begin()
        with pytest.raises(ValueError, match="second"):
            coming.take()


def test_whoever_stops_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    with ahead(iter(range(100))) as coming:
        coming.begin()
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
