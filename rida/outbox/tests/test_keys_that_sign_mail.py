"""A key is fit to sign or refused with a reason; its public half reads as DNS wants it."""

import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_public_key

from rida.kernel.errors import KeyUnfit
from rida.outbox.dkim import Signer
from rida.outbox.dkim_keys import fit_key, make_key, public_record, txt_strings
from rida.outbox.tests.letters import KEY


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_new_key_is_rsa_2048_in_pkcs_8() -> None:
    made = make_key()
    assert made.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert fit_key(made).key_size == 2048 and fit_key(made).public_key().public_numbers().e == 65537
    assert made != make_key()


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (pem(rsa.generate_private_key(65537, 1024)), "too_short"),
        (rsa.generate_private_key(65537, 1024), "too_short"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "not_rsa"),
        (b"no key", "unreadable"),
        (b"", "unreadable"),
        (KEY[:300], "unreadable"),
    ],
)
def test_a_key_that_is_weak_or_none_does_not_sign(key: bytes | rsa.RSAPrivateKey, code: str) -> None:
    with pytest.raises(KeyUnfit) as caught:
        Signer("flowers.example", "rida1", key)
    assert caught.value.params == {"code": code} and code in str(caught.value)


@pytest.mark.parametrize(
    ("domain", "selector"),
    [
        ("flowers.example; l=0", "rida1"),
        ("flowers.example", "rida1; x=1"),
        ("flowers.example\r\nBcc: a@b.c", "rida1"),
        ("flowers.example\n", "rida1"),
        ("ورد.example", "rida1"),
        ("", "rida1"),
        ("flowers.example", ""),
        ("a" * 64 + ".example", "rida1"),
        ("flowers..example", "rida1"),
    ],
)
def test_what_is_no_name_of_dns_opens_no_tag(domain: str, selector: str) -> None:
    with pytest.raises(KeyUnfit):
        Signer(domain, selector, KEY)


def test_the_record_holds_the_public_key_and_nothing_else() -> None:
    record = public_record(KEY)
    found = re.fullmatch(r"v=DKIM1; k=rsa; p=([A-Za-z0-9+/]+={0,2})", record)
    assert found
    public = load_der_public_key(base64.b64decode(found[1], validate=True))
    assert public == fit_key(KEY).public_key() and record == public_record(fit_key(KEY))


def test_a_long_value_is_split_for_dns_and_joins_to_itself() -> None:
    record = public_record(KEY)
    assert [len(string) for string in txt_strings(record)] == [255, len(record) - 255]
    assert "".join(txt_strings(record)) == record
    assert txt_strings("v=spf1 -all") == ["v=spf1 -all"]
