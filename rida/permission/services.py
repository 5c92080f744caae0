"""The only writer of the consent ledger, and the only answer to "may we write to this person?".

Whoever records about a person holds that person's lock to the end of the transaction: ids of one person grow in the
order in which the events become visible, so "nothing newer than id n" is a safe question.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from rida.kernel.address import Address, address_hash, parse
from rida.kernel.signing import derive
from rida.permission.commitment import SALT_BYTES, Form, canonical, commitment, form_of
from rida.permission.log import Audit, Proof, audit, checkpoint, log_public_key, origin, prove, sequence
from rida.permission.models import Event, Leaf, Vault
from rida.permission.rules import (
    TAKING,
    Basis,
    Deed,
    Fact,
    Grade,
    Kind,
    Standing,
    Terms,
    Verdict,
    adds_nothing,
    fold,
    may_send,
)

__all__ = [
    "Act",
    "Ask",
    "Audit",
    "HistoryLine",
    "Proof",
    "audit",
    "checkpoint",
    "erase",
    "hash_of",
    "heads",
    "history",
    "log_public_key",
    "origin",
    "prove",
    "record",
    "record_hashed",
    "record_many",
    "sequence",
    "standing",
    "verdicts",
]

Person = tuple[int, bytes]
"""(workspace id, address hash)"""


class Act(NamedTuple):
    """What happened. `basis` is empty for acts that take permission away; `basis_at` is aware."""

    kind: Kind
    purpose: str
    basis: Basis | str
    grade: Grade
    basis_at: datetime
    evidence: Mapping[str, Any]
    """JSON without fractions: what a regulator would want to see, and nothing else."""

    @property
    def deed(self) -> Deed:
        return Deed(*self[:5])


@dataclass(frozen=True, slots=True)
class Ask:
    workspace_id: int
    address_hash: bytes
    terms: Terms
    profiles: Collection[str]


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One event as the console shows it. No `evidence`: the vault was emptied. No `index`: it has no place yet."""

    event_id: int
    recorded_at: datetime
    kind: str
    purpose: str
    basis: str
    grade: Grade
    basis_at: datetime
    evidence: dict[str, Any] | None
    index: int | None


def hash_of(address: str | Address) -> bytes:
    """The person behind an address, 16 bytes, in this installation. Raises AddressError."""
    return address_hash(_address_key(), parse(address) if isinstance(address, str) else address)


def hashes_of(addresses: Iterable[Address]) -> list[bytes]:
    key = _address_key()
    return [address_hash(key, address) for address in addresses]


def _address_key() -> bytes:
    """From the oldest secret: a new one must not make strangers of all who unsubscribed."""
    return derive(settings.RIDA_SECRETS[min(settings.RIDA_SECRETS)], "address")


# --- recording ------------------------------------------------------------------------------------------------------


def record(workspace_id: int, address: Address, act: Act, now: datetime) -> Event:
    """Append one event. Raises ValueError for an act that makes no sense."""
    return _record(workspace_id, str(address), hash_of(address), act, now)


def record_hashed(workspace_id: int, address_hash: bytes, act: Act, now: datetime) -> Event:
    """The same where only the hash is known: an unsubscribe link, a complaint."""
    return _record(workspace_id, "", bytes(address_hash), act, now)


def _record(workspace_id: int, address: str, person: bytes, act: Act, now: datetime) -> Event:
    _check(act.deed)
    with transaction.atomic():
        _lock_person(workspace_id, person)
        known = _known(workspace_id, [person])
        (event_id,) = _append(workspace_id, [Entry.of(address, person, act)], known, now)
    return Event.objects.get(pk=event_id)


def record_many(workspace_id: int, rows: Sequence[tuple[Address, Act]], now: datetime) -> int:
    """Append by COPY what is not known yet; how many events that were. Repeating it adds none.

    Takes 5,000 rows as one transaction in about 0.1 s; meanwhile single records of this workspace wait.
    """
    hashes = hashes_of(address for address, _ in rows)
    entries = [Entry.of(str(address), person, act) for person, (address, act) in zip(hashes, rows, strict=True)]
    return record_hashes(workspace_id, entries, now)


