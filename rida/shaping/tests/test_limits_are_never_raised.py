"""Pin, learned value, prior, default, in that order; and providers.toml row by row."""

import tomllib
from datetime import date
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rida.shaping.limits import DEFAULT, NOTHING, Limits, Wish, effective, too_high
from rida.shaping.providers import PROVIDERS, Confidence, Provider, provider_of

ROWS = {
    row["id"]: row
    for row in tomllib.loads(resources.files("rida.shaping").joinpath("providers.toml").read_text())["provider"]
}


@pytest.mark.parametrize(
    ("pin", "learned", "prior", "expected"),
    [
        (NOTHING, NOTHING, NOTHING, Limits(100, 10, 10, 5, 20)),
        (NOTHING, NOTHING, Wish(k=2, messages_per_connection=100), Limits(100, 10, 2, 5, 20)),
        (NOTHING, NOTHING, Wish(k=25, r=5000, c=200), DEFAULT),
        (NOTHING, NOTHING, Wish(messages_per_connection=3), Limits(100, 10, 10, 3, 3)),
        (NOTHING, Wish(r=40), Wish(r=60), Limits(r=40)),
        (NOTHING, Wish(r=80), Wish(r=60), Limits(r=80)),
        (NOTHING, Wish(r=900), NOTHING, DEFAULT),
        (Wish(r=70), Wish(r=40), Wish(r=60), Limits(r=70)),
        (Wish(k=10), NOTHING, Wish(k=2), DEFAULT),
        (Wish(c=3), NOTHING, NOTHING, Limits(c=3, v=3)),
        (Wish(v=1), NOTHING, NOTHING, Limits(v=1)),
        (Wish(r=0), NOTHING, NOTHING, Limits(r=1)),
    ],
)
def test_the_first_who_says_something_is_heard(pin: Wish, learned: Wish, prior: Wish, expected: Limits) -> None:
    assert effective(pin=pin, learned=learned, prior=prior) == expected


numbers = st.none() | st.integers(-5, 10_000)
wishes = st.builds(Wish, numbers, numbers, numbers, numbers, numbers)


@given(wishes, wishes, wishes)
def test_whatever_is_wished_for_the_defaults_are_the_most(pin: Wish, learned: Wish, prior: Wish) -> None:
    limits = effective(pin=pin, learned=learned, prior=prior)
    assert 1 <= limits.r <= 100 and 1 <= limits.c <= 10 and 1 <= limits.k <= 10
    assert 1 <= limits.v <= min(limits.messages_per_connection, limits.c, 5)


@given(wishes)
def test_only_a_ceiling_of_its_own_lets_learning_go_higher(learned: Wish) -> None:
    assert effective(learned=learned, ceiling=Limits(r=500)).r == max(
        1, min(500, learned.r if learned.r is not None else 500)
    )


def test_a_pin_above_the_ceiling_is_named() -> None:
    assert too_high(Wish(r=101, c=10, v=0)) == [("r", 100), ("v", 5)]
    assert too_high(Wish(r=1, c=10, k=10, v=5)) == []


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_a_row_is_complete_dated_and_never_raises_a_limit(provider: Provider) -> None:
    assert set(ROWS[provider.id]) <= {
        "id", "name", "mx", "conn", "msgs_per_conn", "source", "source_date", "confidence", "verified",
    }  # fmt: skip
    assert provider.name and provider.source
    assert provider.mx and all(
        (pattern == pattern.lower() and pattern.count(".") >= 2) or pattern.startswith(".") for pattern in provider.mx
    )
    assert date(2020, 1, 1) < provider.source_date < date(2027, 1, 1)
    assert provider.confidence in Confidence
    limits = effective(prior=provider.prior)
    assert limits.k <= min(provider.connections or 10, 10)
    assert limits.messages_per_connection <= min(provider.messages_per_connection or 20, 20)
    assert (limits.r, limits.c) == (100, 10)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_a_row_owns_its_hosts_if_it_is_verified(provider: Provider) -> None:
    for pattern in provider.mx:
        host = f"mx1{pattern}" if pattern.startswith(".") else pattern
        assert provider_of([host]) is (provider if provider.verified else None)
        assert provider_of([host, "mx.stranger.example"]) is None
        assert provider_of([f"{host}.stranger.example"]) is None


def test_ids_are_unique_and_nobody_belongs_to_no_hosts() -> None:
    assert len({provider.id for provider in PROVIDERS}) == len(PROVIDERS) == len(ROWS)
    assert provider_of([]) is None
