"""The figures on which every promise about limits is judged; so they are checked against brute force."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rida.town.counters import Event, Kind, by_network, max_at_once, max_in_window

SECOND = 1_000_000_000


def mails(*seconds: float, network: str = "rose") -> list[Event]:
    return [Event(round(at * SECOND), network, Kind.MAIL) for at in seconds]


def doors(signs: str) -> list[Event]:
    return [Event(at, "rose", Kind.OPEN if sign == "+" else Kind.CLOSE) for at, sign in enumerate(signs)]


@pytest.mark.parametrize(
    ("times", "window", "expected"),
    [
        ([], 10, 0),
        ([5], 10, 1),
        ([0, 10], 10, 1),
        ([0, 9.999999999], 10, 2),
        ([0, 3, 6, 9], 10, 4),
        ([0, 3, 6, 9, 10], 10, 4),
        ([0, 0, 0, 100], 10, 3),
        ([0, 9, 10, 11, 18.9], 10, 4),
        ([1, 2, 3], 0.5, 1),
    ],
)
def test_a_rolling_window_is_half_open(times: list[float], window: float, expected: int) -> None:
    assert max_in_window(mails(*times), "rose", window) == expected


@pytest.mark.parametrize(
    ("signs", "expected"), [("", 0), ("+", 1), ("+-+-", 1), ("++-+-+", 2), ("+++---+", 3), ("+-++-++", 3)]
)
def test_open_sockets_are_counted_in_the_order_of_the_log(signs: str, expected: int) -> None:
    assert max_at_once(doors(signs), "rose") == expected


def test_networks_are_counted_apart() -> None:
    events = mails(0, 1) + mails(0, 1, 2, network="olive")
    assert max_in_window(events, "rose", 10) == 2
    assert max_in_window(events, "olive", 10) == 3
    assert max_in_window(events, "cedar", 10) == 0
    assert {name: tally.max_in_window for name, tally in by_network(events, 10).items()} == {"rose": 2, "olive": 3}


@given(st.lists(st.integers(0, 60), max_size=60), st.integers(1, 25))
def test_the_window_agrees_with_brute_force(times: list[int], width: int) -> None:
    times.sort()
    brute = max((sum(start <= at < start + width for at in times) for start in times), default=0)
    events = [Event(at * SECOND, "rose", Kind.MAIL) for at in times]
    assert max_in_window(events, "rose", width) == brute
    assert sum(tally.max_in_window for tally in by_network(events, width).values()) == brute


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=30))
def test_sockets_at_once_agree_with_brute_force(stays: list[tuple[int, int]]) -> None:
    edges = [(start, 1) for start, _ in stays] + [(start + length, -1) for start, length in stays]
    edges.sort()  # at one moment a close (-1) stands before an open (1), as in the log
    events = [Event(at, "rose", Kind.OPEN if sign > 0 else Kind.CLOSE) for at, sign in edges]
    brute = max((sum(s <= at < s + length for s, length in stays) for at in range(71)), default=0)
    assert max_at_once(events, "rose") == brute
    assert sum(tally.max_at_once for tally in by_network(events, 1).values()) == brute
