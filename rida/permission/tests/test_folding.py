"""Standing and verdict, by tables and by property. Grades as in facts: standards §6.4."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rida.permission.rules import Basis, Fact, Grade, Kind, Terms, fold, is_affirmative, may_send

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NEWS = Terms("news", "commercial", ad_label=True)


def fact(
    number: int, kind: str, purpose: str = "news", basis: str = "", grade: int = 0, at: datetime | None = None
) -> Fact:
    return Fact(number, purpose, kind, basis, grade, at or NOW - timedelta(days=100 - number))


def single(number: int, purpose: str = "news", grade: int = Grade.E2, at: datetime | None = None) -> Fact:
    return fact(number, Kind.GRANTED, purpose, Basis.SINGLE_OPT_IN, grade, at)


def confirmed(number: int, purpose: str = "news") -> Fact:
    return fact(number, Kind.CONFIRMED, purpose, Basis.DOUBLE_OPT_IN, Grade.E4)


def requested(number: int, purpose: str = "news") -> Fact:
    return fact(number, Kind.REQUESTED, purpose, Basis.DOUBLE_OPT_IN, Grade.E2)


def customer(number: int, purpose: str = "news") -> Fact:
    return fact(number, Kind.GRANTED, purpose, Basis.CUSTOMER, Grade.E1)


def attested(number: int, purpose: str = "news") -> Fact:
    return fact(number, Kind.GRANTED, purpose, Basis.ATTESTATION, Grade.E1)


def self_test(number: int) -> Fact:
    return fact(number, Kind.GRANTED, "test", Basis.SELF_TEST, Grade.E3)


def taken(number: int, kind: str, purpose: str = "news") -> Fact:
    return fact(number, kind, purpose)


def reason(events: list[Fact], terms: Terms = NEWS, profiles: tuple[str, ...] = ("US",)) -> str:
    return may_send(fold(events), terms, profiles, NOW).reason


CASES = {
    "nobody": ([], "no_permission"),
    "single opt-in": ([single(1)], "ok"),
    "single opt-in for another topic": ([single(1, "offers")], "no_permission"),
    "opt-in to everything": ([single(1, "*")], "ok"),
    "double opt-in, only asked for": ([requested(1)], "unconfirmed"),
    "double opt-in": ([requested(1), confirmed(2)], "ok"),
    "double opt-in claimed, not confirmed": ([fact(1, Kind.GRANTED, "news", Basis.DOUBLE_OPT_IN, 4)], "unconfirmed"),
    "customer": ([customer(1)], "ok"),
    "customer who also asked for double opt-in": ([customer(1), requested(2)], "ok"),
    "attested": ([attested(1)], "ok"),
    "nothing proves it": ([single(1, grade=Grade.E0)], "unproved"),
    "purchase next week": ([customer(1)._replace(basis_at=NOW + timedelta(days=7))], "not_yet"),
    "test grant does not open a topic": ([self_test(1)], "no_permission"),
    "test grant for everything does not open a topic": ([self_test(1)._replace(purpose="*")], "only_for_tests"),
    "withdrawn": ([single(1), taken(2, Kind.WITHDRAWN)], "withdrawn"),
    "withdrawn from another topic": ([single(1), taken(2, Kind.WITHDRAWN, "offers")], "ok"),
    "withdrawn from everything": ([single(1), taken(2, Kind.WITHDRAWN, "*")], "withdrawn"),
    "withdrawn before anything": ([taken(1, Kind.WITHDRAWN)], "withdrawn"),
    "withdrawn, then bought": ([single(1), taken(2, Kind.WITHDRAWN), customer(3)], "withdrawn"),
    "withdrawn, then attested": ([single(1), taken(2, Kind.WITHDRAWN), attested(3)], "withdrawn"),
    "withdrawn, then an imported opt-in": ([taken(2, Kind.WITHDRAWN), single(3, grade=Grade.E1)], "withdrawn"),
    "withdrawn, then asked again": ([taken(2, Kind.WITHDRAWN), requested(3)], "withdrawn"),
    "withdrawn, then opted in": ([taken(2, Kind.WITHDRAWN), single(3)], "ok"),
    "withdrawn, then confirmed": ([taken(2, Kind.WITHDRAWN), confirmed(3)], "ok"),
    "withdrawn, then an older opt-in arrives": (
        [taken(2, Kind.WITHDRAWN), single(3, at=NOW - timedelta(days=400))],
        "withdrawn",
    ),
    "opted in again and withdrawn again": (
        [taken(1, Kind.WITHDRAWN), single(2), taken(3, Kind.WITHDRAWN)],
        "withdrawn",
    ),
    "withdrawn from all, then opted in to this": ([taken(1, Kind.WITHDRAWN, "*"), single(2)], "ok"),
    "withdrawn from all, then opted in to that": ([taken(1, Kind.WITHDRAWN, "*"), single(2, "offers")], "withdrawn"),
    "a purchase before the opt-out does not come back": (
        [customer(1), taken(2, Kind.WITHDRAWN), customer(3), single(4), taken(5, Kind.WITHDRAWN)],
        "withdrawn",
    ),
    "objected, whatever purpose it names": ([single(1), taken(2, Kind.OBJECTED, "offers")], "objected"),
    "objected, then bought": ([taken(1, Kind.OBJECTED, "*"), customer(2)], "objected"),
    "objected, then opted in": ([taken(1, Kind.OBJECTED, "*"), single(2)], "ok"),
    "dead mailbox, whatever purpose it names": ([single(1), taken(2, Kind.SUPPRESSED, "offers")], "suppressed"),
    "dead mailbox, then a single opt-in": ([taken(1, Kind.SUPPRESSED, "*"), single(2)], "suppressed"),
    "dead mailbox, then confirmed": ([taken(1, Kind.SUPPRESSED, "*"), requested(2), confirmed(3)], "ok"),
    "complained": ([single(1), taken(2, Kind.COMPLAINED, "*")], "complained"),
    "complained, then a single opt-in": ([taken(1, Kind.COMPLAINED, "*"), single(2)], "complained"),
    "complained, then confirmed": ([taken(1, Kind.COMPLAINED, "*"), confirmed(2)], "ok"),
    "withdrawn and dead, then opted in": (
        [taken(1, Kind.WITHDRAWN), taken(2, Kind.SUPPRESSED, "*"), single(3)],
        "suppressed",
    ),
    "withdrawn and dead, then confirmed": (
        [taken(1, Kind.WITHDRAWN), taken(2, Kind.SUPPRESSED, "*"), confirmed(3)],
        "ok",
    ),
    "erased": ([single(1), taken(2, Kind.ERASED, "*")], "erased"),
    "erased, then in a file": ([single(1), taken(2, Kind.ERASED, "*"), customer(3)], "erased"),
}


@pytest.mark.parametrize(("events", "expected"), CASES.values(), ids=CASES)
def test_events_come_to_a_reason(events: list[Fact], expected: str) -> None:
    assert reason(events) == expected


@pytest.mark.parametrize(("events", "expected"), CASES.values(), ids=CASES)
def test_events_may_be_read_in_any_order(events: list[Fact], expected: str) -> None:
    assert {reason(list(order)) for order in permutations(events)} == {expected}


LABELS = [
    # basis, class, label, profiles, reason
    (attested, "commercial", True, ("US",), "ok"),
    (attested, "commercial", False, ("US",), "attestation_needs_label"),
    (attested, "dual", False, ("US",), "attestation_needs_label"),
    (attested, "something new", False, ("US",), "attestation_needs_label"),
    (attested, "other", False, ("US",), "ok"),
    (attested, "commercial", True, (), "attestation_needs_us"),
    (attested, "other", True, ("EU",), "attestation_needs_us"),
    (customer, "commercial", True, ("US",), "ok"),
    (customer, "commercial", False, ("US",), "customer_needs_label"),
    (customer, "commercial", False, (), "ok"),
    (customer, "other", False, ("US",), "ok"),
    (single, "commercial", False, ("US",), "ok"),
    (confirmed, "commercial", False, ("US",), "ok"),
]


@pytest.mark.parametrize(("ground", "message_class", "label", "profiles", "expected"), LABELS)
def test_without_affirmative_consent_an_advertisement_says_so(
    ground: object, message_class: str, label: bool, profiles: tuple[str, ...], expected: str
) -> None:
    assert callable(ground)
    assert reason([ground(1)], Terms("news", message_class, label), profiles) == expected


def test_an_imported_opt_in_is_the_operators_word_and_needs_the_label() -> None:
    assert reason([single(1, grade=Grade.E1)], Terms("news", "commercial", False)) == "single_opt_in_needs_label"


def test_the_strongest_ground_that_carries_the_message_counts() -> None:
    verdict = may_send(fold([customer(1), single(2), attested(3)]), Terms("news", "commercial", False), ["US"], NOW)
    assert (verdict.allowed, verdict.basis, verdict.grade, verdict.event_id, verdict.head) == (
        True,
        "single_opt_in",
        Grade.E2,
        2,
        3,
    )


def test_a_test_send_is_allowed_by_asking_for_it_even_after_leaving_by_its_link() -> None:
    test = Terms("test", "commercial", False)
    assert reason([self_test(1)], test) == "ok"
    assert reason([self_test(1), taken(2, Kind.WITHDRAWN, "*")], test) == "withdrawn"
    assert reason([self_test(1), taken(2, Kind.WITHDRAWN, "*"), self_test(3)], test) == "ok"
    assert reason([taken(2, Kind.WITHDRAWN, "*"), self_test(3)]) == "withdrawn"


def test_an_older_opt_out_recorded_later_does_not_weaken_the_newer_one() -> None:
    newer = Fact(1, "news", Kind.WITHDRAWN, "", 0, NOW - timedelta(days=1))
    older = Fact(2, "news", Kind.WITHDRAWN, "", 0, NOW - timedelta(days=900))
    between = Fact(3, "news", Kind.GRANTED, Basis.SINGLE_OPT_IN, Grade.E2, NOW - timedelta(days=300))
    assert reason([newer, older, between]) == "withdrawn"
    dead, long_dead = (fact._replace(kind=Kind.SUPPRESSED) for fact in (newer, older))
    confirmed = between._replace(kind=Kind.CONFIRMED, basis=Basis.DOUBLE_OPT_IN, grade=Grade.E4)
    assert reason([dead, long_dead, confirmed]) == "suppressed"


# --- properties -----------------------------------------------------------------------------------------------------

PURPOSES = st.sampled_from(["news", "offers", "*"])
KINDS = st.sampled_from([kind.value for kind in Kind])
BASES = st.sampled_from([basis.value for basis in Basis])
LOOSE = st.tuples(KINDS, PURPOSES, BASES, st.integers(0, 5), st.integers(0, 60))


def _facts(loose: list[tuple[str, str, str, int, int]]) -> list[Fact]:
    return [
        Fact(number, purpose, kind, basis, grade, NOW - timedelta(days=60 - age))
        for number, (kind, purpose, basis, grade, age) in enumerate(loose, 1)
    ]


@given(st.lists(LOOSE, max_size=12), st.sampled_from(["news", "offers"]))
def test_order_of_unrelated_events_does_not_matter(loose: list[tuple[str, str, str, int, int]], purpose: str) -> None:
    terms = Terms(purpose, "commercial", True)
    verdict = may_send(fold(_facts(loose)), terms, ["US"], NOW)
    for at in range(len(loose) - 1):
        one, other = loose[at], loose[at + 1]
        if _unrelated(one, other):
            swapped = [*loose[:at], other, one, *loose[at + 2 :]]
            again = may_send(fold(_facts(swapped)), terms, ["US"], NOW)
            assert again.reason == verdict.reason


def _unrelated(one: tuple[str, str, str, int, int], other: tuple[str, str, str, int, int]) -> bool:
    own = {"requested", "granted", "confirmed", "withdrawn"}
    return {one[1], other[1]} == {"news", "offers"} and one[0] in own and other[0] in own


@given(st.lists(LOOSE, max_size=8), st.lists(LOOSE, max_size=8))
def test_after_an_opt_out_only_a_later_opt_in_of_the_person_allows(
    before: list[tuple[str, str, str, int, int]], after: list[tuple[str, str, str, int, int]]
) -> None:
    events = _facts([*before, ("withdrawn", "news", "", 0, 30), *after])
    left = events[len(before)]
    verdict = may_send(fold(events), NEWS, ["US"], NOW)
    lifting = [
        later
        for later in events[len(before) + 1 :]
        if later.kind in {"granted", "confirmed"}
        and later.purpose in {"news", "*"}
        and is_affirmative(later)
        and later.basis_at >= left.basis_at
    ]
    assert lifting or not verdict.allowed


@given(st.lists(LOOSE, max_size=8), st.lists(LOOSE, max_size=8))
def test_a_dead_mailbox_is_written_to_only_after_a_confirmed_double_opt_in(
    before: list[tuple[str, str, str, int, int]], after: list[tuple[str, str, str, int, int]]
) -> None:
    events = _facts([*before, ("suppressed", "*", "", 0, 30), *after])
    verdict = may_send(fold(events), NEWS, ["US"], NOW)
    lifting = [e for e in events[len(before) + 1 :] if (e.kind, e.basis) == ("confirmed", "double_opt_in")]
    assert lifting or not verdict.allowed
