"""Files of imports on disk: stored privately, read as text, and the report of refused rows beside them."""

import csv
import errno
import hashlib
import io
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from django.conf import settings

from rida.audience.charset import Survey
from rida.audience.reasons import REASONS
from rida.audience.table import Refused
from rida.kernel.errors import DiskFull

_PIECE = 256 * 1024
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Numbers of the errors that a disk without room gives."""


@dataclass(frozen=True, slots=True)
class Stored:
    path: Path
    size: int
    sha256: bytes
    charset: str


def folder() -> Path:
    """Where imports lie; only this user looks in, for these are other people's addresses."""
    made: Path = settings.HOME / "imports"
    made.mkdir(parents=True, exist_ok=True, mode=0o700)
    return made


def megabytes_left() -> int:
    return shutil.disk_usage(folder()).free >> 20


@contextmanager
def room_on_disk(*written: Path) -> Iterator[None]:
    """Tells a full disk by its name, and takes back what was `written` in part."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        for path in written:
            path.unlink(missing_ok=True)
        raise DiskFull(reason=error.strerror) from error


def store(source: BinaryIO | Path) -> Stored:
    """Copy a file into the folder, whole or not at all. Raises DiskFull, FileNotText."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            return store(file)
    path = folder() / f"{secrets.token_hex(12)}.csv"
    with room_on_disk(path), _private(path) as out:
        size, digest, survey = _copy(source, out)
    try:
        return Stored(path, size, digest, survey.charset())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _copy(source: BinaryIO, out: BinaryIO) -> tuple[int, bytes, Survey]:
    size, digest, survey = 0, hashlib.sha256(), Survey()
    while piece := source.read(_PIECE):
        out.write(piece)
        digest.update(piece)
        survey.feed(piece)
        size += len(piece)
    out.flush()
    os.fsync(out.fileno())
    return size, digest.digest(), survey


def charset_of(path: Path) -> str:
    """Looks at every byte, half a second for 100 MB. Raises FileNotText."""
    survey = Survey()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            survey.feed(piece)
    return survey.charset()


def as_text(file: BinaryIO, charset: str) -> TextIO:
    """Line ends as they are. Wrong bytes become U+FFFD, and `table` refuses the rows that hold one."""
    return io.TextIOWrapper(file, encoding=charset, errors="replace", newline="")


def first_lines(path: Path, charset: str, count: int = 20) -> list[str]:
    with path.open("rb") as file:
        text = as_text(file, charset)
        return [line for line in (text.readline(64 * 1024) for _ in range(count)) if line]


# --- report ---------------------------------------------------------------------------------------------------------

REPORT_COLUMNS = ("line", "reason", "explanation", "السبب")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


class Report:
    """Refused rows as a table that a spreadsheet opens: the line, why in both languages, and the row as it came."""

    def __init__(self, out: TextIO, headers: Sequence[str]) -> None:
        self._writer = csv.writer(out, lineterminator="\r\n")
        self._writer.writerow([*REPORT_COLUMNS, *map(harmless, headers)])

    def add(self, refused: Refused) -> None:
        english, arabic = REASONS[refused.code]
        self._writer.writerow([refused.line, refused.code, english, arabic, *map(harmless, refused.cells)])


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (CWE-1236): an apostrophe in front makes it text."""
    plain = cell.replace("\x00", "\ufffd")
    return f"'{plain}" if plain.lstrip(" \u00a0\ufeff").startswith(_FORMULA) else plain


def report_path(import_id: int) -> Path:
    return folder() / f"{import_id}-refused.csv"


@contextmanager
def report(import_id: int, headers: Sequence[str]) -> Iterator[Report]:
    """Written anew on every run. The byte order mark tells Excel that it is UTF-8. Raises DiskFull."""
    path = report_path(import_id)
    with room_on_disk(path):
        path.unlink(missing_ok=True)
        with io.TextIOWrapper(_private(path), encoding="utf-8-sig", newline="") as out:
            yield Report(out, headers)
