"""Order of MX hosts, and the shuffle that spreads load."""

from random import Random

from rida.dns.answers import MxAnswer, MxHost, Status

ANSWER = MxAnswer(Status.FOUND, tuple(MxHost(*host) for host in [(5, "a"), (5, "b"), (5, "c"), (10, "d"), (20, "e")]))


def test_equal_preferences_stand_together() -> None:
    assert ANSWER.groups() == [("a", "b", "c"), ("d",), ("e",)]


def test_a_shuffle_stays_within_its_group_and_reaches_every_order() -> None:
    orders = {ANSWER.shuffled(Random(seed)) for seed in range(200)}
    assert len(orders) == 6
    assert {order[3:] for order in orders} == {("d", "e")}
    assert ANSWER.shuffled(Random(1)) == ANSWER.shuffled(Random(1))
