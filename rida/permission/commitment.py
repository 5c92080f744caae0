"""What the log commits to: SHA-256 over a salt and the record as canonical JSON. Pure.

Without the salt nobody can guess from the commitment whose record it is; with it, one changed letter shows.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

SALT_BYTES = 32
SCHEMA = "consent/1"


def commitment(salt: bytes, record: str) -> bytes:
    """32 bytes. `record` is canonical JSON."""
    return hashlib.sha256(salt + record.encode()).digest()


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical(value: Mapping[str, Any]) -> str:
    """RFC 8785 for what we record: sorted keys, no spaces. Text, whole numbers, truth values, lists and mappings only:
    fractions have too many spellings."""
    return _ENCODER.encode(value)


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
    evidence: str,
) -> str:
    """The record of one event as canonical JSON; `evidence` is so already. `previous` chains it to the person's event
    before. Put together by hand, keys in order: an import makes a hundred thousand, and the encoder takes 8 µs each.
    """
    before = f'"{previous.hex()}"' if previous else "null"
    return (
        f'{{"address":{_quoted(address)},"basis":{_quoted(basis)},"basis_at":"{_text(basis_at)}","event":{_quoted(kind)},'
        f'"evidence":{evidence},"grade":{grade},"person":"{address_hash.hex()}","previous":{before},'
        f'"purpose":{_quoted(purpose)},"recorded_at":"{_text(recorded_at)}","schema":"{SCHEMA}","workspace":{workspace}}}'
    )


_quoted = json.JSONEncoder(ensure_ascii=False).encode


@lru_cache(maxsize=1024)
def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
