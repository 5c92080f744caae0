"""A file from upload to contacts and permission. Cast: alice's workspace, and charlie's, which must see nothing."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from rida.accounts.models import User, Workspace
from rida.audience import loading, services
from rida.audience.loading import CHUNK
from rida.audience.models import Attribute, Contact, Import, Topic
from rida.audience.services import (
    add_contact,
    add_topic,
    find_contacts,
    members,
    preview,
    refused_report_path,
    run_import,
    slices,
    start_import,
    topics,
)
from rida.kernel.address import parse
from rida.kernel.errors import AddressError, BasisMissing, ColumnMissing, HeaderDoubled, NotAllowed
from rida.permission.rules import Basis, Grade, Kind, Terms
from rida.permission.services import Act, Ask, audit, hash_of, history, record, verdicts

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
TERMS = Terms("flowers", "commercial", ad_label=True)

FLORIST = """email,name,language,last_purchase_at,unsubscribed,city
lina@example.org,لينا حداد,ar,2026-02-14,,عمّان
John@Example.org,John Smith,English,14 February 2026,no,New York
sara@example.org,Sara,en,2026-03-01,yes,Riyadh
nobody@example.org,Nobody,en,,,
ambiguous@example.org,Ambi,en,03/04/2026,,
not an address,X,en,2026-02-14,,
"""


@pytest.fixture
def alice(settings: Settings, tmp_path: Path) -> Workspace:
    settings.HOME = tmp_path
    return Workspace.objects.create(name="Alice", slug="alice", profiles=["US"])


@pytest.fixture
def flowers(alice: Workspace) -> Topic:
    return add_topic(alice, "flowers", "Flowers")


def bring(
    topic: Topic,
    content: str | bytes,
    *,
    basis: str = "",
    statement: str = "",
    mapping: dict[str, str] | None = None,
    now: datetime = NOW,
) -> Import:
    raw = content.encode() if isinstance(content, str) else content
    job = start_import(
        topic.workspace,
        None,
        io.BytesIO(raw),
        "people.csv",
        topic=topic,
        basis=basis,
        statement=statement,
        mapping=mapping,
        now=now,
    )
    return run_import(job.pk, now)


def counts(job: Import) -> tuple[int, int, int, int, int]:
    return job.rows, job.imported, job.updated, job.opted_out, job.refused


def report(job: Import) -> list[list[str]]:
    with refused_report_path(job).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def reason(workspace: Workspace, address: str, now: datetime = NOW) -> str:
    (verdict,) = verdicts([Ask(workspace.pk, hash_of(address), TERMS, workspace.profiles)], now)
    return verdict.reason


def test_the_florists_file_becomes_contacts_permission_and_a_report(alice: Workspace, flowers: Topic) -> None:
    job = bring(flowers, FLORIST)
    assert (job.state, job.error, counts(job)) == ("finished", None, (6, 3, 0, 1, 3))
    assert job.bytes_read == job.bytes_total == len(FLORIST.encode())
    lina = Contact.objects.get(address="lina@example.org")
    assert (lina.name, lina.locale, lina.domain, lina.attributes) == (
        "لينا حداد",
        "ar",
        "example.org",
        {"city": "عمّان"},
    )
    assert [reason(alice, f"{who}@example.org") for who in ("lina", "john", "sara", "nobody")] == [
        "ok",
        "ok",
        "withdrawn",
        "no_permission",
    ]
    (line,) = history(alice.pk, "lina@example.org")
    assert (line.basis, line.grade, line.basis_at) == ("customer", Grade.E1, datetime(2026, 2, 14, tzinfo=UTC))
    assert line.evidence == {"import": job.pk, "file": bytes(job.file_sha256).hex(), "user": None, "line": 2}


def test_every_refused_row_is_reported_with_its_reason_and_as_it_came(flowers: Topic) -> None:
    header, *rows = report(bring(flowers, FLORIST))
    assert header == ["line", "reason", "explanation", "السبب", *FLORIST.splitlines()[0].split(",")]
    assert [(row[0], row[1], row[4]) for row in rows] == [
        ("5", "no_permission", "nobody@example.org"),
        ("6", "date_ambiguous", "ambiguous@example.org"),
        ("7", "address_invalid", "not an address"),
    ]
    assert all(row[2] and row[3] for row in rows)


def test_a_report_opens_harmlessly_in_a_spreadsheet(flowers: Topic) -> None:
    evil = ['=cmd|"/c calc"!A1', "+1", "-1", "@SUM(A1)", "\t=1", " =1"]
    out = io.StringIO()
    csv.writer(out).writerows([["email", "=header"], *[[cell, cell] for cell in evil]])
    header, *rows = report(bring(flowers, out.getvalue(), basis="attestation", statement="ours"))
    assert header[5] == "'=header"
    assert len(rows) == len(evil)
    assert all(cell.startswith("'") for row in rows for cell in row[4:])


def test_the_same_file_twice_changes_nothing(alice: Workspace, flowers: Topic) -> None:
    file = FLORIST + "undated@example.org,U,en,2026-01-01,1,\n"
    bring(flowers, file)
    before = snapshot()
    again = bring(flowers, file, now=LATER)
    assert (again.state, counts(again)) == ("finished", (7, 0, 4, 2, 3))
    assert snapshot() == before


def test_attested_and_undated_rows_repeat_without_change_too(alice: Workspace, flowers: Topic) -> None:
    file = "email,consent\na@example.org,yes\nb@example.org,\n"
    bring(flowers, file, basis="attestation", statement="signed up at the counter")
    before = snapshot()
    bring(flowers, file, basis="attestation", statement="signed up at the counter", now=LATER)
    assert snapshot() == before
    (line,) = history(alice.pk, "b@example.org")
    assert line.evidence is not None
    assert line.evidence["statement"] == "signed up at the counter"


def snapshot() -> tuple[list[Any], int]:
    return list(Contact.objects.order_by("id").values()), audit().events


def test_a_finished_import_run_again_stays_as_it_is(flowers: Topic) -> None:
    job = bring(flowers, FLORIST)
    assert counts(run_import(job.pk, LATER)) == counts(job)


def test_a_later_file_completes_contacts_and_erases_nothing(flowers: Topic) -> None:
    bring(flowers, "email,name,language,last_purchase_at,city\nlina@example.org,Lina,ar,2026-02-14,Amman\n")
    job = bring(flowers, "email,name,last_purchase_at,size\nLINA@example.org,,2026-04-01,7\n", now=LATER)
    lina = Contact.objects.get()
    assert counts(job)[1:3] == (0, 1)
    assert (lina.address, lina.name, lina.locale, lina.attributes) == (
        "lina@example.org",
        "Lina",
        "ar",
        {"city": "Amman", "size": "7"},
    )
    assert (lina.created_at, lina.changed_at) == (NOW, LATER)


def test_somebody_who_stands_in_the_file_twice_is_one_contact(alice: Workspace, flowers: Topic) -> None:
    job = bring(
        flowers, "email,name,last_purchase_at\na@x.org,A,2026-01-01\nA@x.org,,2026-02-01\na@x.org,B,2026-01-01\n"
    )
    assert (counts(job), Contact.objects.get().name) == ((3, 1, 2, 0, 0), "B")
    assert len(history(alice.pk, "a@x.org")) == 2


def test_letters_that_mean_something_to_the_database_come_through(alice: Workspace, flowers: Topic) -> None:
    cells = ["back\\slash", "tab\tand \\N", 'say "so"', "\\t\\\\", "عمّان\u200f"]
    out = io.StringIO()
    csv.writer(out).writerows(
        [
            ["email", "name", "last_purchase_at", "word"],
            *[[f"p{n}@x.org", c, "2026-01-01", c] for n, c in enumerate(cells)],
        ]
    )
    bring(flowers, out.getvalue(), basis="attestation", statement='they "said" \\so')
    found = Contact.objects.order_by("address").values_list("name", "attributes")
    assert list(found) == [(" ".join(cell.split()), {"word": cell}) for cell in cells]
    assert audit().faults == []


def test_rows_of_one_person_are_chained_in_the_order_of_the_file(alice: Workspace, flowers: Topic) -> None:
    days = [9, 2, 27, 14]
    rows = "".join(f"b@x.org,2026-01-{day:02}\na{day}@x.org,2026-01-01\n" for day in days)
    bring(flowers, f"email,last_purchase_at\n{rows}")
    assert [line.basis_at.day for line in history(alice.pk, "b@x.org")] == days
    assert audit().faults == []


# --- no import undoes an unsubscribe --------------------------------------------------------------------------------

RETURNING = {
    "a later purchase": ("email,last_purchase_at\nlina@example.org,2026-05-20\n", ""),
    "a stated opt-in": ("email,opted_in_at\nlina@example.org,2026-05-20\n", ""),
    "a stated consent": ("email,consent\nlina@example.org,yes\n", ""),
    "an opt-in for the file": ("email\nlina@example.org\n", "single_opt_in"),
    "an attestation": ("email\nlina@example.org\n", "attestation"),
    "not unsubscribed": ("email,unsubscribed\nlina@example.org,no\n", "attestation"),
    "another spelling": ("email,last_purchase_at\nLINA@EXAMPLE.ORG,2026-05-20\n", ""),
}
TAKEN = [
    (Act(Kind.WITHDRAWN, "flowers", "", Grade.E0, NOW, {}), "withdrawn"),
    (Act(Kind.WITHDRAWN, "*", "", Grade.E0, NOW, {}), "withdrawn"),
    (Act(Kind.OBJECTED, "*", "", Grade.E0, NOW, {}), "objected"),
    (Act(Kind.SUPPRESSED, "*", "", Grade.E0, NOW, {}), "suppressed"),
    (Act(Kind.COMPLAINED, "*", "", Grade.E0, NOW, {}), "complained"),
]


@pytest.mark.parametrize(("act", "expected"), TAKEN)
@pytest.mark.parametrize(("file", "basis"), RETURNING.values(), ids=RETURNING)
def test_no_import_undoes_an_unsubscribe(
    alice: Workspace, flowers: Topic, file: str, basis: str, act: Act, expected: str
) -> None:
    bring(flowers, "email,last_purchase_at\nlina@example.org,2026-01-01\n")
    record(alice.pk, parse("lina@example.org"), act, NOW)
    job = bring(flowers, file, basis=basis, statement="they came back", now=LATER)
    assert job.state == "finished"
    assert reason(alice, "lina@example.org", LATER) == expected


def test_an_unsubscribe_in_a_file_is_lifted_by_the_person_alone(alice: Workspace, flowers: Topic) -> None:
    bring(flowers, FLORIST)
    assert reason(alice, "sara@example.org") == "withdrawn"
    opt_in = Act(Kind.GRANTED, "flowers", Basis.SINGLE_OPT_IN, Grade.E2, LATER, {"form": "f1"})
    record(alice.pk, parse("sara@example.org"), opt_in, LATER)
    assert reason(alice, "sara@example.org", LATER) == "ok"
    bring(flowers, FLORIST, now=LATER + timedelta(days=1))
    assert reason(alice, "sara@example.org", LATER) == "ok", "the old file says nothing new"


# --- before anything is imported ------------------------------------------------------------------------------------

UNFIT = [
    ("email,name\na@x.org,A\n", {}, BasisMissing),
    ("email,name\na@x.org,A\n", {"basis": "attestation", "statement": " "}, BasisMissing),
    ("email,name\na@x.org,A\n", {"basis": "double_opt_in"}, BasisMissing),
    ("name,last_purchase_at\nA,2026-01-01\n", {}, ColumnMissing),
    ("a@x.org,2026-01-01\n", {}, ColumnMissing),
    ("email,last_purchase_at,name,name\na@x.org,2026-01-01,A,B\n", {}, HeaderDoubled),
]


@pytest.mark.parametrize(("file", "said", "error"), UNFIT)
def test_a_file_that_cannot_work_is_refused_at_once_and_not_kept(
    flowers: Topic, tmp_path: Path, file: str, said: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        bring(flowers, file, **said)
    assert not Import.objects.exists()
    assert list((tmp_path / "imports").iterdir()) == []


def test_the_mapping_may_be_the_operators_own(flowers: Topic) -> None:
    job = bring(flowers, "wer;wann\na@x.org;2026-01-01\n", mapping={"wer": "email", "wann": "last_purchase_at"})
    assert counts(job) == (1, 1, 0, 0, 0)


def test_a_preview_shows_how_the_file_would_be_read(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(
        "الاسم;البريد;آخر شراء;المدينة\nفاطمة الزهراء;f@example.org;2026-01-01;مكة\n".encode("windows-1256")
    )
    seen = preview(file)
    assert (seen.charset, seen.delimiter) == ("windows-1256", ";")
    assert seen.rows == [["فاطمة الزهراء", "f@example.org", "2026-01-01", "مكة"]]
    assert list(seen.mapping.values()) == ["name", "email", "last_purchase_at", "attribute:المدينة"]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "windows-1256"])
def test_names_survive_every_charset(flowers: Topic, codec: str) -> None:
    text = "الاسم,البريد,آخر شراء\nفاطمة الزهراء,f@example.org,2026-01-01\nمحمد علي,m@example.org,2026-01-01\n"
    bring(flowers, text.encode(codec))
    assert set(Contact.objects.values_list("name", flat=True)) == {"فاطمة الزهراء", "محمد علي"}


def test_attributes_keep_their_kind(alice: Workspace, flowers: Topic) -> None:
    Attribute.objects.create(workspace=alice, name="size", kind=Attribute.Kind.NUMBER)
    job = bring(flowers, "email,last_purchase_at,size\na@x.org,2026-01-01,7\nb@x.org,2026-01-01,large\n")
    assert Contact.objects.get().attributes == {"size": 7}
    assert report(job)[1][1] == "attribute_not_number"


def test_progress_is_told_while_it_runs(flowers: Topic) -> None:
    told: list[tuple[str, int]] = []
    rows = "".join(f"p{n}@x.org,2026-01-01\n" for n in range(CHUNK + 1))
    job = start_import(
        flowers.workspace, None, io.BytesIO(f"email,last_purchase_at\n{rows}".encode()), "x", topic=flowers, now=NOW
    )
    done = run_import(job.pk, NOW, lambda state: told.append((state.state, state.rows)))
    assert told[-1] == ("finished", CHUNK + 1)
    assert (done.imported, Contact.objects.count()) == (CHUNK + 1, CHUNK + 1)
    assert audit().faults == []


def test_progress_is_told_of_rows_that_are_all_refused_too(flowers: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "CHUNK", 10)
    monkeypatch.setattr(services, "_PROGRESS_SECONDS", 0)
    told: list[tuple[int, int]] = []
    file = "email,last_purchase_at\n" + "nobody,2026-01-01\n" * 25
    job = start_import(flowers.workspace, None, io.BytesIO(file.encode()), "x", topic=flowers, now=NOW)
    run_import(job.pk, NOW, lambda state: told.append((state.rows, state.refused)))
    assert told[:3] == [(10, 10), (20, 20), (25, 25)]


# --- two workspaces -------------------------------------------------------------------------------------------------


def test_charlie_sees_nothing(alice: Workspace, flowers: Topic) -> None:
    charlie = Workspace.objects.create(name="Charlie", slug="charlie")
    own = add_topic(charlie, "flowers", "Flowers")
    bring(flowers, FLORIST)
    assert find_contacts(charlie, "lina") == []
    assert find_contacts(charlie, "lina@example.org") == []
    assert slices(charlie.pk, own, 10) == []
    assert slices(charlie.pk, flowers, 10) == []
    (first, last), *_ = slices(alice.pk, flowers, 10)
    assert list(members(charlie.pk, first, last)) == []
    assert list(topics(charlie)) == [own]
    assert reason(charlie, "lina@example.org") == "no_permission"
    bring(own, "email,last_purchase_at,name\nlina@example.org,2026-01-01,Other\n")
    assert Contact.objects.get(workspace=alice, address="lina@example.org").name == "لينا حداد"


def test_nobody_imports_into_a_topic_of_others(alice: Workspace, flowers: Topic) -> None:
    charlie = Workspace.objects.create(name="Charlie", slug="charlie")
    user = User.objects.create_user("charlie@example.org")
    with pytest.raises(NotAllowed):
        start_import(charlie, user, io.BytesIO(b"email\n"), "x", topic=flowers, basis="attestation", now=NOW)


# --- people ---------------------------------------------------------------------------------------------------------


def test_a_contact_is_no_permission(alice: Workspace, flowers: Topic) -> None:
    added = add_contact(alice, "Friend@example.org", NOW, name=" A  Friend ", locale="en")
    assert (added.address, added.name, added.domain) == ("Friend@example.org", "A Friend", "example.org")
    assert add_contact(alice, "friend@example.org", LATER, zone="Asia/Amman").pk == added.pk
    assert reason(alice, "friend@example.org") == "no_permission"
    with pytest.raises(AddressError):
        add_contact(alice, "friend", NOW)


def test_people_are_found_by_address_and_by_name(alice: Workspace, flowers: Topic) -> None:
    bring(flowers, FLORIST)
    assert [found.address for found in find_contacts(alice, " LINA@example.org")] == ["lina@example.org"]
    assert [found.address for found in find_contacts(alice, "حداد")] == ["lina@example.org"]
    assert [found.address for found in find_contacts(alice, "lina\0")] == ["lina@example.org"]
    assert len(find_contacts(alice)) == 3
    assert len(find_contacts(alice, "", 2)) == 2


def test_an_audience_is_walked_slice_by_slice(alice: Workspace, flowers: Topic) -> None:
    rows = "".join(f"p{n}@x{n % 3}.org,2026-01-01\n" for n in range(25))
    bring(flowers, f"email,last_purchase_at\n{rows}")
    ranges = slices(alice.pk, flowers, 10)
    walked = [member.address for first, last in ranges for member in members(alice.pk, first, last)]
    assert [len(list(members(alice.pk, *found))) for found in ranges] == [10, 10, 5]
    assert sorted(walked) == sorted(f"p{n}@x{n % 3}.org" for n in range(25))


def test_a_member_brings_what_a_letter_needs(alice: Workspace, flowers: Topic) -> None:
    bring(flowers, FLORIST)
    ((first, last),) = slices(alice.pk, flowers, 10)
    lina = next(member for member in members(alice.pk, first, last) if member.address == "lina@example.org")
    assert (lina.domain, lina.address_hash) == ("example.org", hash_of("lina@example.org"))
    assert lina.merge == {
        "name": "لينا حداد",
        "first_name": "لينا",
        "email": "lina@example.org",
        "locale": "ar",
        "zone": "",
        "attributes": {"city": "عمّان"},
    }
