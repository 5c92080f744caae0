"""What the log commits to: SHA-256 over a salt and the record as canonical JSON. Pure.

Without the salt nobody can guess from the commitment whose record it is; with it, one changed letter shows.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

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


class Form(NamedTuple):
    """The record of one event as canonical JSON, with four blanks. Thousands of events differ in nothing else.

    Put together by hand, keys in order: an import makes a million records, and the encoder takes 8 µs each.
    """

    to_evidence: str
    to_person: str
    to_previous: str
    to_end: str

    def record(self, address: str, person: bytes, previous: bytes | None, evidence: str) -> str:
        """`evidence` is canonical JSON; `previous` chains the record to the person's event before."""
        before = f'"{previous.hex()}"' if previous else "null"
        return (
            f'{{"address":{_quoted(address)}{self.to_evidence}{evidence}{self.to_person}{person.hex()}'
            f"{self.to_previous}{before}{self.to_end}"
        )


@lru_cache(maxsize=4096)  # ten years of days
def form_of(
    *, workspace: int, kind: str, purpose: str, basis: str, grade: int, basis_at: datetime, recorded_at: datetime
) -> Form:
    return Form(
        f',"basis":{_quoted(basis)},"basis_at":"{_text(basis_at)}","event":{_quoted(kind)},"evidence":',
        f',"grade":{grade:d},"person":"',
        '","previous":',
        f',"purpose":{_quoted(purpose)},"recorded_at":"{_text(recorded_at)}","schema":"{SCHEMA}","workspace":{workspace}}}',
    )


_quoted = json.JSONEncoder(ensure_ascii=False).encode


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
