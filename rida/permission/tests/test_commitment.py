"""What is put together by hand, for speed, is what the encoder would have written."""

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from rida.permission.commitment import canonical, form_of
from rida.permission.services import escaped

MOMENTS = st.datetimes(timezones=st.just(UTC))
TEXTS = st.text(max_size=30)


@given(TEXTS, TEXTS, TEXTS, MOMENTS, MOMENTS, st.none() | st.binary(min_size=32, max_size=32))
def test_a_filled_form_is_the_canonical_record(
    address: str, purpose: str, basis: str, basis_at: datetime, recorded_at: datetime, previous: bytes | None
) -> None:
    deed = {"workspace": 7, "kind": "granted", "purpose": purpose, "basis": basis, "grade": 1}
    form = form_of(**deed, basis_at=basis_at, recorded_at=recorded_at)
    evidence = {"line": 3, "file": address}
    moments = {"basis_at": basis_at, "recorded_at": recorded_at}
    assert form.record(address, b"\x01" * 16, previous, canonical(evidence)) == canonical(
        {
            "schema": "consent/1",
            "workspace": 7,
            "event": "granted",
            "purpose": purpose,
            "basis": basis,
            "grade": 1,
            "address": address,
            "person": "01" * 16,
            "previous": previous.hex() if previous else None,
            "evidence": evidence,
            **{name: moment.isoformat(timespec="microseconds") for name, moment in moments.items()},
        }
    )


@given(st.text(st.sampled_from("\\\t\n\r\x00\u00a0\u200faنN"), max_size=12))
def test_an_escaped_cell_reads_back_as_it_was(text: str) -> None:
    written = escaped(text)
    assert not set(written) & set("\t\n\r")
    assert _read(written) == text


def _read(cell: str) -> str:
    """COPY's text format as PostgreSQL documents it."""
    meant = {"t": "\t", "n": "\n", "r": "\r"}
    return re.sub(r"\\(.)", lambda found: meant.get(found[1], found[1]), cell)
