"""Text lines to rows of cells, each with its place in the file. Pure; one row at a time is in memory.

A quotation mark that is opened and not closed would swallow the rows behind it. Within a few lines it shows (the next
mark stands where none may), and every swallowed line is refused by itself; over more than 128 KB the file is no table.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rida.audience.columns import DELIMITERS, delimiter_of
from rida.kernel.errors import FileEmpty, FileNotTable

MAX_LINE = 1024 * 1024  # letters; longer is no line of people
MAX_COLUMNS = 1_000
"""More are no columns of people either, and looking for doubled names would take minutes."""
SUSPECT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
"""Control characters, and the sign that decoding puts where bytes are no letter."""


class Row(NamedTuple):
    line: int
    """Where the row begins, from 1."""
    cells: list[str]


class Refused(NamedTuple):
    line: int
    code: str
    """A key of reasons.REASONS."""
    cells: list[str]


@dataclass(slots=True)
class _Tap:
    """Hands lines to the parser and remembers those of the row in work."""

    readline: Callable[[int], str]
    row: list[str] = field(default_factory=list)
    count: int = 0

    def __iter__(self) -> "_Tap":
        return self

    def __next__(self) -> str:
        line = self.readline(MAX_LINE)
        if not line:
            raise StopIteration
        self.count += 1
        if len(line) == MAX_LINE and line[-1] not in "\r\n":
            raise FileNotTable(line=self.count, detail="line_too_long")
        self.row.append(line)
        return line


class Table:
    """`headers`, then `rows()`. `readline` is a text file's, opened with newline=""."""

    def __init__(self, readline: Callable[[int], str], delimiter: str) -> None:
        """Raises FileEmpty, FileNotTable."""
        self._tap = _Tap(readline)
        self._reader = csv.reader(self._tap, delimiter=delimiter, strict=True)
        self.headers = self._read_headers()

    def _read_headers(self) -> list[str]:
        for row in self.rows():
            if isinstance(row, Refused):
                raise FileNotTable(line=row.line, detail=row.code)
            if len(row.cells) > MAX_COLUMNS:
                raise FileNotTable(line=row.line, detail="too_many_columns")
            if not _is_hint(row.cells):
                return [cell.strip() for cell in row.cells]
        raise FileEmpty

    def rows(self) -> Iterator[Row | Refused]:
        """Rows from here on, blank lines left out. Raises FileNotTable where nothing behind can be trusted."""
        tap, reader, suspicious = self._tap, self._reader, SUSPECT.search
        while True:
            tap.row.clear()
            line = tap.count + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield from self._broken(line, str(error))
                continue
            for text in tap.row:
                if found := suspicious(text):
                    yield Refused(line, "bad_bytes" if found[0] == "\ufffd" else "control_character", cells)
                    break
            else:
                if cells:
                    yield Row(line, cells)

    def _broken(self, line: int, error: str) -> Iterator[Refused]:
        at_end = "unexpected end" in error
        if "field limit" in error and len(self._tap.row) == 1:
            yield Refused(line, "too_long", [self._tap.row[0][:200]])
        elif "field limit" in error or (at_end and len(self._tap.row) > 1):
            raise FileNotTable(line=line, detail="quote_not_closed")
        else:
            yield from broken(line, self._tap.row)

    @property
    def raw(self) -> list[str]:
        """The lines of the row last given."""
        return self._tap.row


def broken(line: int, lines: Sequence[str]) -> Iterator[Refused]:
    """Every line of a row that cannot be trusted, refused by itself."""
    for number, text in enumerate(lines, line):
        yield Refused(number, "broken_quotes", [text.rstrip("\r\n")])


def _is_hint(cells: list[str]) -> bool:
    """Excel's first line `sep=;`."""
    return cells[0].startswith("sep=") and all(not cell for cell in cells[1:])


def sniff(lines: Sequence[str]) -> str:
    """The delimiter that these first lines state or show."""
    if lines and (found := re.fullmatch(r"sep=(.)\s*", lines[0])) and found[1] in DELIMITERS:
        return found[1]
    return delimiter_of(lines)
