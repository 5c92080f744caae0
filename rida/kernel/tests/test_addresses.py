"""The short way through an address comes out where the long way does."""

import hmac

import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from rida.kernel.address import Address, address_hash, parse
from rida.kernel.errors import AddressError

ATOMS = st.text("abcXYZ019!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=12)
LOCALS = st.lists(ATOMS, min_size=1, max_size=4).map(".".join)
LABELS = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9]{0,10}[a-zA-Z0-9])?(-[a-zA-Z0-9]{1,4})?", fullmatch=True)
DOMAINS = st.tuples(LABELS, LABELS, st.sampled_from(["org", "Example", "co.uk", "museum"])).map(".".join)


@given(LOCALS, DOMAINS)
def test_a_plain_address_reads_as_the_full_parser_reads_it(local: str, domain: str) -> None:
    found = validate_email(
        f"{local}@{domain}", check_deliverability=False, globally_deliverable=False, test_environment=True
    )
    assert parse(f" {local}@{domain}\t") == Address(found.local_part, str(found.ascii_domain).lower())


@given(st.text("ab.@-_ \\\t\"'()<>,;:é", max_size=20))
def test_what_is_taken_at_all_is_taken_by_the_full_parser(text: str) -> None:
    try:
        address = parse(text)
    except AddressError:
        return
    found = validate_email(str(address), check_deliverability=False, globally_deliverable=False, test_environment=True)
    assert found.ascii_domain


@given(st.binary(min_size=1, max_size=200), LOCALS, DOMAINS)
def test_a_person_is_an_hmac_of_the_address_in_one_spelling(secret: bytes, local: str, domain: str) -> None:
    address = Address(local, domain.lower())
    assert address_hash(secret, address) == hmac.digest(secret, address.key.encode(), "sha256")[:16]


@pytest.mark.parametrize("other", ["LINA@example.org", "lina@EXAMPLE.org"])
def test_spellings_of_one_address_are_one_person(other: str) -> None:
    assert address_hash(b"secret", parse(other)) == address_hash(b"secret", parse("lina@example.org"))
    assert address_hash(b"another", parse(other)) != address_hash(b"secret", parse("lina@example.org"))
