"""The Merkle log over all events of the installation: places, checkpoints, proofs, audit.

Events are written without a place, so that nobody waits for anybody; `sequence` gives the places out in order. The log
holds commitments only: it could be published whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction

from rida.kernel.signing import derive
from rida.permission import merkle, note
from rida.permission.commitment import canonical, commitment, form_of
from rida.permission.models import Checkpoint, Event, Leaf

_LOG_LOCK = 0x72696461_6C6F6700  # "ridalog"


def sequence(now: datetime) -> int:
    """Give every event recorded until `now` a place, in order and without gaps; how many. One node at a time.

    An id may become visible after a higher one; it then simply gets a later place. Within a person ids never overtake.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOG_LOCK])
        cursor.execute(_SEQUENCE, [now])
        return int(cursor.rowcount)


# RFC 9162 §2.1.1: a leaf is hashed with a zero byte in front.
_SEQUENCE = r"""
INSERT INTO permission_leaf (index, event_id, workspace_id, hash)
SELECT (SELECT coalesce(max(index) + 1, 0) FROM permission_leaf) + row_number() OVER (ORDER BY e.id) - 1,
       e.id, e.workspace_id, sha256('\x00'::bytea || e.commitment)
FROM permission_event e
WHERE e.recorded_at <= %s AND NOT EXISTS (SELECT FROM permission_leaf l WHERE l.event_id = e.id)
"""


def checkpoint(now: datetime) -> Checkpoint:
    """Place what waits and sign the log as it stands. Nothing new: the last checkpoint again."""
    with transaction.atomic():
        sequence(now)
        size = Leaf.objects.count()
        if known := Checkpoint.objects.filter(size=size).first():
            return known
        head = note.Head(origin(), size, merkle.root(_hashes(size)))
        signed = note.sign(head, _seed())
        return Checkpoint.objects.create(size=size, root=head.root, note=signed, signed_at=now)


def origin() -> str:
    """The log's name: the host this installation is reached at."""
    return f"{urlsplit(settings.RIDA_URL).netloc or 'localhost'}/rida"


def log_public_key() -> bytes:
    """What checks this installation's checkpoints, 32 bytes."""
    return note.public_key(_seed())


def _seed() -> bytes:
    """Grown from the secret of the home (the oldest, which never changes), so there is no second file to guard."""
    return derive(settings.RIDA_SECRETS[min(settings.RIDA_SECRETS)], "permission-checkpoint")


# --- proofs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proof:
    """Everything that shows offline that the log held an event when the checkpoint was signed."""

    event_id: int
    index: int
    leaf: bytes
    path: list[bytes]
    note: str


def prove(event_id: int) -> Proof | None:
    """The proof under the newest checkpoint, or None for an event newer than it."""
    newest = Checkpoint.objects.order_by("-size").first()
    leaf = Leaf.objects.filter(event_id=event_id).first()
    if newest is None or leaf is None or leaf.index >= newest.size:
        return None
    path = merkle.inclusion_proof(list(_hashes(newest.size)), leaf.index)
    return Proof(event_id, leaf.index, bytes(leaf.hash), path, newest.note)


def _hashes(size: int) -> Iterator[bytes]:
    stored = Leaf.objects.filter(index__lt=size).order_by("index").values_list("hash", flat=True)
    return (bytes(leaf) for leaf in stored.iterator(chunk_size=10_000))


# --- audit ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Audit:
    """What a look at the whole ledger found. `faults` are (code, id) pairs, at most a hundred; none is well."""

    events: int
    leaves: int
    checkpoints: int
    faults: list[tuple[str, int]]


_MOST_FAULTS = 100


def audit() -> Audit:
    """Recompute every commitment that the vault still opens, every leaf, and every checkpoint's root and signature."""
    faults = [fault for _, fault in zip(range(_MOST_FAULTS), _faults(), strict=False)]
    return Audit(Event.objects.count(), Leaf.objects.count(), Checkpoint.objects.count(), faults)


def _faults() -> Iterator[tuple[str, int]]:
    for event in Event.objects.select_related("vault").order_by("id").iterator(chunk_size=2_000):
        if hasattr(event, "vault") and not _opens(event):
            yield "commitment_differs", event.pk
    for at, leaf in enumerate(Leaf.objects.select_related("event").order_by("index").iterator(chunk_size=2_000)):
        if leaf.index != at:
            yield "leaf_missing", at
            return
        if bytes(leaf.hash) != merkle.leaf_hash(bytes(leaf.event.commitment)):
            yield "leaf_differs", leaf.index
    yield from _checkpoint_faults()


def _opens(event: Event) -> bool:
    form = form_of(
        workspace=event.workspace_id,
        kind=event.kind,
        purpose=event.purpose,
        basis=event.basis,
        grade=event.grade,
        basis_at=event.basis_at,
        recorded_at=event.recorded_at,
    )
    previous = bytes(event.previous) if event.previous else None
    record = form.record(event.vault.address, bytes(event.address_hash), previous, canonical(event.vault.evidence))
    return commitment(bytes(event.vault.salt), record) == bytes(event.commitment)


def _checkpoint_faults() -> Iterator[tuple[str, int]]:
    leaves = list(_hashes(Leaf.objects.count()))
    for signed in Checkpoint.objects.order_by("size"):
        head = note.read(signed.note, log_public_key())
        if head is None or head.size != signed.size:
            yield "checkpoint_unsigned", signed.size
        elif signed.size > len(leaves) or merkle.root(leaves[: signed.size]) != head.root:
            yield "checkpoint_differs", signed.size
