"""The forecast agrees with a plain count, message by message."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rida.shaping.forecast import HOUR_MS, Because, Load, forecast, total_hours

NOW = 1_000_000_000_000
WINDOW = HOUR_MS


def hours(load: Load) -> float | None:
    return forecast([load], NOW, WINDOW)[0].hours


def load(n: int, r: int = 100, **state: object) -> Load:
    return Load(1, "net", n, r, **state)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("work", "expected", "because"),
    [
        (load(0), 0, Because.FITS),
        (load(0, hold_until=None), 0, Because.FITS),
        (load(1), 0, Because.FITS),
        (load(90), 0, Because.FITS),
        (load(91), 1, Because.RATE),
        (load(180), 1, Because.RATE),
        (load(181), 2, Because.RATE),
        (load(300_000), 3333, Because.RATE),
        (load(5, r=5), 0, Because.FITS),
        (load(6, r=5), 1, Because.RATE),
        (load(90, ahead=1), 1, Because.RATE),
        (load(90, counted=[(NOW + WINDOW // 2, 1)]), 0.5, Because.RATE),
        (load(89, counted=[(NOW + WINDOW // 2, 1)]), 0, Because.FITS),
        (load(91, counted=[(NOW + WINDOW // 2, 1)]), 1, Because.RATE),
        (load(1, counted=[(NOW + WINDOW // 4, 40), (NOW + WINDOW // 2, 50)]), 0.25, Because.RATE),
        # R was lowered to 10: of 20 that count, the first 11 that run out free nothing.
        (load(1, r=10, counted=[(NOW + WINDOW // 4, 11), (NOW + WINDOW // 2, 9)]), 0.5, Because.RATE),
        (load(1, hold_until=NOW + 3 * WINDOW), 3, Because.HOLD),
        (load(91, hold_until=NOW + 3 * WINDOW), 4, Because.RATE),
        (load(1, hold_until=NOW - 1), 0, Because.FITS),
        (load(1, hold_until=None), None, Because.HOLD),
    ],
)
def test_the_last_message_leaves_when_its_permit_is_free(work: Load, expected: float | None, because: Because) -> None:
    row = forecast([work], NOW, WINDOW)[0]
    assert (row.hours, row.because) == (expected, because)


def test_the_cap_is_r_less_the_reserve() -> None:
    assert [load(1, r=r).cap for r in (1, 9, 10, 99, 100)] == [1, 9, 9, 90, 90]


def test_the_slowest_comes_first_and_is_the_total() -> None:
    slow, quick = Load(1, "slow", 500, 100), Load(2, "quick", 5, 100)
    rows = forecast([quick, slow], NOW, WINDOW)
    assert [row.network for row in rows] == ["slow", "quick"]
    assert total_hours(rows) == 5
    assert total_hours([]) == 0


def test_a_network_that_is_held_leaves_the_end_open() -> None:
    rows = forecast([load(5), Load(2, "held", 1, 100, hold_until=None)], NOW, WINDOW)
    assert rows[0].network == "held"
    assert total_hours(rows) is None


counted_ = st.lists(st.tuples(st.integers(NOW + 1, NOW + WINDOW), st.integers(1, 8)), max_size=6)


@given(
    st.integers(1, 120),
    st.integers(1, 25),
    counted_,
    st.integers(0, 30),
    st.sampled_from([0, NOW + 10, NOW + 5 * WINDOW]),
)
def test_it_agrees_with_sending_one_by_one(
    n: int, r: int, counted: Sequence[tuple[int, int]], ahead: int, held: int
) -> None:
    work = load(n, r, counted=counted, ahead=ahead, hold_until=held)
    assert hours(work) == (_sent_one_by_one(work) - NOW) / HOUR_MS


def _sent_one_by_one(work: Load) -> int:
    """Send as soon as fewer than `cap` messages count, again and again."""
    counting = sorted(until for until, count in work.counted for _ in range(count))
    now = max(NOW, work.hold_until or 0)
    for _ in range(work.ahead + work.n):
        counting = [until for until in counting if until > now]
        if len(counting) >= work.cap:
            now = counting[len(counting) - work.cap]
            counting = [until for until in counting if until > now]
        counting.append(now + WINDOW)
    return now
