"""A backup brings everything back, and nothing leaves until what it does not know can no longer matter."""

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import psycopg
import pytest
from django.db import connection

from rida import embedded
from rida.accounts.models import Workspace
from rida.cli import keeping
from rida.dispatch import room
from rida.dispatch.models import OutcomeRow
from rida.dispatch.tests import world
from rida.embedded import keeping as files
from rida.kernel.clock import milliseconds, now
from rida.kernel.errors import BackupUnfit, DatabaseInUse, DataThere, DiskFull, SettingError, StorageError
from rida.kernel.reply import Outcome
from rida.outbox.halting import resume
from rida.outbox.models import Launch
from rida.shaping.models import RESTORED, Allowance, Budget, HoldEntry
from rida.shaping.networks import NetworkName
from rida.shaping.places import make_network
from tests import house

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the backup goes. The home of the tests has no secret of its own: RIDA_SECRET names it."""
    return tmp_path / "rida.backup"


def back_up(file: Path) -> None:
    keeping.backup(file, house.database_url())


def restore(file: Path, *, replace: bool = True) -> None:
    keeping.restore(keeping.read(file), house.database_url(), replace=replace)


# --- what it brings back ----------------------------------------------------------------------------------------------


def test_nothing_leaves_within_the_hold_and_launches_stay_paused(file: Path) -> None:
    """Ten were sent after the backup: sent again at once, they would be beyond R, and doubled."""
    made = world.campaign_to(200, r=10)
    world.allow(made.source_id, room.Allowance(100, None, 0, 10))
    back_up(file)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.record(ledger, volley, *(world.result(item, Outcome.ACCEPTED) for item in volley.items))
    ledger.close(volley, 5, ())

    restore(file)
    made.refresh_from_db()
    assert (made.next_n, OutcomeRow.objects.count()) == (0, 0)
    assert Launch.objects.get().state == Launch.State.PAUSED
    resume(Launch.objects.get())
    assert world.node().claim(0, 10) == []
    held = Budget.objects.get(network=made.network_id)
    assert (held.hold_reason, Allowance.objects.get().hold_reason) == (RESTORED, RESTORED)
    assert abs(held.hold_until - milliseconds(now()) - world.WINDOW_MS) < 60_000
    assert HoldEntry.objects.filter(network=made.network_id, reason=RESTORED).exists()

    Budget.objects.update(hold_until=0, next_due=0)
    Allowance.objects.update(hold_until=0)
    assert [item.key for item in world.node().claim(0, 10)[0].items] == [item.key for item in volley.items]


def test_a_network_that_is_met_after_the_restore_holds_as_long(file: Path) -> None:
    """It may have had its R between the backup and the restore; the backup cannot know it."""
    back_up(file)
    restore(file)
    fresh = make_network(NetworkName("net:198.51.100.0/24", "new"))
    assert Budget.objects.get(network=fresh).hold_until > milliseconds(now()) + world.WINDOW_MS - 60_000


def test_a_longer_hold_keeps_its_reason(file: Path) -> None:
    made = world.campaign_to(1, hold_until=world.FOREVER, hold_reason="complaints")
    back_up(file)
    restore(file)
    held = Budget.objects.get(network=made.network_id)
    assert (held.hold_until, held.hold_reason) == (world.FOREVER, "complaints")


def test_a_volley_that_was_open_is_ended_by_the_reaper(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world.pretend_server_is_old(monkeypatch)
    made = world.campaign_to(3)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.begin(ledger, volley)
    world.record(ledger, volley, world.result(volley.items[0], Outcome.ACCEPTED))
    back_up(file)
    ledger.close(volley, 3, ())
    restore(file)
    world.pass_time(world.LEASE_MS + world.GRACE_MS + 1)
    assert world.node().reap() == 1
    assert world.outcomes(made) == {(0, 1): Outcome.ACCEPTED, (1, 1): Outcome.DOUBTFUL}
    assert world.waiting(made) == {2: 1}


def test_what_was_made_since_is_gone(file: Path) -> None:
    world.workspace()
    back_up(file)
    world.workspace("bob")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE later (id int); CREATE TYPE later_kind AS ENUM ('a')")
    restore(file)
    assert Workspace.objects.values_list("slug", flat=True).get() == "alice"
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('later') IS NULL AND to_regtype('later_kind') IS NULL")
        assert cursor.fetchone() == (True,)


# --- what stops it ----------------------------------------------------------------------------------------------------


def test_data_are_not_overwritten_unasked(file: Path) -> None:
    back_up(file)
    world.workspace()
    with pytest.raises(DataThere, match="--replace"):
        restore(file, replace=False)
    assert Workspace.objects.count() == 1


def test_tables_of_another_program_are_never_touched(file: Path) -> None:
    back_up(file)
    url = embedded.create_database(house.database_url(), "rida_of_others")
    try:
        with embedded.connect(url) as other:
            other.execute("CREATE TABLE theirs (id int)")
        with pytest.raises(StorageError, match="another program"):
            keeping.restore(keeping.read(file), url, replace=True)
    finally:
        embedded.drop_database(house.database_url(), "rida_of_others")


def test_nobody_else_may_be_connected(file: Path) -> None:
    back_up(file)
    with psycopg.connect(house.database_url()), pytest.raises(DatabaseInUse, match="1 connections"):
        restore(file)


def test_a_file_that_is_lost_cut_off_or_no_backup_says_so(file: Path) -> None:
    with pytest.raises(BackupUnfit, match=r"No such file or directory\. Nothing was changed"):
        keeping.read(file)
    file.write_text("Subject: hello")
    with pytest.raises(BackupUnfit, match="no backup of Rida, or it was cut off"):
        keeping.read(file)
    back_up(file)
    file.write_bytes(file.read_bytes()[:50_000])
    with pytest.raises(BackupUnfit, match="cut off"):
        keeping.read(file)


def test_a_file_that_was_changed_changes_nothing(file: Path) -> None:
    """Found by its checksum at the very end, when all tables were emptied and filled again."""
    back_up(file)
    world.workspace()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)
    with pytest.raises((BackupUnfit, StorageError)):
        restore(file)
    assert Workspace.objects.count() == 1


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"postgresql": 99}, "made by PostgreSQL 99, and this server is"),
        ({"migrations": ["outbox.9999_later"]}, "made by a newer Rida"),
    ],
)
def test_a_backup_of_a_newer_version_is_refused(file: Path, facts: dict[str, object], words: str) -> None:
    back_up(file)
    found = keeping.read(file)
    with pytest.raises(BackupUnfit, match=words):
        keeping.restore(files.Backup(file, {**found.facts, **facts}, found.secret), house.database_url(), replace=True)


def test_another_secret_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of addresses would be other people's, and nobody's unsubscribe would be found."""
    back_up(file)
    monkeypatch.setenv("RIDA_SECRET", "another")
    with pytest.raises(SettingError, match="made with another"):
        keeping.read(file)
    monkeypatch.delenv("RIDA_SECRET")
    with pytest.raises(SettingError, match="does not hold it"):
        keeping.read(file)


