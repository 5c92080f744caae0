"""The rows of one file into the database: 5,000 at a time, each chunk a transaction, so a repeat finds no half work.

Permission is recorded before the contact, in the same transaction. Repeating a file changes nothing.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from django.db import transaction

from rida.audience.ahead import ahead
from rida.audience.columns import ATTRIBUTE, place
from rida.audience.contacts import copy_lines, upsert
from rida.audience.importer import Person, Reading, RowRefused, Stated
from rida.audience.models import Attribute, Import
from rida.audience.storage import Report, as_text
from rida.audience.table import Refused, Row, Table, broken
from rida.kernel.errors import FileNotTable
from rida.permission.commitment import canonical
from rida.permission.services import Entry, hashes_of, record_hashes

CHUNK = 5_000

Accepted = tuple[int, Person]
"""(line, person)"""


@dataclass(slots=True)
class Tally:
    """How far a load has come."""

    rows: int = 0
    imported: int = 0
    updated: int = 0
    opted_out: int = 0
    refused: int = 0
    bytes_read: int = 0


@dataclass(slots=True)
class Chunk:
    """Rows that are written in one transaction, as the database takes them, and how many were refused among them."""

    entries: list[Entry]
    contacts: list[str]
    """Lines of COPY, see `upsert`."""
    accepted: int
    opted_out: int
    refused: int
    bytes_read: int
    """Where the file was read to."""


@dataclass(slots=True)
class Load:
    """One run over one file. A thread reads the rows; ours has the connection, and writes."""

    job: Import
    table: Table
    reading: Reading
    report: Report
    file: BinaryIO
    now: datetime
    tally: Tally = field(default_factory=Tally)
    _refused: int = field(default=0, init=False)
    """Since the last chunk."""

    def run(self, after_chunk: Callable[[Tally], None]) -> None:
        """Raises FileNotTable at a line behind which nothing can be trusted; what stands before it is imported."""
        with _heap_at_rest(), ahead(self._chunks()) as coming:
            while chunk := coming.take():
                self._count(chunk, self._write(chunk, coming.begin))
                after_chunk(self.tally)

    # --- reading, in the thread -------------------------------------------------------------------------------------

    def _chunks(self) -> Iterator[Chunk]:
        people: list[Accepted] = []
        try:
            for row in self.table.rows():
                people.extend(self._accepted(row))
                if len(people) + self._refused >= CHUNK:
                    yield self._chunk(people)
                    people = []
        except FileNotTable:
            yield self._chunk(people)
            raise
        yield self._chunk(people)

    def _accepted(self, row: Row | Refused) -> Iterable[Accepted]:
        """One, or none."""
        if isinstance(row, Refused):
            return self._refuse([row])
        try:
            return [(row.line, self.reading.person(row.cells))]
        except RowRefused as refusal:
            if refusal.code == "broken_quotes":
                return self._refuse(broken(row.line, self.table.raw))
            return self._refuse([Refused(row.line, refusal.code, row.cells)])

    def _refuse(self, rows: Iterable[Refused]) -> tuple[()]:
        for refused in rows:
            self._refused += 1
            self.report.add(refused)
        return ()

    def _chunk(self, people: list[Accepted]) -> Chunk:
        hashes, proof = hashes_of(person.address for _, person in people), _Proof(self.job)
        entries = [
            Entry(str(person.address), hashed, deed, proof.of(line))
            for hashed, (line, person) in zip(hashes, people, strict=True)
            for deed in person.deeds
        ]
        contacts = copy_lines(zip(hashes, (person for _, person in people), strict=True))
        opted_out = sum(person.deeds[0].kind == "withdrawn" for _, person in people)
        refused, self._refused = self._refused, 0
        bytes_read = min(self.file.tell(), self.job.bytes_total)
        return Chunk(entries, contacts, len(people), opted_out, refused, bytes_read)

    # --- writing ----------------------------------------------------------------------------------------------------

    def _write(self, chunk: Chunk, before_waiting: Callable[[], None]) -> int:
        """How many contacts are new."""
        if not chunk.entries:
            return 0
        with transaction.atomic():
            # First, for it takes the workspace's lock: two imports then never hold contacts crosswise.
            record_hashes(self.job.workspace_id, chunk.entries, self.now)
            # The longest wait of all: the next rows can be read meanwhile.
            before_waiting()
            return upsert(self.job.workspace_id, chunk.contacts, self.now)

    def _count(self, chunk: Chunk, fresh: int) -> None:
        self.tally.rows += chunk.accepted + chunk.refused
        self.tally.imported += fresh
        self.tally.updated += chunk.accepted - fresh
        self.tally.opted_out += chunk.opted_out
        self.tally.refused += chunk.refused
        self.tally.bytes_read = chunk.bytes_read


@contextmanager
def _heap_at_rest() -> Iterator[None]:
    """Keeps the collector of garbage to what is made meanwhile.

    Chunks live long enough to set off full collections, and each would look at all of Django again: a third of the CPU.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class _Proof:
    """What proves the deeds of a row, as canonical JSON: the file, the line, who brought it, and their words."""

    def __init__(self, job: Import) -> None:
        file, words = bytes(job.file_sha256).hex(), {"statement": job.statement} if job.statement else {}
        # The line comes between these two, by the order of the alphabet.
        self._before = canonical({"file": file, "import": job.pk})[:-1]
        self._after = canonical({**words, "user": job.user_id})[1:]

    def of(self, line: int) -> str:
        return f'{self._before},"line":{line},{self._after}'


def open_load(job: Import, file: BinaryIO, table: Table, report: Report, now: datetime) -> Load:
    """Everything a run needs. Raises ColumnMissing, HeaderDoubled, BasisMissing."""
    places = place(table.headers, job.mapping)
    return Load(job, table, reading_of(job, table, places, now), report, file, now)


def reading_of(job: Import, table: Table, places: Mapping[str, int], now: datetime) -> Reading:
    stated = Stated(job.basis, job.topic.slug, _first_seen(job), now)
    return Reading(places, stated, _kinds(job, places), width=len(table.headers))


def table_of(file: BinaryIO, charset: str, delimiter: str) -> Table:
    """Raises FileEmpty, FileNotTable."""
    return Table(as_text(file, charset).readline, delimiter)


def _first_seen(job: Import) -> datetime:
    """When this very file first came to the workspace: so that its undated rows say the same each time."""
    same = Import.objects.filter(workspace_id=job.workspace_id, file_sha256=job.file_sha256)
    first = same.order_by("created_at").values_list("created_at", flat=True).first()
    return min(first, job.created_at) if first else job.created_at


def _kinds(job: Import, places: Mapping[str, int]) -> dict[str, str]:
    """Kinds of the attributes; names not seen before become text."""
    names = [name.removeprefix(ATTRIBUTE) for name in places if name.startswith(ATTRIBUTE)]
    Attribute.objects.bulk_create(
        (Attribute(workspace_id=job.workspace_id, name=name, kind=Attribute.Kind.TEXT) for name in names),
        ignore_conflicts=True,
    )
    known = Attribute.objects.filter(workspace_id=job.workspace_id, name__in=names)
    return dict(known.values_list("name", "kind"))
