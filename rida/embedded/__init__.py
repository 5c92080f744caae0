"""PostgreSQL: DATABASE_URL, else the wheel's programs, else the system's.

Without DATABASE_URL one real server belongs to each home. It outlives the program that started it, also by SIGKILL;
several programs of one home share it; `stop` ends it.
"""

import fcntl
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Ping

from rida.embedded import owner as owners
from rida.embedded import programs
from rida.embedded.cluster import Cluster
from rida.embedded.owner import Owner
from rida.kernel.clock import elapsed_seconds
from rida.kernel.errors import DatabaseAway, SettingError, StorageError

__all__ = [
    "check",
    "connect",
    "create_database",
    "database_url",
    "django_database",
    "drop_database",
    "ensure",
    "home",
    "make_home",
    "remove",
    "stop",
    "with_database",
]

ROOT_HOME = Path("/var/lib/rida")
_DATABASE = "rida"
_LOCK_SECONDS = 600  # the holder may be replaying a long journal


# --- the home -------------------------------------------------------------------------------------------------------


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """RIDA_HOME, absolute; default ~/.rida, as root /var/lib/rida. Nothing is made."""
    if given := environ.get("RIDA_HOME"):
        return Path(given).expanduser().absolute()
    return ROOT_HOME if os.geteuid() == 0 else Path.home() / ".rida"


def make_home(folder: Path) -> None:
    """Make the home, private; as root the server's user may walk through. Folders that exist keep their mode.

    Raises StorageError where no folder can be made, or where others could put things into it.
    """
    _make_home(folder, owners.find())


def _make_home(folder: Path, owner: Owner) -> None:
    try:
        folder.mkdir(parents=True, mode=0o700, exist_ok=folder == ROOT_HOME)
        owner.let_pass(folder)
    except FileExistsError as error:
        if not folder.is_dir():
            raise StorageError(reason=f"{folder} is not a folder; set RIDA_HOME to another one") from error
        _refuse_strangers(folder)
    except OSError as error:
        reason = f"the folder {folder} cannot be made ({error.strerror}); set RIDA_HOME to one that you may write to"
        raise StorageError(reason=reason) from error


def _refuse_strangers(folder: Path) -> None:
    """In somebody else's folder a link could lie where we write, and as root we would write wherever it leads.

    Asked of a link itself, not of where it leads. Raises StorageError.
    """
    found = folder.lstat()
    if found.st_uid not in (0, os.geteuid()):
        reason = f"{folder} belongs to user number {found.st_uid}; make it yours (chown), or set RIDA_HOME to another"
        raise StorageError(reason=reason)
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_IWOTH:
        raise StorageError(reason=f"everybody may write to {folder}; set RIDA_HOME to a folder of its own")


# --- the server -----------------------------------------------------------------------------------------------------


def ensure(folder: Path) -> str:
    """URL of this home's server, which is made and started if need be. Takes 1 s the first time, 0.02 s when it runs.

    Raises StorageError (no programs, too old, path too long, folder out of reach), DiskFull, DatabaseAway.
    """
    owner = owners.find()
    _make_home(folder, owner)
    with _alone(folder):
        cluster = Cluster(_place(folder, owner), owner)
        cluster.check_socket_path()
        if cluster.ping() is not Ping.OK:
            cluster.start(programs.find(owner, _shared_programs(owner), cluster.major()))
        cluster.ensure_database(_DATABASE)
        return cluster.url(_DATABASE)


def stop(folder: Path) -> None:
    """End this home's server in an orderly way; its clients lose their connections. No server: nothing happens."""
    if not (folder / "postgresql").exists():
        return
    owner = owners.find()
    with _alone(folder):
        cluster = Cluster(_place(folder, owner), owner)
        if cluster.is_running():
            cluster.stop(programs.find(owner, _shared_programs(owner), cluster.major()))


def remove(folder: Path) -> None:
    """Stop the server and delete the home with everything in it. For demonstrations and tests."""
    stop(folder)
    link = folder / "postgresql"
    if link.is_symlink():
        shutil.rmtree(link.resolve())
    shutil.rmtree(folder, ignore_errors=not folder.exists())


