"""A database that goes away during an import: a sentence for the operator, and the repeat loses and doubles nothing."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob
from psycopg.conninfo import make_conninfo
from pytest_django import Settings

from rida.accounts.models import Workspace
from rida.audience import contacts, loading, services
from rida.audience.models import Contact, Import, Topic
from rida.audience.services import add_topic, queue_import, run_import, start_import
from rida.audience.tickets import imports_unfinished
from rida.kernel.errors import DatabaseAway, DiskFull
from rida.permission.services import copy_text, history

NOW = datetime(2026, 5, 1, tzinfo=UTC)
HEAD = "email,last_purchase_at,name\n"
ROWS = 40


@pytest.fixture
def flowers(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topic:
    """Ten rows a transaction, and progress after each."""
    settings.HOME = tmp_path
    monkeypatch.setattr(loading, "CHUNK", 10)
    monkeypatch.setattr(services, "_PROGRESS_SECONDS", 0)
    return add_topic(Workspace.objects.create(name="Alice", slug="alice"), "flowers", "Flowers")


@pytest.fixture
def _connected_again() -> Iterator[None]:
    yield
    connection.close()


def start(topic: Topic) -> Import:
    raw = HEAD + "".join(f"p{n}@x.org,2026-01-01,N{n}\n" for n in range(ROWS))
    return start_import(topic.workspace, None, io.BytesIO(raw.encode()), "x.csv", topic=topic, now=NOW)


def events(topic: Topic) -> int:
    return sum(len(history(topic.workspace_id, f"p{n}@x.org")) for n in range(ROWS))


def cut() -> None:
    """End the connection of this thread from outside, as a restart of the server does."""
    given = connection.get_connection_params()
    keep = {key: given[key] for key in ("dbname", "user", "password", "host", "port") if given.get(key)}
    with psycopg.connect(make_conninfo(**keep)) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


def between_chunks(monkeypatch: pytest.MonkeyPatch) -> Callable[[Import], None]:
    return lambda job: cut() if job.rows == 20 else None


def in_a_copy(monkeypatch: pytest.MonkeyPatch) -> Callable[[Import], None]:
    seen: list[str] = []

    def cut_first(statement: str, lines: list[str]) -> None:
        seen.append(statement)
        if len(seen) == 3:
            cut()
        copy_text(statement, lines)

    monkeypatch.setattr(contacts, "copy_text", cut_first)
    return lambda _: None


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_connected_again")
@pytest.mark.parametrize("away", [between_chunks, in_a_copy])
def test_the_rows_before_it_stay_and_the_repeat_brings_the_rest(
    flowers: Topic, monkeypatch: pytest.MonkeyPatch, away: Callable[..., Callable[[Import], None]]
) -> None:
    job = start(flowers)
    with pytest.raises(DatabaseAway, match=r"does not answer \(.+\)\. Nothing is lost"):
        run_import(job.pk, NOW, away(monkeypatch))
    monkeypatch.undo()
    connection.close()
    job.refresh_from_db()
    assert (job.state, Contact.objects.count(), events(flowers)) == ("running", 20, 20)
    done = run_import(job.pk, NOW)
    assert (done.state, done.error, done.rows, done.imported, done.updated) == ("finished", None, ROWS, 20, 20)
    assert Contact.objects.count() == events(flowers) == ROWS


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_connected_again")
def test_a_database_that_is_away_from_the_beginning_is_named_too(flowers: Topic) -> None:
    job = start(flowers)
    cut()
    with pytest.raises(DatabaseAway, match="Nothing is lost"):
        run_import(job.pk, NOW)
    connection.close()
    assert run_import(job.pk, NOW).state == "finished"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_connected_again")
def test_an_upload_that_cannot_be_noted_down_leaves_no_file(flowers: Topic, tmp_path: Path) -> None:
    cut()
    with pytest.raises(DatabaseAway):
        start(flowers)
    connection.close()
    assert list((tmp_path / "imports").iterdir()) == []
    assert not Import.objects.exists()


@pytest.mark.django_db
def test_a_disk_of_the_database_that_is_full_fails_the_import_which_can_be_repeated(
    flowers: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(statement: str, lines: list[str]) -> None:
        raise psycopg.errors.DiskFull("could not extend file: No space left on device")

    job = start(flowers)
    monkeypatch.setattr(contacts, "copy_text", full)
    failed = run_import(job.pk, NOW)
    assert (failed.state, (failed.error or {})["code"]) == ("failed", DiskFull.__name__)
    monkeypatch.undo()
    assert run_import(job.pk, NOW).state == "finished"
    assert Contact.objects.count() == ROWS


@pytest.mark.django_db
@pytest.mark.parametrize("state", [Import.State.WAITING, Import.State.RUNNING])
def test_an_import_whose_ticket_went_under_gets_another(flowers: Topic, state: Import.State) -> None:
    job = start(flowers)
    queue_import(job)
    Import.objects.update(state=state)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed'")
    imports_unfinished()
    imports_unfinished()
    assert ProcrastinateJob.objects.filter(task_name="import_file", status="todo").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("state", [Import.State.FINISHED, Import.State.FAILED])
def test_an_import_that_ended_gets_none(flowers: Topic, state: Import.State) -> None:
    start(flowers)
    Import.objects.update(state=state)
    imports_unfinished()
    assert not ProcrastinateJob.objects.exists()
