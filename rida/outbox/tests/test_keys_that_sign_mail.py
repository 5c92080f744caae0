"""A key is fit to sign or refused with a reason; nothing in a name opens a tag."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from rida.campaign.dkim_key import make_key
from rida.kernel.errors import KeyUnfit
from rida.outbox.dkim import Signer
from rida.outbox.dkim_keys import fit_key
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
