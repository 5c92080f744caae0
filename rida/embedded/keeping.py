"""A backup: one private file that holds a dump of the database and the home's secret.

PostgreSQL's own programs do the work. The file is a ZIP archive, because its list comes last and every part has a
checksum: a file that was cut off, or changed, is known before anything is replaced.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from rida import embedded
from rida.embedded import programs
from rida.embedded.cluster import failure
from rida.kernel.clock import elapsed_seconds
from rida.kernel.errors import BackupUnfit, DatabaseInUse, StorageError

_FACTS, _SECRET, _DUMP = "rida.json", "secret", "database.dump"
_PIECE = 1024 * 1024
_UNDO_SECONDS = 10.0

# What pg_restore --clean would leave: things that the dump does not know, made since. Extensions stay.
_EMPTY = """
DO $$ DECLARE everything text; BEGIN
    SELECT string_agg(format('DROP %s IF EXISTS %s CASCADE', thing.kind, thing.name), '; ') INTO everything FROM (
        SELECT 'TABLE' AS kind, c.oid::regclass::text AS name, c.oid FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        UNION ALL SELECT 'ROUTINE', p.oid::regprocedure::text, p.oid FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
        UNION ALL SELECT 'TYPE', t.oid::regtype::text, t.oid FROM pg_type t
        WHERE t.typnamespace = 'public'::regnamespace AND (t.typtype IN ('e', 'd')
            OR t.typrelid IN (SELECT c.oid FROM pg_class c WHERE c.relkind = 'c'))) thing
    WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = thing.oid AND d.deptype = 'e');
    IF everything IS NOT NULL THEN EXECUTE everything; END IF;
END $$;
"""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup says of itself. secret: empty where it came from the environment, and is the operator's to keep."""

    file: Path
    facts: Mapping[str, Any]
    secret: str


# --- writing ----------------------------------------------------------------------------------------------------------


def write(file: Path, url: str, facts: Mapping[str, Any], secret: str) -> None:
    """Dump the database of `url` into `file`, which appears when it is whole, and takes the place of an older one.

    Raises StorageError, DiskFull, DatabaseAway.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            _fill(out, url, facts, secret)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    except OSError as error:
        raise failure(f"{file}: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _fill(out: IO[bytes], url: str, facts: Mapping[str, Any], secret: str) -> None:
    major = _server_major(url)
    with ZipFile(out, "w") as box:
        box.writestr(_FACTS, json.dumps({**facts, "postgresql": major}))
        if secret:
            box.writestr(_SECRET, secret)
        with box.open(_DUMP, "w", force_zip64=True) as entry:
            _dump(url, programs.clients(major) / "pg_dump", entry)


def _dump(url: str, pg_dump: Path, entry: IO[bytes]) -> None:
    command = [str(pg_dump), "--format=custom", "--no-owner", "--no-privileges"]
    with _running(command, url, stdout=subprocess.PIPE) as (process, said):
        shutil.copyfileobj(_pipe(process.stdout), entry, _PIECE)
        if process.wait():
            raise failure(_words(said))


# --- reading ----------------------------------------------------------------------------------------------------------


def read(file: Path) -> Backup:
    """Raises BackupUnfit: there is none, it is no backup, it was cut off."""
    try:
        with ZipFile(file) as box:
            facts = json.loads(box.read(_FACTS))
            (facts["postgresql"], box.getinfo(_DUMP))
            secret = box.read(_SECRET).decode() if _SECRET in box.namelist() else ""
    except OSError as error:
        raise BackupUnfit(file=file, reason=error.strerror or str(error)) from error
    except (BadZipFile, KeyError, ValueError) as error:
        raise BackupUnfit(file=file, reason="it is no backup of Rida, or it was cut off") from error
    return Backup(file, facts, secret)


def load(backup: Backup, url: str, afterwards: str) -> None:
    """Put the backup in the place of everything in the database, and run `afterwards` (SQL), in one transaction.

    Raises BackupUnfit, DatabaseInUse, StorageError, DiskFull, DatabaseAway; the database is as it was then.
    """
    major = _server_major(url)
    if backup.facts["postgresql"] > major:
        reason = f"it was made by PostgreSQL {backup.facts['postgresql']}, and this server is {major}"
        raise BackupUnfit(file=backup.file, reason=reason)
    tools = programs.clients(major)
    _refuse_others(url)
    command = [str(tools / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse", "-f", "-"]
    try:
        with _running(command, url, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as (psql, said):
            try:
                with _pipe(psql.stdin) as script:
                    _play(script, backup, tools / "pg_restore", said, afterwards)
            except BrokenPipeError:
                psql.wait()  # it ended first, and said why
            if psql.wait():
                raise failure(_words(said))
    except Exception:
        _wait_until_undone(url)
        raise


def _play(script: IO[bytes], backup: Backup, pg_restore: Path, said: IO[bytes], afterwards: str) -> None:
    """Without COMMIT as its last word psql undoes everything, whatever came in between."""
    script.write(f"SET client_min_messages = warning;\nBEGIN;\n{_EMPTY}\n".encode())
    script.flush()
    command = [str(pg_restore), "--no-owner", "--no-privileges", "-f", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=script, stderr=said) as restore:
        with _pipe(restore.stdin) as archive:
            _copy_dump(backup, archive)
        if restore.wait():
            raise failure(_words(said))
    script.write(f"\n{afterwards}\nCOMMIT;\n".encode())


def _copy_dump(backup: Backup, archive: IO[bytes]) -> None:
    try:
        with ZipFile(backup.file) as box, box.open(_DUMP) as dump:
            shutil.copyfileobj(dump, archive, _PIECE)
    except BadZipFile as error:
        raise BackupUnfit(file=backup.file, reason="it was changed since it was made") from error


def _wait_until_undone(url: str) -> None:
    """psql is gone, but its server process may still be at it, and would stand in the way of whoever comes next."""
    deadline = elapsed_seconds() + _UNDO_SECONDS
    with suppress(StorageError):  # it may be the server that went away
        while _others(url) and elapsed_seconds() < deadline:
            time.sleep(0.05)


def _refuse_others(url: str) -> None:
    """A worker that goes on would hold outcomes of volleys that are not there any more."""
    if count := _others(url):
        raise DatabaseInUse(count=count)


def _others(url: str) -> int:
    with embedded.connect(url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        ).fetchone()
    return int(found[0]) if found else 0


# --- programs ---------------------------------------------------------------------------------------------------------


def _server_major(url: str) -> int:
    with embedded.connect(url) as connection:
        return connection.info.server_version // 10_000


@contextmanager
def _running(
    command: Sequence[str | Path], url: str, **streams: int
) -> Iterator[tuple["subprocess.Popen[bytes]", IO[bytes]]]:
    """A program with its words in a file. Left by an exception, it is ended. The password is not for `ps` to see."""
    parts: dict[str, Any] = dict(conninfo_to_dict(url))
    password = parts.pop("password", None)
    environment = {**os.environ, "LC_ALL": "C"} | ({"PGPASSWORD": str(password)} if password else {})
    with tempfile.TemporaryFile() as said:
        full = [*map(str, command), "--dbname", make_conninfo(**parts)]
        with subprocess.Popen(full, env=environment, stderr=said, **streams) as process:  # type: ignore[call-overload]
            try:
                yield process, said
            except BaseException:
                process.kill()
                raise


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None, "asked for with PIPE"
    return stream


def _words(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read(20_000).decode(errors="replace")
