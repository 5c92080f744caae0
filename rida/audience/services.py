"""Contacts, topics and imports: bring a file, read it, find people, walk an audience.

A contact is no permission. Whoever is walked over here is asked about in `permission` before anything is queued.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from psycopg.errors import DiskFull as PostgresDiskFull

from rida.accounts.models import User, Workspace
from rida.audience import storage
from rida.audience.columns import place, suggest
from rida.audience.contacts import copy_lines, upsert
from rida.audience.importer import Person
from rida.audience.loading import Tally, open_load, reading_of, table_of
from rida.audience.models import Contact, Import, Topic
from rida.audience.rules import first_name
from rida.audience.table import sniff
from rida.kernel import errors
from rida.kernel.address import Address, parse
from rida.kernel.clock import elapsed_seconds
from rida.kernel.engine import submit
from rida.kernel.errors import (
    AddressError,
    BasisMissing,
    DatabaseAway,
    DiskFull,
    FileEmpty,
    FileNotTable,
    ImportError_,
    NotAllowed,
    RidaError,
)
from rida.permission.rules import TEST_PURPOSE, Basis
from rida.permission.services import hash_of

log = logging.getLogger(__name__)
_PREVIEW_ROWS = 10
_PROGRESS_SECONDS = 1.0


# --- imports --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preview:
    """How a file would be read. `mapping`: header to field, as the headers suggest."""

    charset: str
    delimiter: str
    headers: list[str]
    rows: list[list[str]]
    mapping: dict[str, str]


def preview(path: Path) -> Preview:
    """Looks at the whole file for the charset, at its beginning for the rest. Raises ImportError_."""
    return _preview(path, storage.charset_of(path))


def _preview(path: Path, charset: str) -> Preview:
    delimiter = sniff(storage.first_lines(path, charset))
    with path.open("rb") as file:
        table = table_of(file, charset, delimiter)
        sample: list[list[str]] = []
        with suppress(FileNotTable):  # the import itself reports it, after the rows before it
            sample.extend(row.cells for row in islice(table.rows(), _PREVIEW_ROWS))
    return Preview(charset, delimiter, table.headers, sample, suggest(table.headers))


def start_import(
    workspace: Workspace,
    user: User | None,
    source: BinaryIO | Path,
    file_name: str,
    *,
    topic: Topic,
    basis: str = "",
    mapping: Mapping[str, str] | None = None,
    statement: str = "",
    now: datetime,
) -> Import:
    """Store the file and check that it can be read; nothing is imported yet. mapping None: as the headers suggest.

    Raises ImportError_ (not text, no table in the first rows, no addresses, no basis), DiskFull, NotAllowed,
    DatabaseAway.
    """
    if topic.workspace_id != workspace.pk:
        raise NotAllowed
    stored = storage.store(source)
    try:
        with _database_in_words():
            job = _job(stored, workspace, user, file_name, topic, basis, mapping, statement, now)
            job.save()
    except BaseException:
        stored.path.unlink(missing_ok=True)
        raise
    return job


def _job(
    stored: storage.Stored,
    workspace: Workspace,
    user: User | None,
    file_name: str,
    topic: Topic,
    basis: str,
    mapping: Mapping[str, str] | None,
    statement: str,
    now: datetime,
) -> Import:
    seen = _preview(stored.path, stored.charset)
    if basis == Basis.ATTESTATION and not statement.strip():
        raise BasisMissing
    job = Import(
        workspace=workspace,
        user=user,
        file_name=file_name[-255:],
        file_path=str(stored.path),
        file_sha256=stored.sha256,
        charset=stored.charset,
        mapping=dict(seen.mapping if mapping is None else mapping),
        basis=basis,
        topic=topic,
        statement=statement.strip(),
        bytes_total=stored.size,
        created_at=now,
    )
    with stored.path.open("rb") as file:
        table = table_of(file, stored.charset, seen.delimiter)
        reading_of(job, table, place(table.headers, job.mapping), now)
        if next(table.rows(), None) is None:
            raise FileEmpty
    return job


def queue_import(job: Import) -> None:
    """Have a worker run it."""
    submit("import_file", f"import:{job.pk}", import_id=job.pk)


def run_import(import_id: int, now: datetime, progress: Callable[[Import], None] | None = None) -> Import:
    """Read the file into contacts and permission events, from its beginning; a finished import stays as it is.

    A file that cannot be read further, a full disk or a mistake of ours leaves the state FAILED with the error; rows
    before it are imported. Repeat it freely: nothing is doubled. `progress` is called about every second, after the row
    was saved. Raises DatabaseAway; the import then waits for its next ticket.
    """
    with _database_in_words(), _alone(import_id) as mine:
        job = Import.objects.select_related("topic").get(pk=import_id)
        if mine and job.state != Import.State.FINISHED:
            _run(job, now, progress)
    return job


def _run(job: Import, now: datetime, progress: Callable[[Import], None] | None) -> None:
    _save(job, Tally(), state=Import.State.RUNNING, started_at=now, error=None, finished_at=None)
    clock = _Progress(job, progress)
    try:
        with storage.room_on_disk(), _database_in_words():
            _load(job, now, clock.tick)
    except (ImportError_, DiskFull) as error:
        _save(job, clock.tally, state=Import.State.FAILED, error=_stored(error), finished_at=now)
    except DatabaseAway:
        raise
    except Exception:
        # A mistake of ours: left alone, the ticket would come back every ten seconds, for ever, and tell nobody.
        log.exception("import %d tripped over an error of ours", job.pk)
        _save(job, clock.tally, state=Import.State.FAILED, error=_stored(RidaError()), finished_at=now)
    else:
        _save(job, clock.tally, state=Import.State.FINISHED, finished_at=now)
    if progress:
        progress(job)


def _load(job: Import, now: datetime, tick: Callable[[Tally], None]) -> None:
    path = Path(job.file_path)
    delimiter = sniff(storage.first_lines(path, job.charset))
    with path.open("rb") as file:
        table = table_of(file, job.charset, delimiter)
        with storage.report(job.pk, table.headers) as report:
            open_load(job, file, table, report, now).run(tick)


_AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
"""Django translates the driver's errors, but not those of a COPY."""
_DATABASE_NEEDS_MB = 32
"""Two segments of its log. Without room for one PostgreSQL ends at once, and cannot say any more why."""