def _place(folder: Path, owner: Owner) -> Path:
    """Where the cluster lies: in the home, or behind a link from there when root's server cannot walk into the home.

    So it is with a home under /root or in a private folder of /tmp: we open no folder that we did not make, and the
    cluster goes to /var/lib/rida/clusters. The link, not a rule, remembers it: modes may change, data must not vanish.
    """
    link = folder / "postgresql"
    if link.is_symlink():
        _refuse_strangers(link)
    if link.is_symlink() and not link.exists():
        reason = f"{link} points to {link.readlink()}, which is gone; bring it back, or delete the link to start empty"
        raise StorageError(reason=reason)
    if not link.exists():
        _make_place(link, owner)
    return link.resolve()


def _make_place(link: Path, owner: Owner) -> None:
    if owner.reaches(link.parent):
        _make_home(link, owner)
        return
    _make_home(ROOT_HOME, owner)
    clusters = ROOT_HOME / "clusters"
    _make_home(clusters, owner)
    target = clusters / secrets.token_hex(6)
    _make_home(target, owner)
    link.symlink_to(target)


def _shared_programs(owner: Owner) -> Path:
    """Where copies of programs go that the server's user cannot reach; only root needs it."""
    folder = ROOT_HOME / "programs"
    if owner.is_somebody_else:
        _make_home(ROOT_HOME, owner)
        _make_home(folder, owner)
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One program of this home at a time. The lock goes with the process, so a kill leaves none behind."""
    with (folder / "postgresql.lock").open("w") as file:
        deadline = elapsed_seconds() + _LOCK_SECONDS
        while not _locked(file.fileno()):
            if elapsed_seconds() > deadline:
                reason = f"another Rida has been starting it for {_LOCK_SECONDS} s and holds {file.name}"
                raise DatabaseAway(reason=reason)
            time.sleep(0.02)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# --- addresses of databases -----------------------------------------------------------------------------------------


def database_url(environ: Mapping[str, str] = os.environ) -> str:
    """DATABASE_URL as it is given, else the URL of the home's own server, started if need be."""
    return environ.get("DATABASE_URL") or ensure(home(environ))


def django_database(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The same as Django wants it. Raises SettingError for a URL that is none of PostgreSQL's."""
    parts = _parts(database_url(environ))
    named = {key.upper(): str(parts.pop(key, "")) for key in ("user", "password", "host", "port")}
    name = str(parts.pop("dbname", "")) or named["USER"]
    return {"ENGINE": "django.db.backends.postgresql", "NAME": name, **named, "OPTIONS": parts}


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return make_conninfo(**{**_parts(url), "dbname": name})


def create_database(url: str, name: str) -> str:
    """Make an empty database on the server of `url`; its address. Raises psycopg.errors.DuplicateDatabase."""
    _administer(url, sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    return with_database(url, name)


def drop_database(url: str, name: str) -> None:
    """Delete a database that `create_database` made, whoever is connected."""
    _administer(url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def check(url: str) -> None:
    """Whether the server can be used: it answers, is new enough and holds UTF-8. Raises DatabaseAway, StorageError."""
    with connect(url) as connection:
        major = connection.info.server_version // 10_000
        encoding = connection.info.parameter_status("server_encoding")
    if major < programs.OLDEST:
        raise StorageError(reason=f"it is PostgreSQL {major}; use {programs.OLDEST} or newer")
    if encoding != "UTF8":
        raise StorageError(reason=f"it is encoded in {encoding}; make it with CREATE DATABASE … ENCODING 'UTF8'")


def _administer(url: str, statement: sql.Composed) -> None:
    with connect(url) as connection:
        connection.autocommit = True
        connection.execute(statement)


def connect(url: str) -> psycopg.Connection[Any]:
    """Raises DatabaseAway."""
    try:
        return psycopg.connect(make_conninfo(**{"connect_timeout": 10, **_parts(url)}))
    except psycopg.OperationalError as error:
        raise DatabaseAway(reason=str(error).strip()) from error


def _parts(url: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        # Not libpq's own words: they would repeat the password.
        reason = "it must read like postgresql://user:password@host:5432/database"
        raise SettingError(name="DATABASE_URL", reason=reason) from None