def record_hashes(workspace_id: int, entries: Sequence["Entry"], now: datetime) -> int:
    """`record_many` for callers that have the hashes already."""
    for deed in {entry.deed for entry in entries}:
        _check(deed)
    # In the order of the index, for an eighth less work of the database; what one person did keeps its order.
    entries = sorted(entries, key=attrgetter("person"))
    with transaction.atomic():
        _lock_workspace(workspace_id)
        known = _known(workspace_id, list(dict.fromkeys(entry.person for entry in entries)))
        fresh = _without_repeats(entries, known)
        return len(_append(workspace_id, fresh, known, now))


class Entry(NamedTuple):
    """A deed with the person it is about; `address` is empty where only the hash is known."""

    address: str
    person: bytes
    deed: Deed
    evidence: str
    """Canonical JSON."""

    @classmethod
    def of(cls, address: str, person: bytes, act: Act) -> "Entry":
        return cls(address, person, act.deed, canonical(act.evidence))


@dataclass(slots=True)
class _Known:
    """A person's events so far, and the commitment that the next one chains to."""

    facts: list[Fact]
    last: bytes | None = None


def _check(deed: Deed) -> None:
    if deed.kind in TAKING:
        return
    if deed.basis not in _BASES or not deed.purpose:
        raise ValueError(f"{deed.kind} needs a basis and a purpose")
    if deed.basis_at.tzinfo is None:
        raise ValueError("basis_at must be aware")


_BASES = frozenset(Basis)

# The race: an unsubscribe and a sign-up of one person commit in the other order than their ids. One lock a person
# closes it. A bulk of 5,000 would overrun the lock table (64 locks x connections), so it takes the workspace's lock
# alone, which every single record holds shared. test_events_of_one_person_wait_for_each_other re-enacts it.
_BULK = 0x72696461


def _lock_person(workspace_id: int, person: bytes) -> None:
    key = int.from_bytes(person[:8], "big", signed=True) ^ workspace_id
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock_shared(%s, %s::int), pg_advisory_xact_lock(%s)", [_BULK, workspace_id, key]
        )


def _lock_workspace(workspace_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s::int)", [_BULK, workspace_id])


def _known(workspace_id: int, people: list[bytes]) -> dict[bytes, _Known]:
    """Asked after the lock, in a statement of its own: its snapshot sees whatever the lock's last holder wrote."""
    found: dict[bytes, _Known] = {}
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [len(people), b"".join(people), workspace_id])
        for person, last, *fact in cursor.fetchall():
            known = found.setdefault(bytes(person), _Known([]))
            known.facts.append(Fact(*fact))
            known.last = bytes(last)
    return found


# OFFSET 0 keeps it to one index look-up a person: left free, the planner reads the whole ledger for a hash join.
_KNOWN = """
SELECT e.address_hash, e.commitment, e.id, e.purpose, e.kind, e.basis, e.grade, e.basis_at
FROM generate_series(1, %s) AS p (n), (SELECT %s::bytea) AS h (hashes), LATERAL (
    SELECT * FROM permission_event e
    WHERE e.workspace_id = %s AND e.address_hash = substr(h.hashes, p.n * 16 - 15, 16) OFFSET 0) AS e
ORDER BY e.id
"""


def _without_repeats(entries: Sequence[Entry], known: Mapping[bytes, _Known]) -> Sequence[Entry]:
    """Entries in their order; repeats within them count too."""
    # Most files name most people once, and most people are new: nothing to compare.
    new = {person for person, count in Counter(entry.person for entry in entries).items() if count == 1} - known.keys()
    if len(new) == len(entries):
        return entries
    seen = {person: [*before.facts] for person, before in known.items()}
    return [
        entry
        for number, entry in enumerate(entries)
        if entry.person in new or _adds(entry.deed, number, seen.setdefault(entry.person, []))
    ]


