"""Which user of the operating system runs the server.

Ourselves; but PostgreSQL refuses to run as root, so root hands it to a system user of its own who owns nothing else. A
user shared with other programs (`nobody`) could be read, and stopped, by each of them.
"""

import os
import pwd
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rida.kernel.errors import StorageError

SYSTEM_USER = "rida-db"
_PLAIN_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""Nothing of ours: a stray PGDATA or PGPORT would move the server, and errors must come in English to be read."""


@dataclass(frozen=True, slots=True)
class Owner:
    name: str
    uid: int
    gid: int

    @property
    def is_somebody_else(self) -> bool:
        return self.uid != os.geteuid()

    def run(self, *command: str | Path, folder: Path, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command as this user, in a session of its own, so that a Ctrl-C at our terminal does not reach it."""
        return subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env=_PLAIN_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            start_new_session=True,
            umask=0o077,
            check=False,
            **self._identity(),
        )

    def reaches(self, path: Path) -> bool:
        """Whether every folder on the way lets this user pass. Asked of the system, which knows about ACLs too."""
        if not self.is_somebody_else:
            return True
        return self.run("test", "-x", path, folder=Path("/")).returncode == 0

    def own(self, path: Path) -> None:
        if self.is_somebody_else:
            os.chown(path, self.uid, self.gid)

    def let_pass(self, folder: Path) -> None:
        """Root keeps the folder; this user alone may walk through it, and may not list it."""
        if self.is_somebody_else:
            os.chown(folder, -1, self.gid)
            folder.chmod(0o710)

    def _identity(self) -> Mapping[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_somebody_else else {}


def find() -> Owner:
    """The user who runs the server; made by `useradd` when root needs it for the first time. Raises StorageError."""
    if os.geteuid() != 0:
        return _ourselves(os.geteuid())
    try:
        return _named(SYSTEM_USER)
    except KeyError:
        return _created(SYSTEM_USER)


def _named(name: str) -> Owner:
    entry = pwd.getpwnam(name)
    return Owner(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _ourselves(uid: int) -> Owner:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:  # `docker run --user 1234`: neither initdb nor peer authentication works without a name
        reason = f"user number {uid} has no name in /etc/passwd; add one, or set DATABASE_URL to a PostgreSQL server"
        raise StorageError(reason=reason) from error
    return Owner(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _created(name: str) -> Owner:
    options = ("--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent")
    command = ["useradd", *options, "--shell", "/usr/sbin/nologin", name]
    try:
        subprocess.run(command, capture_output=True, text=True, check=False)
        return _named(name)  # whatever useradd answered: another process may have been first
    except (OSError, KeyError) as error:
        reason = (
            f"PostgreSQL does not run as root, and the system user {name} could not be made; "
            f"run “useradd --system {name}”, or run Rida as a plain user, or set DATABASE_URL"
        )
        raise StorageError(reason=reason) from error
