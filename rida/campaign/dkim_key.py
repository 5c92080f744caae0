"""DKIM keys: made for a sender domain, written as a TXT record, and read back from what DNS says. Pure."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

BITS = 2_048
"""R66 recommends it; 4096 does not fit one UDP answer and no receiver asks for it."""
_LONGEST = 4_096
"""An RSA key of 16,384 bits. Nothing longer is read."""
_TXT_BYTES = 255
_WHITE = re.compile(r"\s+")


class Flaw(StrEnum):
    """Why a TXT record is no key that receivers can use."""

    QUOTED = "quoted"
    """Quotation marks were published as part of the text."""
    NO_KEY = "no_key"
    """Not a key record at all, or one of another version (RFC 6376 §3.6.1)."""
    REVOKED = "revoked"
    """p is empty (§3.6.1)."""
    DAMAGED = "damaged"
    """p cannot be read: cut off, or changed by copying."""
    NOT_FOR_MAIL = "not_for_mail"
    """s or h forbid what we do (§3.6.1)."""


@dataclass(frozen=True, slots=True)
class Published:
    """A key record as DNS shows it. bits: of an RSA key, else 0. testing: t=y, receivers may ignore signatures."""

    flaw: Flaw | None = None
    public: bytes = b""
    bits: int = 0
    testing: bool = False


def make_key() -> bytes:
    """A new private key, PKCS #8 in PEM."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_record(pem: bytes) -> str:
    """The TXT record that receivers need, one string; see txt_strings (§3.6.2.2)."""
    return f"v=DKIM1; k=rsa; p={base64.b64encode(_public(pem)).decode()}"


def txt_strings(value: str) -> list[str]:
    """An ASCII TXT value in the strings of at most 255 bytes that DNS holds; readers join them without a space."""
    return [value[at : at + _TXT_BYTES] for at in range(0, len(value), _TXT_BYTES)]


def selector_of(pem: bytes) -> str:
    """A name of the key's own: nobody else uses it, and the next key gets another one."""
    return f"rida-{hashlib.sha256(_public(pem)).hexdigest()[:8]}"


def read_record(text: str) -> Published:
    """What a receiver would make of it. Spaces within p are allowed (§3.2)."""
    tags = _tags(text)
    if text.strip()[:1] in ('"', "'"):
        return Published(Flaw.QUOTED)
    if "p" not in tags or tags.get("v", "DKIM1") != "DKIM1":
        return Published(Flaw.NO_KEY)
    if not tags["p"]:
        return Published(Flaw.REVOKED)
    if not _allows("s", "email", tags) or not _allows("h", "sha256", tags):
        return Published(Flaw.NOT_FOR_MAIL)
    return _read_key(tags["p"], testing="y" in tags.get("t", "").split(":"))


def _tags(text: str) -> dict[str, str]:
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip(): _WHITE.sub("", value) for name, _, value in parts if name.strip()}


def _allows(name: str, wanted: str, tags: dict[str, str]) -> bool:
    values = tags.get(name, "*").split(":")
    return "*" in values or wanted in values


def _read_key(p: str, *, testing: bool) -> Published:
    try:
        der = base64.b64decode(p, validate=True) if len(p) <= _LONGEST else b""
        key = load_der_public_key(der)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        # An Ed25519 key is 32 bare octets (RFC 8463 §4.2), which are no DER: not a key of ours in any case.
        return Published(Flaw.DAMAGED)
    if not isinstance(key, rsa.RSAPublicKey):
        return Published(Flaw.DAMAGED)
    public = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Published(None, public, key.key_size, testing)


def _public(pem: bytes) -> bytes:
    key = load_pem_private_key(pem, None)
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