def _adds(deed: Deed, number: int, facts: list[Fact]) -> bool:
    """Whether the deed says more than `facts`; it then is one of them."""
    fact = Fact(_AFTER_ALL_IDS + number, deed.purpose, deed.kind, deed.basis, deed.grade, deed.basis_at)
    if facts and adds_nothing(fact, facts):
        return False
    facts.append(fact)
    return True


_AFTER_ALL_IDS = 2**62


def _append(workspace_id: int, entries: Sequence[Entry], known: Mapping[bytes, _Known], now: datetime) -> list[int]:
    """Write events and vault; the ids. The caller holds the lock of everybody in `entries`."""
    if not entries:
        return []
    last = {person: before.last for person, before in known.items()}
    forms, events, vaults = _Forms(workspace_id, now), [], []
    ids = _new_ids(len(entries))
    for event_id, salt, (address, person, deed, evidence) in zip(ids, _salts(len(entries)), entries, strict=True):
        form, alike = forms[deed]
        previous = last.get(person)
        bound = last[person] = commitment(salt, form.record(address, person, previous, evidence))
        chain = f"\\\\x{previous.hex()}" if previous else "\\N"
        events.append(f"{event_id}\t\\\\x{person.hex()}\t\\\\x{bound.hex()}\t{chain}\t{alike}\n")
        vaults.append(f"{event_id}\t{workspace_id}\t{escaped(address)}\t\\\\x{salt.hex()}\t{escaped(evidence)}\n")
    copy_text(_COPY_EVENTS, events)
    copy_text(_COPY_VAULTS, vaults)
    return ids


class _Forms(dict[Deed, tuple[Form, str]]):
    """What the events of one deed have in common: the form of their records, and the last cells of their rows."""

    def __init__(self, workspace_id: int, now: datetime) -> None:
        self._workspace_id, self._now = workspace_id, now

    def __missing__(self, deed: Deed) -> tuple[Form, str]:
        alike = f"{self._workspace_id}\t{deed.kind}\t{escaped(deed.purpose)}\t{deed.basis}\t{deed.grade:d}\t"
        form = form_of(workspace=self._workspace_id, recorded_at=self._now, **deed._asdict())
        self[deed] = made = form, f"{alike}{deed.basis_at}\t{self._now}"
        return made


def _salts(count: int) -> Iterator[bytes]:
    pool = os.urandom(SALT_BYTES * count)
    return (pool[at : at + SALT_BYTES] for at in range(0, len(pool), SALT_BYTES))


def _new_ids(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_IDS, [count])
        ids: list[int] = cursor.fetchone()[0]
        return ids


_IDS = "SELECT array_agg(nextval('permission_event_id_seq')) FROM generate_series(1, %s)"

_COPY_EVENTS = """
COPY permission_event (id, address_hash, commitment, previous, workspace_id, kind, purpose, basis, grade, basis_at,
recorded_at) FROM STDIN
"""
_COPY_VAULTS = "COPY permission_vault (event_id, workspace_id, address, salt, evidence) FROM STDIN"


_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def escaped(text: str) -> str:
    """One cell of COPY's text format."""
    # The two looks take a third of the time of a regular expression; what they stop in vain, translate leaves as it is.
    return text if text.isprintable() and "\\" not in text else text.translate(_ESCAPES)


def copy_text(statement: str, lines: Sequence[str]) -> None:
    """Lines of COPY's text format, written in one piece: a third of the time of row by row."""
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write("".join(lines))


