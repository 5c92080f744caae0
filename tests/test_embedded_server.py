"""The home's own PostgreSQL: started when needed, shared, surviving us, coming back after a crash."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from rida import embedded
from rida.kernel.errors import DatabaseAway, SettingError, StorageError

ENSURE = "import sys, pathlib; from rida import embedded; print(embedded.ensure(pathlib.Path(sys.argv[1])), flush=True)"


@contextmanager
def new_home() -> Iterator[Path]:
    """A folder that root's server can walk into, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="rida-"))
    folder.chmod(0o711)
    yield folder / "home"
    embedded.remove(folder / "home")
    folder.rmdir()


@pytest.fixture
def home() -> Iterator[Path]:
    """For one test, which may stop and kill its server."""
    with new_home() as folder:
        yield folder


@pytest.fixture(scope="module")
def quiet_home() -> Iterator[Path]:
    """For the tests that leave the server as it was."""
    with new_home() as folder:
        yield folder


def postmaster(home: Path) -> int:
    return int((home / "postgresql/data/postmaster.pid").read_text().splitlines()[0])


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def write_row(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('رضا')")


def rows(url: str) -> list[tuple[str]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT word FROM kept").fetchall()


def test_the_first_call_makes_a_database_that_holds_unicode_and_flushes_to_disk(quiet_home: Path) -> None:
    with psycopg.connect(embedded.ensure(quiet_home)) as connection:
        settings = [
            connection.execute(f"SHOW {name}").fetchone()
            for name in ("server_encoding", "fsync", "listen_addresses", "data_checksums", "timezone")
        ]
        folded = connection.execute("SELECT lower('É')").fetchone()
    assert settings == [("UTF8",), ("on",), ("",), ("on",), ("UTC",)]
    assert folded == ("é",)


def test_the_program_is_no_superuser_of_its_database(quiet_home: Path) -> None:
    with psycopg.connect(embedded.ensure(quiet_home)) as connection:
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)


def test_programs_that_start_at_once_share_one_server(home: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", ENSURE, home], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    urls = {process.communicate(timeout=60)[0] for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len(urls) == 1
    assert servers_of(home) == [postmaster(home)]


def servers_of(home: Path) -> list[int]:
    """Postmasters at work in this cluster: processes there whose parent is not there."""
    data = (home / "postgresql/data").resolve()
    ours = {process.pid: process.ppid() for process in psutil.process_iter() if working_folder(process) == data}
    return [pid for pid, parent in ours.items() if parent not in ours]


def working_folder(process: psutil.Process) -> Path | None:
    try:
        return Path(process.cwd())
    except psutil.Error:
        return None


def test_the_server_outlives_a_killed_program_and_is_found_again(home: Path) -> None:
    code = ENSURE + "; import time; time.sleep(60)"
    program = subprocess.Popen([sys.executable, "-c", code, home], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    url = program.stdout.readline().strip()
    write_row(url)
    server = postmaster(home)
    program.kill()
    program.communicate()
    assert embedded.ensure(home) == url
    assert postmaster(home) == server
    assert rows(url) == [("رضا",)]


def test_the_server_has_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it(home: Path) -> None:
    embedded.ensure(home)
    assert os.getsid(postmaster(home)) != os.getsid(0)


def test_a_killed_server_comes_back_with_what_was_committed(home: Path) -> None:
    write_row(embedded.ensure(home))
    killed = postmaster(home)
    os.kill(killed, signal.SIGKILL)
    url = embedded.ensure(home)
    assert postmaster(home) != killed
    assert rows(url) == [("رضا",)]


def test_a_stale_number_that_belongs_to_another_living_process_is_no_obstacle(home: Path) -> None:
    """After a reboot the number in postmaster.pid may be anybody's, even ours. PostgreSQL alone would refuse."""
    url = embedded.ensure(home)
    write_row(url)
    mark = home / "postgresql/data/postmaster.pid"
    lines = mark.read_text().splitlines()
    embedded.stop(home)
    bystander = subprocess.Popen(
        ["sleep", "60"], user=(home / "postgresql/data").stat().st_uid if os.geteuid() == 0 else None
    )
    try:
        mark.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
        assert rows(embedded.ensure(home)) == [("رضا",)]
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_kill_in_the_middle_of_initdb_leaves_nothing_in_the_way(home: Path) -> None:
    embedded.ensure(home)
    embedded.stop(home)
    (home / "postgresql/data").rename(home / "postgresql/data.draft")
    (home / "postgresql/data.draft/PG_VERSION").unlink()
    write_row(embedded.ensure(home))
    assert not (home / "postgresql/data.draft").exists()


def test_stop_ends_it_in_order_and_a_second_stop_does_nothing(home: Path) -> None:
    url = embedded.ensure(home)
    server = postmaster(home)
    embedded.stop(home)
    embedded.stop(home)
    wait_until_gone(server)
    assert not Path(f"/proc/{server}").exists()
    assert "database system is shut down" in (home / "postgresql/run/server.log").read_text()
    with pytest.raises(DatabaseAway):
        embedded.check(url)


def test_stop_of_a_home_that_never_was_does_nothing(tmp_path: Path) -> None:
    embedded.stop(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_the_operators_own_settings_are_kept(home: Path) -> None:
    embedded.ensure(home)
    embedded.stop(home)
    (home / "postgresql/local.conf").write_text("work_mem = 7MB\n")
    (home / "postgresql/local.conf").chmod(0o644)
    with psycopg.connect(embedded.ensure(home)) as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("7MB",)


def test_addresses_of_people_stay_out_of_the_servers_log(quiet_home: Path) -> None:
    with psycopg.connect(embedded.ensure(quiet_home), autocommit=True) as connection:
        connection.execute("CREATE TABLE person (address text UNIQUE)")
        insert = "INSERT INTO person VALUES ('alice@example.org')"
        connection.execute(insert)
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(insert)
    log = (quiet_home / "postgresql/run/server.log").read_text()
    assert "duplicate key" in log
    assert "alice" not in log


def test_other_databases_can_be_made_and_dropped(quiet_home: Path) -> None:
    url = embedded.ensure(quiet_home)
    other = embedded.create_database(url, "other one")
    write_row(other)
    assert rows(other) == [("رضا",)]
    embedded.drop_database(url, "other one")
    with pytest.raises(DatabaseAway, match="does not exist"):
        embedded.check(other)


# --- which database -------------------------------------------------------------------------------------------------


def test_database_url_comes_first_and_starts_nothing(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgresql://u:p@db.example:6000/name?sslmode=require", "RIDA_HOME": str(tmp_path / "h")}
    assert embedded.database_url(given) == given["DATABASE_URL"]
    assert embedded.django_database(given) == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "name",
        "USER": "u",
        "PASSWORD": "p",
        "HOST": "db.example",
        "PORT": "6000",
        "OPTIONS": {"sslmode": "require"},
    }
    assert not (tmp_path / "h").exists()


def test_without_database_url_django_gets_the_homes_socket(quiet_home: Path) -> None:
    settings = embedded.django_database({"RIDA_HOME": str(quiet_home)})
    assert (settings["NAME"], settings["USER"]) == ("rida", "rida")
    assert settings["HOST"] == str((quiet_home / "postgresql/run").resolve())


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "u:secret@host"])
def test_a_database_url_of_another_kind_is_refused_without_repeating_the_password(url: str) -> None:
    with pytest.raises(SettingError, match="DATABASE_URL") as caught:
        embedded.django_database({"DATABASE_URL": url})
    assert "secret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_named_as_such() -> None:
    with pytest.raises(DatabaseAway, match="does not answer"):
        embedded.check("postgresql://nobody@127.0.0.1:1/none")


def test_a_database_that_is_not_utf_8_is_refused(quiet_home: Path) -> None:
    url = embedded.ensure(quiet_home)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE old ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0"
        )
    with pytest.raises(StorageError, match="SQL_ASCII"):
        embedded.check(embedded.with_database(url, "old"))
    embedded.check(url)


def test_the_default_home_depends_on_who_we_are() -> None:
    expected = Path("/var/lib/rida") if os.geteuid() == 0 else Path.home() / ".rida"
    assert embedded.home({}) == expected
    assert embedded.home({"RIDA_HOME": "/srv/mail"}) == Path("/srv/mail")
