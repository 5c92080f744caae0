"""Recording and asking, on the database. Cast: alice's workspace, and charlie's, which must see nothing of it."""

import re
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError

import rida
from rida.accounts.models import Workspace
from rida.kernel.address import parse
from rida.permission import merkle, note
from rida.permission.models import Checkpoint, Event, Leaf, Vault
from rida.permission.rules import Basis, Grade, Kind, Terms
from rida.permission.services import (
    Act,
    Ask,
    audit,
    checkpoint,
    erase,
    hash_of,
    heads,
    history,
    log_public_key,
    origin,
    prove,
    record,
    record_hashed,
    record_many,
    sequence,
    standing,
    verdicts,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 1, 12, 30, 0, 123456, tzinfo=UTC)
LINA = parse("Lina@Example.org")
NEWS = Terms("news", "commercial", ad_label=True)

OPT_IN = Act(Kind.GRANTED, "news", Basis.SINGLE_OPT_IN, Grade.E2, NOW, {"form": "f1", "كلمات": 'نعم, "أوافق"\n\\'})
BOUGHT = Act(Kind.GRANTED, "news", Basis.CUSTOMER, Grade.E1, NOW - timedelta(days=9), {"order": 7})
LEFT = Act(Kind.WITHDRAWN, "news", "", Grade.E0, NOW, {"how": "page"})


@pytest.fixture
def alice() -> Workspace:
    return Workspace.objects.create(name="Alice", slug="alice", profiles=["US"])


@pytest.fixture
def charlie() -> Workspace:
    return Workspace.objects.create(name="Charlie", slug="charlie", profiles=["US"])


def reason(workspace: Workspace, address: str = "lina@example.org", terms: Terms = NEWS) -> str:
    (verdict,) = verdicts([Ask(workspace.pk, hash_of(address), terms, ("US",))], NOW)
    return verdict.reason


def test_what_is_recorded_is_found_by_any_spelling_of_the_address(alice: Workspace) -> None:
    event = record(alice.pk, LINA, OPT_IN, NOW)
    assert (event.kind, event.basis, event.grade, event.basis_at) == ("granted", "single_opt_in", 2, NOW)
    assert reason(alice, "LINA@EXAMPLE.ORG ") == "ok"
    (line,) = history(alice.pk, "lina@example.org")
    assert (line.evidence, line.index, line.recorded_at) == (OPT_IN.evidence, None, NOW)