def erase(workspace_id: int, address: Address, reason: str, now: datetime) -> int:
    """Empty the vault of a person's records and say so in the ledger; how many records that were.

    The events stay, as commitments that say nothing; so does every opt-out, by the hash.
    """
    person = hash_of(address)
    act = Act(Kind.ERASED, "*", "", Grade.E0, now, {"reason": reason})
    with transaction.atomic():
        record_hashed(workspace_id, person, act, now)
        held = Vault.objects.filter(workspace_id=workspace_id, event__address_hash=person)
        return held.exclude(event__kind=Kind.ERASED).delete()[0]


# --- asking ---------------------------------------------------------------------------------------------------------


def verdicts(asks: Sequence[Ask], now: datetime) -> list[Verdict]:
    """The answers, in the order of the asks: one statement in the caller's transaction, about 10 ms for a thousand."""
    asked = [(ask.workspace_id, bytes(ask.address_hash)) for ask in asks]
    standings = {person: fold(facts) for person, facts in _facts(list(dict.fromkeys(asked))).items()}
    return [
        may_send(standings.get(person, _STRANGER), ask.terms, ask.profiles, now)
        for person, ask in zip(asked, asks, strict=True)
    ]


_STRANGER = Standing()


def _facts(people: Sequence[Person]) -> dict[Person, list[Fact]]:
    found: dict[Person, list[Fact]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, [*_columns(people)])
        for number, *fact in cursor.fetchall():
            found.setdefault(people[number - 1], []).append(Fact._make(fact))
    return found


_FACTS = """
SELECT p.n, e.id, e.purpose, e.kind, e.basis, e.grade, e.basis_at
FROM unnest(%s::bigint[]) WITH ORDINALITY AS p (workspace_id, n), (SELECT %s::bytea) AS h (hashes), LATERAL (
    SELECT * FROM permission_event e
    WHERE e.workspace_id = p.workspace_id AND e.address_hash = substr(h.hashes, p.n::int * 16 - 15, 16) OFFSET 0) AS e
"""


def _columns(people: Sequence[Person]) -> tuple[list[int], bytes]:
    """All hashes as one value: an array of a thousand costs psycopg and the server 5 ms more."""
    return [workspace_id for workspace_id, _ in people], b"".join(person for _, person in people)


def heads(people: Collection[Person]) -> dict[Person, int]:
    """Newest event id of each person, 0 where there is none."""
    asked = list(dict.fromkeys(people))
    with connection.cursor() as cursor:
        cursor.execute(_HEADS, [*_columns(asked)])
        return {asked[number - 1]: head for number, head in cursor.fetchall()}


_HEADS = """
SELECT p.n, coalesce((SELECT max(e.id) FROM permission_event e
                      WHERE e.workspace_id = p.workspace_id
                        AND e.address_hash = substr(h.hashes, p.n::int * 16 - 15, 16)), 0)
FROM unnest(%s::bigint[]) WITH ORDINALITY AS p (workspace_id, n), (SELECT %s::bytea) AS h (hashes)
"""


def standing(workspace_id: int, address: Address | str, purpose: str) -> Standing:
    """How a person stands; of the purposes only `purpose` is named."""
    person = (workspace_id, hash_of(address))
    whole = fold(_facts([person]).get(person, []))
    return Standing(whole.everywhere, {purpose: whole.of(purpose)}, whole.head)


def history(workspace_id: int, address: Address | str) -> list[HistoryLine]:
    """Every event of one person, oldest first."""
    events = Event.objects.filter(workspace_id=workspace_id, address_hash=hash_of(address)).order_by("id")
    places = dict(Leaf.objects.filter(event__in=events).values_list("event_id", "index"))
    return [_line(event, places.get(event.pk)) for event in events.select_related("vault")]


def _line(event: Event, index: int | None) -> HistoryLine:
    evidence = event.vault.evidence if hasattr(event, "vault") else None
    return HistoryLine(
        event.pk,
        event.recorded_at,
        event.kind,
        event.purpose,
        event.basis,
        Grade(event.grade),
        event.basis_at,
        evidence,
        index,
    )
