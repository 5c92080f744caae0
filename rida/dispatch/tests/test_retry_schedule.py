"""When a deferred delivery is tried again, and when it is given up."""

import pytest

from rida.dispatch.rules import next_attempt

WAITS = (5, 15, 60)


@pytest.mark.parametrize(
    ("attempt", "give_up_at", "expected"),
    [(1, 10_000, 105), (2, 10_000, 115), (3, 10_000, 160), (9, 10_000, 160), (1, 105, None), (1, 106, 105)],
)
def test_each_try_waits_longer_and_the_last_wait_repeats(attempt: int, give_up_at: int, expected: int | None) -> None:
    assert next_attempt(attempt, give_up_at, 100, WAITS) == expected
