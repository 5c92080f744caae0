"""The rows of one file into the database: 5,000 at a time, each chunk a transaction, so a repeat finds no half work.

Permission is recorded before the contact, in the same transaction. Repeating a file changes nothing.
"""

import gc
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from django.db import connection, transaction

from rida.audience.columns import ATTRIBUTE, place
from rida.audience.importer import Person, Reading, RowRefused, Stated
from rida.audience.models import Attribute, Import
from rida.audience.storage import Report, as_text
from rida.audience.table import Refused, Row, Table, broken
from rida.kernel.errors import FileNotTable
from rida.permission.commitment import canonical
from rida.permission.services import Entry, copy_text, escaped, hashes_of, record_hashes

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
class Load:
    """One run over one file."""

    job: Import
    table: Table
    reading: Reading
    report: Report
    file: BinaryIO
    now: datetime
    tally: Tally = field(default_factory=Tally)

    def run(self, after_chunk: Callable[[Tally], None]) -> None:
        """Raises FileNotTable at a line behind which nothing can be trusted; what stands before it is imported."""
        with _heap_at_rest():
            self._run(after_chunk)

    def _run(self, after_chunk: Callable[[Tally], None]) -> None:
        chunk: list[Accepted] = []
        try:
            for accepted in self._people():
                chunk.append(accepted)
                if len(chunk) == CHUNK:
                    self._write(chunk)
                    chunk = []
                    after_chunk(self.tally)
        except FileNotTable:
            self._write(chunk)
            after_chunk(self.tally)
            raise
        self._write(chunk)
        after_chunk(self.tally)

    def _people(self) -> Iterator[Accepted]:
        for row in self.table.rows():
            if isinstance(row, Refused):
                self._refuse(row)
                continue
            try:
                yield row.line, self.reading.person(row.cells)
            except RowRefused as refusal:
                self._refuse_row(row, refusal.code)

    def _refuse_row(self, row: Row, code: str) -> None:
        if code != "broken_quotes":
            return self._refuse(Refused(row.line, code, row.cells))
        for refused in broken(row.line, self.table.raw):
            self._refuse(refused)
        return None

    def _refuse(self, refused: Refused) -> None:
        self.tally.rows += 1
        self.tally.refused += 1
        self.report.add(refused)

    def _write(self, chunk: list[Accepted]) -> None:
        if not chunk:
            return
        hashes = hashes_of(person.address for _, person in chunk)
        people = [(line, person, hashed) for hashed, (line, person) in zip(hashes, chunk, strict=True)]
        proof = _Proof(self.job)
        entries = [
            Entry(str(person.address), hashed, deed, proof.of(line))
            for line, person, hashed in people
            for deed in person.deeds
        ]
        with transaction.atomic():
            # First, for it takes the workspace's lock: two imports then never hold contacts crosswise.
            record_hashes(self.job.workspace_id, entries, self.now)
            fresh = upsert(self.job.workspace_id, [(hashed, person) for _, person, hashed in people], self.now)
        self._count(chunk, fresh)

    def _count(self, chunk: list[Accepted], fresh: int) -> None:
        self.tally.rows += len(chunk)
        self.tally.imported += fresh
        self.tally.updated += len(chunk) - fresh
        self.tally.opted_out += sum(person.deeds[0].kind == "withdrawn" for _, person in chunk)
        self.tally.bytes_read = min(self.file.tell(), self.job.bytes_total)


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


# --- contacts -------------------------------------------------------------------------------------------------------


def upsert(workspace_id: int, people: list[tuple[bytes, Person]], now: datetime) -> int:
    """Add contacts or complete those that are there; how many are new. Empty cells erase nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_INCOMING)
        copy_text(_COPY, [_line(hashed, person) for hashed, person in _one_each(people).items()])
        cursor.execute(_UPSERT, {"workspace": workspace_id, "now": now})
        (fresh,) = cursor.fetchone()
        return int(fresh)


def _line(hashed: bytes, person: Person) -> str:
    address, name, locale, zone, attributes, _ = person
    return (
        f"{address}\t\\\\x{hashed.hex()}\t{address.domain}\t{escaped(name)}\t{escaped(locale)}\t{escaped(zone)}\t"
        f"{escaped(_json(attributes))}\n"
    )


def _json(attributes: Mapping[str, Any]) -> str:
    """By hand, for a third of the time: the encoder is quick at texts, and slow to begin."""
    return f"{{{','.join([f'{_encode(name)}:{_encode(value)}' for name, value in attributes.items()])}}}"


_encode = json.JSONEncoder(ensure_ascii=False).encode


def _one_each(people: list[tuple[bytes, Person]]) -> dict[bytes, Person]:
    """Somebody who stands in the file twice: the later row counts where it says something."""
    found: dict[bytes, Person] = {}
    for hashed, person in people:
        found[hashed] = _joined(found[hashed], person) if hashed in found else person
    return found


def _joined(earlier: Person, later: Person) -> Person:
    return later._replace(
        name=later.name or earlier.name,
        locale=later.locale or earlier.locale,
        zone=later.zone or earlier.zone,
        attributes={**earlier.attributes, **later.attributes},
    )


_INCOMING = """
CREATE TEMPORARY TABLE IF NOT EXISTS audience_incoming (
    address text, address_hash bytea, domain text, name text, locale text, zone text, attributes jsonb);
TRUNCATE audience_incoming
"""

_COPY = "COPY audience_incoming (address, address_hash, domain, name, locale, zone, attributes) FROM STDIN"

# Only rows that change are written again, so the second import of a file writes nothing.
_UPSERT = """
WITH written AS (
    INSERT INTO audience_contact AS c
        (workspace_id, address, address_hash, domain, name, locale, zone, attributes, created_at, changed_at)
    SELECT %(workspace)s, address, address_hash, domain, name, locale, zone, attributes, %(now)s, %(now)s
    FROM audience_incoming
    ON CONFLICT (workspace_id, address_hash) DO UPDATE SET
        name = coalesce(nullif(excluded.name, ''), c.name),
        locale = coalesce(nullif(excluded.locale, ''), c.locale),
        zone = coalesce(nullif(excluded.zone, ''), c.zone),
        attributes = c.attributes || excluded.attributes,
        changed_at = excluded.changed_at
    WHERE excluded.name NOT IN ('', c.name) OR excluded.locale NOT IN ('', c.locale)
        OR excluded.zone NOT IN ('', c.zone) OR NOT c.attributes @> excluded.attributes
    RETURNING c.xmax = 0 AS fresh)
SELECT count(*) FILTER (WHERE fresh) FROM written
"""