@contextmanager
def _database_in_words() -> Iterator[None]:
    try:
        yield
    except _AWAY as error:
        reason = str(error).strip().partition("\n")[0]
        if isinstance(error, PostgresDiskFull) or isinstance(error.__cause__, PostgresDiskFull):
            raise DiskFull(reason=reason) from error
        if storage.megabytes_left() < _DATABASE_NEEDS_MB:
            raise DiskFull(reason=f"{storage.megabytes_left()} MB left for {settings.HOME}") from error
        raise DatabaseAway(reason=reason) from error


def _stored(error: RidaError) -> dict[str, Any]:
    return {"code": type(error).__name__, "params": {key: str(value) for key, value in error.params.items()}}


def failure_of(job: Import) -> RidaError | None:
    """Why the import failed, ready to be said or raised."""
    if not job.error:
        return None
    kind: type[RidaError] = getattr(errors, job.error["code"], RidaError)
    return kind(**job.error["params"])


@dataclass(slots=True)
class _Progress:
    job: Import
    tell: Callable[[Import], None] | None
    tally: Tally
    _told: float

    def __init__(self, job: Import, tell: Callable[[Import], None] | None) -> None:
        self.job, self.tell, self.tally, self._told = job, tell, Tally(), elapsed_seconds()

    def tick(self, tally: Tally) -> None:
        self.tally = tally
        if elapsed_seconds() - self._told < _PROGRESS_SECONDS:
            return
        self._told = elapsed_seconds()
        _save(self.job, tally)
        if self.tell:
            self.tell(self.job)


def _save(job: Import, tally: Tally, **fields: Any) -> None:
    for name, value in {**_counts(tally), **fields}.items():
        setattr(job, name, value)
    job.save(update_fields=[*_counts(tally), *fields])


def _counts(tally: Tally) -> dict[str, int]:
    return {name: getattr(tally, name) for name in Tally.__slots__}


