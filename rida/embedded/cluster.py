"""One PostgreSQL server of ours in one folder: make it, start it, stop it.

    folder/   postgresql.conf, pg_hba.conf, pg_ident.conf    written by us at each start; root's when we are root
              local.conf                                     the operator's own settings, if there is one
              data/                                          the cluster, 0700
              run/                                           socket and server.log, 0700

Nobody but the owner and ourselves can connect: no TCP, a folder that others cannot enter, and `peer` behind that. The
settings stay out of data/: as root we write no file into a folder of a less trusted user, who could plant a link there.
"""

import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.pq import PGconn, Ping

from rida.embedded.owner import Owner
from rida.embedded.programs import Programs
from rida.kernel.clock import elapsed_seconds
from rida.kernel.errors import DatabaseAway, DiskFull, StorageError

ROLE = "rida"
"""Whom the program connects as: may make databases, is no superuser, so that no SQL of ours can run a program."""
_ADMIN = "rida_admin"
_PORT = 5432  # part of the socket's name only
_SOCKET_PATH_BYTES = 103 if sys.platform == "darwin" else 107  # sockaddr_un.sun_path less its final zero
_START_SECONDS = 300  # recovery after a crash replays up to a gigabyte of journal
_LOG_BYTES = 10_000_000

_SETTINGS = """\
# Written by Rida at each start. Put your own settings into local.conf, beside this file.
listen_addresses = ''
port = {port}
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 128MB
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_checkpoints = off
# Rows hold people's addresses: no statement and no DETAIL line goes into the log.
log_min_error_statement = panic
log_error_verbosity = terse
include_if_exists 'local.conf'
"""

# The server says these while it is, or its children are, about to end: trying again helps.
_STILL_ENDING = re.compile(r"pre-existing shared memory block|lock file \S+ already exists")
_TELLING = re.compile(r"FATAL|PANIC|error:|could not|unrecognized|invalid value|syntax error|No space")
_LOG_PREFIX = re.compile(r"^[-\d]+ [:.\d]+ \S+ \[\d+\] ")
_NO_ROOM = re.compile(r"No space left on device|[Dd]isk quota exceeded|File too large")