def test_a_full_disk_leaves_the_backup_before_as_it_was(file: Path, few_bytes: None) -> None:
    file.write_text("yesterday's")
    with pytest.raises(DiskFull, match="Free some space"):
        back_up(file)
    assert file.read_text() == "yesterday's"
    assert list(file.parent.iterdir()) == [file]


@pytest.fixture
def few_bytes() -> Iterator[None]:
    """No file may grow beyond 64 kB, as on a disk without room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_server_without_room_says_so_and_programs_of_its_version_are_named(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(file)
    major = keeping.read(file).facts["postgresql"]
    monkeypatch.setenv("RIDA_PG_BIN", str(tmp_path / "bin"))
    with pytest.raises(StorageError, match=f"postgresql-client-{major}"):
        restore(file)
    (tmp_path / "bin").mkdir()
    _program(tmp_path / "bin/pg_dump", f"echo 'pg_dump (PostgreSQL) {major}.1'")
    _program(tmp_path / "bin/pg_restore", "exec cat >/dev/null")
    _program(tmp_path / "bin/psql", "cat >/dev/null; echo 'ERROR:  could not extend file: No space left' >&2; exit 3")
    with pytest.raises(StorageError, match="could not extend file"):
        restore(file)


def _program(path: Path, words: str) -> None:
    path.write_text(f"#!/bin/sh\n{words}\n")
    path.chmod(0o755)


# --- by command, from one home to another -----------------------------------------------------------------------------


def rida(home: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    own = ("RIDA_", "DATABASE_", "DJANGO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own) or name == "RIDA_PG_BIN"}
    environment = {**kept, "RIDA_HOME": str(home)}
    return subprocess.run([sys.executable, "-m", "rida.cli", *command], env=environment, capture_output=True, text=True)


def test_a_home_moves_with_its_secret(tmp_path: Path) -> None:
    """Without the old secret old unsubscribe links die. What a first start made is kept beside it."""
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "rida.backup"
    try:
        assert rida(old, "backup", str(file)).returncode == 0
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        with ZipFile(file) as box:
            assert box.read("secret") == (old / "secret").read_bytes()
        rida(new, "status")
        first = (new / "secret").read_text()
        done = rida(new, "restore", str(file))
        assert (done.returncode, done.stderr) == (0, "")
        assert (new / "secret").read_text() == (old / "secret").read_text() != first
        assert stat.S_IMODE((new / "secret").stat().st_mode) == 0o600
        assert (new / "secret.before-restore").read_text() == first
        lost = rida(new, "restore", str(tmp_path / "lost"))
        assert (lost.returncode, lost.stderr.count("\n")) == (1, 1)
        assert "No such file" in lost.stderr
    finally:
        embedded.remove(old)
        embedded.remove(new)
