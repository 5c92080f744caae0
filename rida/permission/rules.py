"""What a person's events come to, and whether a message may be sent on them. Pure.

Events are folded in the order they were recorded. What takes permission away voids everything before it; afterwards
only an affirmative act of the person, later than it, gives permission again (standards R18). No purchase, attestation
or other import can do that: an import never proves more than E1.

What is read by the thousand is a NamedTuple: making one takes a third of the time of a frozen dataclass.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, Self

EVERY_PURPOSE = "*"
"""The purpose of an event that is about all mail of the workspace: an objection, a dead mailbox."""

TEST_PURPOSE = "test"
"""Test sends to the user's own address."""


class Kind(StrEnum):
    """What happened. Stored; a value never changes its meaning."""

    REQUESTED = "requested"
    """Double opt-in, first half: somebody typed the address in."""
    GRANTED = "granted"
    CONFIRMED = "confirmed"
    """Double opt-in, second half: whoever reads the mailbox said yes."""
    WITHDRAWN = "withdrawn"
    """Unsubscribed from one purpose, or from all of them (`*`)."""
    OBJECTED = "objected"
    """No mail at all from this workspace."""
    SUPPRESSED = "suppressed"
    """The mailbox does not exist."""
    COMPLAINED = "complained"
    ERASED = "erased"
    """The vault was emptied on request; what the person had allowed went with it."""


class Basis(StrEnum):
    """Why we may. What proves it is the grade."""

    SINGLE_OPT_IN = "single_opt_in"
    DOUBLE_OPT_IN = "double_opt_in"
    CUSTOMER = "customer"
    ATTESTATION = "attestation"
    SELF_TEST = "self_test"


