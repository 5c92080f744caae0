"""`rida import` in a home of its own: what it says when the file, the database or the disk fails, and the repeat."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from rida import embedded

HEAD = "email,last_purchase_at,name\n"
_MANY = 40_000
_MAKE_A_SHOP = """
from rida.cli import prepare
prepare()
from rida.accounts.models import Workspace
from rida.audience.services import add_topic
add_topic(Workspace.objects.create(name="Alice", slug="alice"), "flowers", "Flowers")
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that root's server can walk into, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="rida-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def home(folder: Path) -> Iterator[Path]:
    yield _shop(folder / "home")
    embedded.remove(folder / "home")


@pytest.fixture
def small_home(folder: Path) -> Iterator[Path]:
    """On a disk of 250 MB, where the machine lets us mount one."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=250m,mode=711", "rida-test", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root on a machine that may mount can make a small disk")
    try:
        yield _shop(disk / "home")
    finally:
        (disk / "ballast").unlink(missing_ok=True)
        embedded.stop(disk / "home")
        subprocess.run(["umount", str(disk)], check=True)


def _shop(home: Path) -> Path:
    said = _rida(home, "-c", _MAKE_A_SHOP).communicate(timeout=60)
    assert said == ("", "")
    return home


def _rida(home: Path, *command: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "RIDA_HOME": str(home)}
    environment.pop("DATABASE_URL", None)
    return subprocess.Popen(
        [sys.executable, *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _bring(home: Path, people: Path) -> "subprocess.Popen[str]":
    return _rida(home, "-m", "rida.cli", "import", str(people))


def _result(command: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Exit code, what it printed last, and what it complained about."""
    out, err = command.communicate(timeout=60)
    assert "Traceback" not in err, err
    return command.returncode, out.strip().splitlines()[-1] if out.strip() else "", err


def _many(folder: Path) -> Path:
    people = folder / "people.csv"
    people.write_text(HEAD + "".join(f"p{n}@x.org,2026-01-01,N{n}\n" for n in range(_MANY)))
    return people


def _contacts(home: Path) -> int:
    with psycopg.connect(embedded.ensure(home)) as other:
        (count,) = other.execute("SELECT count(*) FROM audience_contact").fetchone() or (0,)
        return int(count)


def test_a_broken_file_is_told_with_its_line_and_keeps_the_rows_before_it(home: Path, folder: Path) -> None:
    people = folder / "people.csv"
    people.write_text(HEAD + 'a@x.org,2026-01-01,A\nb@x.org,2026-01-01,"B\nc@x.org,2026-01-01,C\n' + "x,y,z\n" * 50_000)
    code, _, complaint = _result(_bring(home, people))
    assert code == 1
    assert complaint.startswith("rida: Line 3 of the file cannot be read as a table")
    assert "nothing will be doubled" in complaint
    assert _contacts(home) == 1
    people.write_text(people.read_text().replace('"B', "B")[:200])
    assert _result(_bring(home, people))[0] == 0


def test_the_server_is_killed_in_the_middle(home: Path, folder: Path) -> None:
    people = _many(folder)
    first = _bring(home, people)
    deadline = time.monotonic() + 30
    while not _contacts(home):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(int((home / "postgresql").resolve().joinpath("data/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    code, _, complaint = _result(first)
    assert code == 1
    assert complaint.startswith("rida: The database does not answer (")
    assert "Nothing is lost" in complaint
    _the_repeat_brings_the_rest(home, people)


def test_the_disk_becomes_full_in_the_middle(small_home: Path, folder: Path) -> None:
    people, ballast = _many(folder), small_home.parent / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small_home).free - (20 << 20)))
    code, _, complaint = _result(_bring(small_home, people))
    assert code == 1
    assert complaint.startswith("rida: The disk is full (")
    assert "Free some space" in complaint
    ballast.unlink()
    _the_repeat_brings_the_rest(small_home, people)


def _the_repeat_brings_the_rest(home: Path, people: Path) -> None:
    before = _contacts(home)
    assert before < _MANY
    code, last, complaint = _result(_bring(home, people))
    assert (code, complaint) == (0, "")
    assert last == f"{_MANY:,} rows: {_MANY - before:,} new, {before:,} updated, 0 refused"
    assert _contacts(home) == _MANY
