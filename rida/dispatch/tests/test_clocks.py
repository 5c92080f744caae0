"""A step of the database's clock shows; a slow or frozen request does not pass for one."""

import pytest

from rida.dispatch.clocks import ClockWatch


@pytest.mark.parametrize(
    ("readings", "steps"),
    [
        ([(0, 1000, 0.01), (1, 2000, 1.01)], [0, 0]),
        ([(0, 1000, 0.01), (1, 5000, 1.01)], [0, 2980]),
        ([(0, 1000, 0.01), (1, 1000 - 4000, 1.01)], [0, 4980]),
        ([(0, 1000, 0.01), (1, 2500, 6.0), (7, 8000, 7.01)], [0, 0, 0]),
        ([(0, 1000, 5.0), (6, 7000, 6.01)], [0, 0]),
        ([(0, 1000, 0.01), (1, 2400, 1.01)], [0, 0]),
    ],
    ids=["together", "forward", "backward", "frozen in the request", "slow first request", "within tolerance"],
)
def test_only_a_step_is_a_step(readings: list[tuple[float, int, float]], steps: list[float]) -> None:
    watch = ClockWatch(tolerance_ms=500)
    found = [watch.step_ms(*reading) for reading in readings]
    assert found == pytest.approx(steps, abs=30)


def test_a_slow_answer_hides_no_step() -> None:
    """The clock stepped by 8 s; the commit that came back with it took 10 s, so its own interval proves nothing."""
    watch = ClockWatch(5_000)
    watch.step_ms(0.0, 1_000_000, 0.01)
    assert watch.step_ms(1.0, 1_009_000, 11.0) == 0
    assert watch.step_ms(12.0, 1_020_000, 12.01) > 7_000


def test_a_slow_drift_is_no_step_however_long_it_lasts() -> None:
    watch = ClockWatch(5_000)
    drift = 1.0005  # what NTP slews at most
    assert not any(watch.step_ms(at, int(at * 1000 * drift), at + 0.01) for at in map(float, range(0, 100_000, 100)))