def test_the_event_holds_no_address(alice: Workspace) -> None:
    record(alice.pk, LINA, OPT_IN, NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT permission_event::text FROM permission_event")
        (stored,) = cursor.fetchone()
    assert "lina" not in stored.lower()
    assert "example" not in stored.lower()


def test_charlie_sees_nothing(alice: Workspace, charlie: Workspace) -> None:
    record(alice.pk, LINA, OPT_IN, NOW)
    record(alice.pk, parse("left@example.org"), LEFT, NOW)
    assert reason(charlie) == "no_permission"
    assert history(charlie.pk, LINA) == []
    assert standing(charlie.pk, LINA, "news").head == 0
    assert heads([(charlie.pk, hash_of(LINA))]) == {(charlie.pk, hash_of(LINA)): 0}
    assert erase(charlie.pk, LINA, "asked", NOW) == 0
    assert reason(alice) == "ok"


def test_an_opt_out_by_link_knows_only_the_hash(alice: Workspace) -> None:
    record(alice.pk, LINA, OPT_IN, NOW)
    record_hashed(alice.pk, hash_of(LINA), LEFT, NOW)
    assert reason(alice) == "withdrawn"
    assert [line.kind for line in history(alice.pk, LINA)] == ["granted", "withdrawn"]


def test_verdicts_come_in_the_order_of_the_asks(alice: Workspace) -> None:
    record(alice.pk, LINA, OPT_IN, NOW)
    left = parse("left@example.org")
    record(alice.pk, left, LEFT, NOW)
    people = [hash_of(left), hash_of(LINA), hash_of("nobody@example.org"), hash_of(LINA)]
    asks = [Ask(alice.pk, person, NEWS, ("US",)) for person in people]
    asks[3] = Ask(alice.pk, hash_of(LINA), Terms("offers", "commercial", True), ("US",))
    assert [verdict.reason for verdict in verdicts(asks, NOW)] == ["withdrawn", "ok", "no_permission", "no_permission"]
    assert verdicts([], NOW) == []


def test_the_head_is_the_newest_event(alice: Workspace) -> None:
    record(alice.pk, LINA, OPT_IN, NOW)
    newest = record(alice.pk, LINA, BOUGHT, NOW)
    person, stranger = (alice.pk, hash_of(LINA)), (alice.pk, hash_of("nobody@example.org"))
    assert heads([person, stranger]) == {person: newest.pk, stranger: 0}
    (verdict,) = verdicts([Ask(*person, NEWS, ())], NOW)
    assert verdict.head == newest.pk
    assert heads([]) == {}


def test_a_thousand_asks_take_one_statement(alice: Workspace, django_assert_num_queries: object) -> None:
    people = [parse(f"p{n}@example.org") for n in range(1000)]
    record_many(alice.pk, [(person, BOUGHT) for person in people], NOW)
    asks = [Ask(alice.pk, hash_of(person), NEWS, ("US",)) for person in people]
    assert callable(django_assert_num_queries)
    with django_assert_num_queries(1):
        assert {verdict.reason for verdict in verdicts(asks, NOW)} == {"ok"}


# --- many -----------------------------------------------------------------------------------------------------------


def test_recording_many_twice_adds_none(alice: Workspace) -> None:
    rows = [(LINA, OPT_IN), (LINA, BOUGHT), (parse("b@example.org"), BOUGHT), (LINA, BOUGHT)]
    assert record_many(alice.pk, rows, NOW) == 3
    assert record_many(alice.pk, rows, NOW + timedelta(days=1)) == 0
    assert record_many(alice.pk, [], NOW) == 0


def test_one_more_opt_out_of_somebody_who_left_is_not_doubled(alice: Workspace) -> None:
    later = LEFT._replace(basis_at=NOW + timedelta(days=1))
    assert record_many(alice.pk, [(LINA, LEFT)], NOW) == 1
    assert record_many(alice.pk, [(LINA, later)], NOW) == 0
    record(alice.pk, LINA, OPT_IN, NOW + timedelta(days=2))
    assert record_many(alice.pk, [(LINA, LEFT)], NOW) == 0
    assert record_many(alice.pk, [(LINA, later)], NOW) == 1


def test_no_bulk_record_lifts_an_opt_out(alice: Workspace) -> None:
    record(alice.pk, LINA, LEFT, NOW)
    later = BOUGHT._replace(basis_at=NOW + timedelta(hours=1))
    claimed = OPT_IN._replace(grade=Grade.E1, basis_at=NOW + timedelta(hours=1))
    record_many(alice.pk, [(LINA, later), (LINA, claimed)], NOW)
    assert reason(alice) == "withdrawn"


@pytest.mark.parametrize(
    "act",
    [
        OPT_IN._replace(basis=""),
        OPT_IN._replace(basis="because"),
        OPT_IN._replace(purpose=""),
        OPT_IN._replace(basis_at=datetime(2026, 1, 1)),  # noqa: DTZ001 -- the mistake under test
    ],
)
def test_an_act_that_makes_no_sense_is_refused(alice: Workspace, act: Act) -> None:
    with pytest.raises(ValueError, match="basis"):
        record(alice.pk, LINA, act, NOW)
    with pytest.raises(ValueError, match="basis"):
        record_many(alice.pk, [(LINA, act)], NOW)
    assert Event.objects.count() == 0


# --- append-only ----------------------------------------------------------------------------------------------------

FORBIDDEN = [
    "UPDATE permission_event SET kind = 'granted'",
    "DELETE FROM permission_event",
    "TRUNCATE permission_event CASCADE",
    "UPDATE permission_leaf SET hash = ''",
    "DELETE FROM permission_leaf",
    "TRUNCATE permission_leaf",
    "UPDATE permission_checkpoint SET note = ''",
    "DELETE FROM permission_checkpoint",
    "TRUNCATE permission_checkpoint",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_database_refuses_to_change_the_ledger(alice: Workspace, statement: str) -> None:
    record(alice.pk, LINA, OPT_IN, NOW)
    checkpoint(NOW)
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert (Event.objects.count(), Leaf.objects.count(), Checkpoint.objects.count()) == (1, 1, 1)


def test_nobody_else_names_the_tables_of_the_ledger() -> None:
    """Neither by import (import-linter holds that too) nor in SQL."""
    package = Path(rida.__file__).parent
    files = [file for file in package.rglob("*") if file.suffix in {".py", ".sql"} and "__pycache__" not in file.parts]
    strangers = [file for file in files if file.relative_to(package).parts[0] != "permission"]
    assert len(strangers) > 30
    found = [str(file) for file in strangers if _touches(file)]
    assert found == []


_TOUCH = re.compile(
    r"permission_(event|vault|leaf|checkpoint)\b|^\s*(from|import)\s+rida\.permission\.models", re.MULTILINE
)


def _touches(file: Path) -> bool:
    return _TOUCH.search(file.read_text()) is not None


def test_inside_the_stage_only_services_writes_events() -> None:
    folder = Path(rida.__file__).parent / "permission"
    writers = [file.name for file in folder.glob("*.py") if "COPY permission_event" in file.read_text()]
    assert writers == ["services.py"]


# --- erasure --------------------------------------------------------------------------------------------------------


def test_erasure_empties_the_vault_and_keeps_the_opt_out(alice: Workspace) -> None:
    record(alice.pk, LINA, OPT_IN, NOW)
    record(alice.pk, LINA, LEFT, NOW)
    assert erase(alice.pk, LINA, "asked by mail", NOW) == 2
    assert not Vault.objects.filter(address__icontains="lina").exists()
    assert [(line.kind, line.evidence) for line in history(alice.pk, LINA)] == [
        ("granted", None),
        ("withdrawn", None),
        ("erased", {"reason": "asked by mail"}),
    ]
    record_many(alice.pk, [(LINA, BOUGHT)], NOW)
    assert reason(alice) == "erased"
    checkpoint(NOW)
    assert audit().faults == []


# --- the log --------------------------------------------------------------------------------------------------------


def test_places_have_no_gaps_and_a_checkpoint_is_verified_offline(alice: Workspace) -> None:
    events = [record(alice.pk, parse(f"p{n}@example.org"), OPT_IN, NOW) for n in range(5)]
    assert (sequence(NOW - timedelta(days=1)), sequence(NOW), sequence(NOW)) == (0, 5, 0)
    later = record(alice.pk, LINA, OPT_IN, NOW)
    signed = checkpoint(NOW)
    assert checkpoint(NOW).pk == signed.pk
    assert list(Leaf.objects.order_by("index").values_list("index", "event_id")) == [
        *enumerate(event.pk for event in events),
        (5, later.pk),
    ]
    head = note.read(signed.note, log_public_key())
    proof = prove(events[2].pk)
    assert head is not None
    assert proof is not None
    assert (head.origin, head.size, proof.note) == (origin(), 6, signed.note)
    assert proof.leaf == merkle.leaf_hash(bytes(events[2].commitment))
    assert merkle.includes(head.root, head.size, proof.index, proof.leaf, proof.path)


def test_an_event_newer_than_the_checkpoint_has_no_proof_yet(alice: Workspace) -> None:
    checkpoint(NOW)
    assert prove(record(alice.pk, LINA, OPT_IN, NOW).pk) is None


def test_the_audit_finds_what_somebody_changed_behind_the_triggers(alice: Workspace) -> None:
    first = record(alice.pk, LINA, OPT_IN, NOW)
    second = record(alice.pk, LINA, LEFT, NOW)
    checkpoint(NOW)
    assert audit().faults == []
    assert bytes(second.previous or b"") == bytes(first.commitment)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE permission_event DISABLE TRIGGER append_only_rows")
        cursor.execute("UPDATE permission_event SET kind = 'granted', basis = 'customer' WHERE id = %s", [second.pk])
    assert audit().faults == [("commitment_differs", second.pk)]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE permission_event SET commitment = sha256('forged') WHERE id = %s", [second.pk])
        cursor.execute("ALTER TABLE permission_leaf DISABLE TRIGGER append_only_rows")
        cursor.execute(
            r"UPDATE permission_leaf SET hash = sha256('\x00'::bytea || sha256('forged')) WHERE event_id = %s",
            [second.pk],
        )
    assert audit().faults == [("commitment_differs", second.pk), ("checkpoint_differs", 2)]


def test_the_audit_finds_a_rolled_back_log(alice: Workspace) -> None:
    record(alice.pk, LINA, OPT_IN, NOW)
    checkpoint(NOW)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE permission_leaf DISABLE TRIGGER append_only_rows")
        cursor.execute("DELETE FROM permission_leaf")
    assert audit().faults == [("checkpoint_differs", 1)]


# --- the race -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_events_of_one_person_wait_for_each_other() -> None:
    """The opt-out has its id and is not committed; the sign-up after it must not become visible before it."""
    workspace = Workspace.objects.create(name="Alice", slug="alice")
    ids: list[int] = []

    def sign_up() -> None:
        try:
            ids.append(record(workspace.pk, LINA, OPT_IN, NOW).pk)
        finally:
            connection.close()

    with transaction.atomic():
        left = record(workspace.pk, LINA, LEFT, NOW)
        other = threading.Thread(target=sign_up)
        other.start()
        _until_somebody_waits_for_a_lock()
        assert ids == []
        record(workspace.pk, parse("somebody.else@example.org"), OPT_IN, NOW)
    other.join(timeout=10)
    assert len(ids) == 1
    assert ids[0] > left.pk
    chain = Event.objects.get(pk=ids[0]).previous
    assert bytes(chain or b"") == bytes(left.commitment)


@pytest.mark.django_db(transaction=True)
def test_a_bulk_waits_for_a_single_record_of_its_workspace() -> None:
    workspace = Workspace.objects.create(name="Alice", slug="alice")
    added: list[int] = []

    def bulk() -> None:
        try:
            added.append(record_many(workspace.pk, [(LINA, LEFT)], NOW))
        finally:
            connection.close()

    with transaction.atomic():
        record(workspace.pk, LINA, LEFT, NOW)
        other = threading.Thread(target=bulk)
        other.start()
        _until_somebody_waits_for_a_lock()
    other.join(timeout=10)
    assert added == [0]


def _until_somebody_waits_for_a_lock() -> None:
    parameters = connection.get_connection_params()
    keep = {key: parameters[key] for key in ("dbname", "user", "password", "host", "port") if parameters.get(key)}
    deadline = time.monotonic() + 10
    with psycopg.connect(**keep, autocommit=True) as outside:
        while time.monotonic() < deadline:
            (waiting,) = outside.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            ).fetchone() or (0,)
            if waiting:
                return
            time.sleep(0.01)
    raise AssertionError("nobody waited")