@dataclass(frozen=True, slots=True)
class Cluster:
    folder: Path
    owner: Owner

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def log(self) -> Path:
        return self.run / "server.log"

    def major(self) -> int | None:
        """The version that wrote the data; None when there are none yet."""
        mark = self.data / "PG_VERSION"
        return int(mark.read_text()) if mark.exists() else None

    def url(self, database: str, role: str = ROLE) -> str:
        return f"postgresql://{role}@/{quote(database, safe='')}?host={quote(str(self.run), safe='')}&port={_PORT}"

    def ping(self) -> Ping:
        return Ping(PGconn.ping(self.url("postgres").encode()))

    def check_socket_path(self) -> None:
        """Raises StorageError for a path that no socket address can hold, or that libpq takes for several."""
        path = self.run / f".s.PGSQL.{_PORT}"
        if "," in str(path):
            raise StorageError(reason=f"the path {path} holds a comma; set RIDA_HOME to a folder without one")
        if len(os.fsencode(path)) > _SOCKET_PATH_BYTES:
            reason = f"the path {path} is longer than {_SOCKET_PATH_BYTES} bytes; set RIDA_HOME to a shorter folder"
            raise StorageError(reason=reason)

    def start(self, programs: Programs) -> None:
        """Make the cluster if there is none, and come back when it answers. Raises StorageError, DiskFull."""
        self._refuse_unreachable()
        try:
            self._prepare(programs)
        except OSError as error:
            raise failure(str(error)) from error
        deadline = elapsed_seconds() + _START_SECONDS
        while self.ping() is not Ping.OK:
            if self.ping() is Ping.NO_RESPONSE:
                self._try_to_start(programs, last_time=elapsed_seconds() > deadline)
            elif elapsed_seconds() > deadline:
                raise DatabaseAway(reason=f"it has been starting for {_START_SECONDS} s; see {self.log}")
            time.sleep(0.1)

    def stop(self, programs: Programs) -> None:
        """An orderly end: clients are sent away, the journal is closed. Raises StorageError."""
        if not self.is_running():
            return
        answer = self.owner.run(
            *(programs / "pg_ctl", "stop", "-D", self.data, "-m", "fast", "-w", "-t", "60"),
            folder=self.folder,
            seconds=90,
        )
        if answer.returncode and self.is_running():
            raise failure(answer.stderr + answer.stdout)

    def is_running(self) -> bool:
        if self.ping() is not Ping.NO_RESPONSE:
            return True
        return (self.data / "postmaster.pid").exists() and any(self._living())

    def ensure_database(self, name: str) -> None:
        """The role and the database, if they are missing. Raises DatabaseAway."""
        try:
            with psycopg.connect(self.url("postgres", _ADMIN), autocommit=True, connect_timeout=10) as admin:
                if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                    admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(ROLE)))
                if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                    words = sql.SQL("CREATE DATABASE {} OWNER {}")
                    admin.execute(words.format(sql.Identifier(name), sql.Identifier(ROLE)))
        except psycopg.OperationalError as error:
            raise DatabaseAway(reason=str(error).strip()) from error

    # --- making ---

    def _refuse_unreachable(self) -> None:
        if not self.owner.reaches(self.folder):
            reason = (
                f"the user {self.owner.name}, who runs PostgreSQL for root, cannot enter {self.folder}; "
                f"let him pass (chmod o+x on the folders above it) or set RIDA_HOME to another folder"
            )
            raise StorageError(reason=reason)

    def _prepare(self, programs: Programs) -> None:
        if self.major() is None:
            self._make(programs)
        if not self.run.exists():
            self.run.mkdir(mode=0o700)
            self.owner.own(self.run)
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        self._write_settings()

    def _make(self, programs: Programs) -> None:
        """initdb into a draft, renamed when whole: a kill in the middle leaves nothing that looks like a cluster."""
        draft = self.folder / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self.owner.own(draft)
        options = ("--username", _ADMIN, "--auth", "peer", "--encoding", "UTF8", "--data-checksums", *_locale(programs))
        answer = self.owner.run(programs / "initdb", "-D", draft, *options, folder=self.folder, seconds=_START_SECONDS)
        if answer.returncode:
            shutil.rmtree(draft, ignore_errors=True)
            raise failure(answer.stderr)
        draft.rename(self.data)
        _flush(self.folder)

    def _write_settings(self) -> None:
        users = {self.owner.name, "root"} if self.owner.is_somebody_else else {self.owner.name}
        identities = (f'ours "{user}" {role}\n' for user in sorted(users) for role in (ROLE, _ADMIN))
        self._write("postgresql.conf", _SETTINGS.format(port=_PORT))
        self._write("pg_hba.conf", "local all all peer map=ours\n")
        self._write("pg_ident.conf", "".join(identities))

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        if self.owner.is_somebody_else:
            os.chown(path, -1, self.owner.gid)
        path.chmod(0o640)

    # --- starting ---

    def _try_to_start(self, programs: Programs, *, last_time: bool) -> None:
        """One `pg_ctl start`, which leaves the server in a session of its own. Raises unless trying again can help."""
        self._forget_dead_server()
        before = self.log.stat().st_size if self.log.exists() else 0
        # Relative, because pg_ctl puts them through a shell; our working folder is theirs.
        files = "-c config_file=postgresql.conf -c hba_file=pg_hba.conf -c ident_file=pg_ident.conf -k ../run"
        answer = self.owner.run(
            *(programs / "pg_ctl", "start", "-D", "data", "-l", "run/server.log", "-o", files),
            *("-w", "-t", str(_START_SECONDS)),
            folder=self.folder,
            seconds=_START_SECONDS + 60,
        )
        if answer.returncode == 0:
            return
        said = self._said_since(before) or answer.stderr + answer.stdout
        if last_time or not _STILL_ENDING.search(said):
            raise failure(said)

    def _said_since(self, position: int) -> str:
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(position)
            return log.read(20_000).decode(errors="replace")

    def _forget_dead_server(self) -> None:
        """Remove a postmaster.pid whose number belongs to somebody else by now, or to a zombie nobody waits for.

        PostgreSQL takes any living process of that number for a postmaster and would not start. It is removed only
        when no process at all works in the data folder, for children may outlive a killed postmaster for a moment.
        """
        mark = self.data / "postmaster.pid"
        if Path("/proc/self/cwd").exists() and mark.exists() and not any(self._living()):
            mark.unlink(missing_ok=True)

    def _living(self) -> Iterator[str]:
        """Working folders of the processes that use our data. Read as the owner: without CAP_SYS_PTRACE (a container)
        root may not look at other users' processes."""
        answer = self.owner.run("sh", "-c", "readlink /proc/[0-9]*/cwd", folder=Path("/"))
        return (line for line in answer.stdout.splitlines() if line == str(self.data))


def _locale(programs: Programs) -> tuple[str, ...]:
    """Code-point order everywhere and Unicode case rules, whatever the machine has installed."""
    if programs.major >= 17:
        return ("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8")
    return ("--locale", "C.UTF-8")


def _flush(folder: Path) -> None:
    """The rename itself must survive a power cut; initdb flushes only what is inside."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def failure(said: str) -> StorageError:
    """The error for what a program said: the lines that name a reason, else the last ones."""
    lines = [_LOG_PREFIX.sub("", line).strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.search(line)] or lines[-3:]
    reason = " ".join(telling[:3]) or "its programs ended without a word"
    return DiskFull(reason=reason) if _NO_ROOM.search(said) else StorageError(reason=reason)
