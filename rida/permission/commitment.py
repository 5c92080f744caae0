"""What the log commits to: SHA-256 over a salt and the record as canonical JSON. Pure.

Without the salt nobody can guess from the commitment whose record it is; with it, one changed letter shows.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

SALT_BYTES = 32
SCHEMA = "consent/1"


def commitment(salt: bytes, record: Mapping[str, Any]) -> bytes:
    """32 bytes. `record` holds text, whole numbers, truth values, lists and mappings only: no fractions."""
    return hashlib.sha256(salt + canonical(record)).digest()


def canonical(record: Mapping[str, Any]) -> bytes:
    """RFC 8785 for what we record: sorted keys, no spaces, UTF-8."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def record_of(
    *,
    workspace: int,
    address: str,
    address_hash: bytes,
    kind: str,
    purpose: str,
    basis: str,
    grade: int,
    basis_at: datetime,
    recorded_at: datetime,
    previous: bytes | None,
    evidence: Mapping[str, Any],
) -> dict[str, Any]:
    """The record of one event. `previous` chains it to the person's event before."""
    return {
        "schema": SCHEMA,
        "workspace": workspace,
        "address": address,
        "person": address_hash.hex(),
        "event": kind,
        "purpose": purpose,
        "basis": basis,
        "grade": grade,
        "basis_at": _text(basis_at),
        "recorded_at": _text(recorded_at),
        "previous": previous.hex() if previous else None,
        "evidence": evidence,
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