class Grade(IntEnum):
    """How well a basis is proved (facts: standards §6.4)."""

    E0 = 0
    """Nothing."""
    E1 = 1
    """The operator's word, with the hash of the file."""
    E2 = 2
    """Single opt-in with a snapshot of what was shown."""
    E3 = 3
    """A session of the person who logged in."""
    E4 = 4
    """Double opt-in."""
    E5 = 5
    """E4 and a signed reply or document."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a message asks of permission. `message_class` is one of R1: commercial, dual, other ..."""

    purpose: str
    message_class: str
    ad_label: bool

    def to_json(self) -> dict[str, Any]:
        return {"purpose": self.purpose, "message_class": self.message_class, "ad_label": self.ad_label}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Other keys are left alone."""
        return cls(stored["purpose"], stored["message_class"], stored["ad_label"])


class Deed(NamedTuple):
    """What happened, without whom it concerns and what proves it: thousands of rows bear witness to the same deed."""

    kind: Kind
    purpose: str
    basis: Basis | str
    """Empty for what takes permission away."""
    grade: Grade
    basis_at: datetime
    """Aware: when the ground itself arose."""


class Fact(NamedTuple):
    """An event as the rules see it. `basis` is empty for events that take permission away."""

    id: int
    purpose: str
    kind: str
    basis: str
    grade: int
    basis_at: datetime


class PurposeStanding(NamedTuple):
    """How a person stands for one purpose. Where a bar is up there are no grounds."""

    grounds: tuple[Fact, ...] = ()
    """One of each basis, the best proved and newest."""
    barrier: Fact | None = None
    """An opt-out, until the person opts in again."""
    suppression: Fact | None = None
    """A dead mailbox or a complaint, until a confirmed double opt-in."""
    pending: Fact | None = None
    """A double opt-in that waits for its second half."""


_NOBODY = PurposeStanding()


class Standing(NamedTuple):
    """How a person stands, by purpose. `everywhere` holds for the purposes that no event names."""

    everywhere: PurposeStanding = _NOBODY
    named: Mapping[str, PurposeStanding] = MappingProxyType({})
    head: int = 0
    """Id of the newest event."""

    def of(self, purpose: str) -> PurposeStanding:
        return self.named.get(purpose, self.everywhere)


class Verdict(NamedTuple):
    """The answer, its reason as a code, and the event it rests on. `head` tells later whether anything is new."""

    allowed: bool
    reason: str
    event_id: int | None
    basis: str
    grade: Grade
    head: int


# --- folding --------------------------------------------------------------------------------------------------------

_SUPPRESSING = frozenset({Kind.SUPPRESSED, Kind.COMPLAINED})
_BARRING = frozenset({Kind.WITHDRAWN, Kind.OBJECTED, Kind.ERASED})
TAKING = _SUPPRESSING | _BARRING
"""Kinds that take permission away."""
_ABOUT_EVERYTHING = TAKING - {Kind.WITHDRAWN}
"""Whatever purpose such an event names, the person means the sender."""


def fold(events: Iterable[Fact]) -> Standing:
    """All events of one person in one workspace, in any order, to where the person stands."""
    everywhere, named, head = _NOBODY, dict[str, PurposeStanding](), 0
    for fact in sorted(events, key=_recorded):
        head = fact.id
        if fact.purpose == EVERY_PURPOSE or fact.kind in _ABOUT_EVERYTHING:
            everywhere = _after(everywhere, fact)
            named = {purpose: _after(standing, fact) for purpose, standing in named.items()}
        else:
            named[fact.purpose] = _after(named.get(fact.purpose, everywhere), fact)
    return Standing(everywhere, named, head)


def _recorded(fact: Fact) -> int:
    return fact.id


def _after(standing: PurposeStanding, fact: Fact) -> PurposeStanding:
    if fact.kind in _SUPPRESSING:
        return PurposeStanding(barrier=standing.barrier, suppression=_later(standing.suppression, fact))
    if fact.kind in _BARRING:
        return PurposeStanding(barrier=_later(standing.barrier, fact), suppression=standing.suppression)
    if fact.kind == Kind.REQUESTED:
        return standing._replace(pending=fact)
    return _given(standing, fact)


def _later(bar: Fact | None, fact: Fact) -> Fact:
    """Of two bars the one that arose later: an old opt-out, imported today, must not make way for an old opt-in."""
    return bar if bar is not None and bar.basis_at > fact.basis_at else fact


def _given(standing: PurposeStanding, fact: Fact) -> PurposeStanding:
    if fact.basis == Basis.DOUBLE_OPT_IN and fact.kind != Kind.CONFIRMED:
        return standing._replace(pending=fact)
    barrier = _unless(standing.barrier, is_affirmative(fact), fact)
    suppression = _unless(standing.suppression, _is_confirmed(fact), fact)
    if barrier or suppression:
        # The person's opt-in may lift one of two bars; what an operator records on a barred person counts for nothing.
        return standing._replace(barrier=barrier, suppression=suppression)
    pending = None if _is_confirmed(fact) else standing.pending
    return PurposeStanding(grounds=_best(standing.grounds, fact), pending=pending)


def _unless(bar: Fact | None, strong_enough: bool, fact: Fact) -> Fact | None:
    """The bar, or None where the fact lifts it: recorded after it, and arisen after it."""
    return None if bar is None or (strong_enough and fact.basis_at >= bar.basis_at) else bar


def _best(grounds: tuple[Fact, ...], fact: Fact) -> tuple[Fact, ...]:
    same = next((ground for ground in grounds if ground.basis == fact.basis), None)
    if same is None:
        return (*grounds, fact)
    if (fact.grade, fact.basis_at) < (same.grade, same.basis_at):
        return grounds
    return (*(ground for ground in grounds if ground is not same), fact)


def is_affirmative(fact: Fact) -> bool:
    """The person's own yes, proved by more than an operator's word (R18, R20)."""
    if fact.grade < Grade.E2:
        return False
    if fact.basis == Basis.SELF_TEST:
        return fact.purpose == TEST_PURPOSE
    return fact.basis == Basis.SINGLE_OPT_IN or _is_confirmed(fact)


def _is_confirmed(fact: Fact) -> bool:
    return fact.kind == Kind.CONFIRMED and fact.basis == Basis.DOUBLE_OPT_IN and fact.grade >= Grade.E4


# --- the only door --------------------------------------------------------------------------------------------------

_UNLABELLED_CLASSES = frozenset({"other", "transactional_relationship"})
"""R20 is about commercial mail; a note to friends carries no label. Any other class, also a new one, does."""
_CLOCKS_DIFFER = timedelta(days=1)
"""A purchase of today may be dated tomorrow somewhere on earth."""
_RANK: dict[str, int] = {
    basis: rank
    for rank, basis in enumerate(
        (Basis.DOUBLE_OPT_IN, Basis.SINGLE_OPT_IN, Basis.SELF_TEST, Basis.CUSTOMER, Basis.ATTESTATION)
    )
}


def may_send(standing: Standing, terms: Terms, profiles: Collection[str], now: datetime) -> Verdict:
    """Whether a message on these terms may go to the person, under the law profiles of the workspace.

    Of several grounds the strongest that carries the message counts; if none does, the reason is the strongest one's.
    """
    own = standing.of(terms.purpose)
    if bar := own.suppression or own.barrier:
        return Verdict(False, bar.kind, bar.id, "", Grade.E0, standing.head)
    objections = [(_objection(ground, terms, profiles, now), ground) for ground in sorted(own.grounds, key=_strength)]
    for reason, ground in objections:
        if reason == "ok":
            return _verdict(True, reason, ground, standing.head)
    if objections:
        return _verdict(False, *objections[0], standing.head)
    if own.pending:
        return _verdict(False, "unconfirmed", own.pending, standing.head)
    return Verdict(False, "no_permission", None, "", Grade.E0, standing.head)


def _verdict(allowed: bool, reason: str, fact: Fact, head: int) -> Verdict:
    return Verdict(allowed, reason, fact.id, fact.basis, Grade(fact.grade), head)


def _strength(fact: Fact) -> tuple[int, int]:
    return _RANK.get(fact.basis, len(_RANK)), -fact.grade


def _objection(ground: Fact, terms: Terms, profiles: Collection[str], now: datetime) -> str:
    """The code of what stands against this ground, or "ok"."""
    if ground.grade < Grade.E1:
        return "unproved"
    if ground.basis_at > now + _CLOCKS_DIFFER:
        return "not_yet"
    if ground.basis == Basis.SELF_TEST and terms.purpose != TEST_PURPOSE:
        return "only_for_tests"
    if ground.basis == Basis.ATTESTATION and "US" not in profiles:
        return "attestation_needs_us"
    if _needs_label(ground, terms, profiles) and not terms.ad_label:
        return f"{ground.basis}_needs_label"
    return "ok"


def _needs_label(ground: Fact, terms: Terms, profiles: Collection[str]) -> bool:
    """R20, a rule of the profile US: without affirmative consent commercial mail says that it is advertisement."""
    return "US" in profiles and terms.message_class not in _UNLABELLED_CLASSES and not is_affirmative(ground)


# --- repeating ------------------------------------------------------------------------------------------------------


def adds_nothing(fact: Fact, known: Collection[Fact]) -> bool:
    """Whether recording `fact` would only double what is `known`: the same act, or a standing opt-out once more."""
    acts = (fact.kind, fact.purpose, fact.basis, fact.basis_at)
    if any((other.kind, other.purpose, other.basis, other.basis_at) == acts for other in known):
        return True
    if fact.kind not in TAKING:
        return False
    standing = fold(known).of(fact.purpose)
    bar = standing.suppression if fact.kind in _SUPPRESSING else standing.barrier
    return bar is not None and bar.kind == fact.kind and bar.purpose == fact.purpose