@contextmanager
def _alone(import_id: int) -> Iterator[bool]:
    """Whether nobody else runs this import. The lock goes with the connection, so a kill leaves none behind."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s::int)", [_IMPORTS, import_id])
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine and connection.connection is not None and not connection.connection.closed:
            _let_go(import_id)


_IMPORTS = 0x696D706F


def _let_go(import_id: int) -> None:
    if connection.needs_rollback:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s::int)", [_IMPORTS, import_id])


def refused_report_path(job: Import) -> Path:
    """The CSV of refused rows; it exists once the import ran."""
    return storage.report_path(job.pk)


# --- people ---------------------------------------------------------------------------------------------------------


def topics(workspace: Workspace) -> QuerySet[Topic]:
    return Topic.objects.filter(workspace=workspace).order_by("name")


def add_topic(workspace: Workspace, slug: str, name: str, description: str = "") -> Topic:
    """The topic of that slug, made if need be."""
    if slug == TEST_PURPOSE:  # whoever sent themselves a test would have given permission for the topic
        slug = f"{slug}-topic"
    words = {"name": name, "description": description}
    return Topic.objects.get_or_create(workspace=workspace, slug=slug, defaults=words)[0]


def add_contact(
    workspace: Workspace,
    address: str | Address,
    now: datetime,
    *,
    name: str = "",
    locale: str = "",
    zone: str = "",
    attributes: Mapping[str, Any] | None = None,
) -> Contact:
    """Add or complete one contact. No permission comes with it. Raises AddressError."""
    person = parse(address) if isinstance(address, str) else address
    hashed = hash_of(person)
    row = Person(person, " ".join(name.split()), locale, zone, dict(attributes or {}), ())
    with transaction.atomic():
        upsert(workspace.pk, copy_lines([(hashed, row)]), now)
    return Contact.objects.get(workspace=workspace, address_hash=hashed)


def find_contacts(workspace: Workspace, text: str = "", limit: int = 50) -> list[Contact]:
    """By whole address, or by a part of address or name, newest first."""
    found = Contact.objects.filter(workspace=workspace).order_by("-id")
    text = text.replace("\x00", "").strip()
    try:
        return list(found.filter(address_hash=hash_of(text))) or _search(found, text, limit)
    except AddressError:
        return _search(found, text, limit)


def _search(found: QuerySet[Contact], text: str, limit: int) -> list[Contact]:
    if text:
        found = found.filter(Q(address__icontains=text) | Q(name__icontains=text))
    return list(found[:limit])


# --- walking an audience --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    """One contact as a launch needs it. merge: name, first_name, email, locale, zone, attributes."""

    contact_id: int | None
    address: str
    address_hash: bytes
    domain: str
    merge: dict[str, Any]


def slices(workspace_id: int, topic: Topic, size: int) -> list[tuple[int, int]]:
    """Ranges of contact ids, first and last, of `size` contacts each.

    They hold everybody in the workspace: who of them signed up to the topic, permission says. A topic of another
    workspace has no audience here.
    """
    if topic.workspace_id != workspace_id:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_SLICES, [size, workspace_id])
        return [(first, last) for first, last in cursor.fetchall()]


_SLICES = """
SELECT min(id), max(id)
FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %s AS slice FROM audience_contact WHERE workspace_id = %s) AS c
GROUP BY slice ORDER BY slice
"""


def members(workspace_id: int, first_id: int, last_id: int) -> Iterator[Member]:
    """The contacts of one slice, by id."""
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS, [workspace_id, first_id, last_id])
        while rows := cursor.fetchmany(1_000):
            for row in rows:
                yield _member(*row)


_MEMBERS = """
SELECT id, address, address_hash, domain, name, locale, zone, attributes FROM audience_contact
WHERE workspace_id = %s AND id BETWEEN %s AND %s ORDER BY id
"""


def _member(
    contact_id: int,
    address: str,
    address_hash: bytes,
    domain: str,
    name: str,
    locale: str,
    zone: str,
    attributes: dict[str, Any] | str,
) -> Member:
    # Django leaves jsonb to its own fields; a cursor of ours gets text.
    known = json.loads(attributes) if isinstance(attributes, str) else attributes
    merge = {
        "name": name,
        "first_name": str(known.get("first_name") or first_name(name)),
        "email": address,
        "locale": locale,
        "zone": zone,
        "attributes": known,
    }
    return Member(contact_id, address, bytes(address_hash), domain, merge)
