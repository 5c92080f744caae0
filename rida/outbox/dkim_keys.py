"""Keys that sign mail: made, judged, and as DNS shows them. Pure.

RFC 8301 §3.2: signers use RSA of at least 2048 bits; verifiers must read up to 4096, so more would be lost on some.
"""

import base64
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from rida.kernel.errors import KeyUnfit

_FEWEST_BITS, _MOST_BITS = 2048, 4096
_TXT_BYTES = 255
# RFC 6376 §3.5: d= and s= are names of DNS. In A-labels; underscores are met in selectors.
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?)*")


def make_key() -> bytes:
    """A new RSA-2048 key as PEM (PKCS #8), not encrypted. About 50 ms."""
    key = generate_private_key(public_exponent=65537, key_size=_FEWEST_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def fit_key(key: bytes | RSAPrivateKey) -> RSAPrivateKey:
    """A key that may sign. Raises KeyUnfit: unreadable, not_rsa, too_short, too_long."""
    loaded = _loaded(key) if isinstance(key, bytes) else key
    if not isinstance(loaded, RSAPrivateKey):
        raise KeyUnfit(code="not_rsa")
    if not _FEWEST_BITS <= loaded.key_size <= _MOST_BITS:
        raise KeyUnfit(code="too_short" if loaded.key_size < _FEWEST_BITS else "too_long")
    return loaded


def public_record(key: bytes | RSAPrivateKey) -> str:
    """The TXT value to publish at SELECTOR._domainkey.DOMAIN (RFC 6376 §3.6.1)."""
    public = fit_key(key).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


def txt_strings(value: str) -> list[str]:
    """An ASCII TXT value in the strings of at most 255 bytes that DNS holds; readers join them without a space."""
    return [value[at : at + _TXT_BYTES] for at in range(0, len(value), _TXT_BYTES)]


def name_of(text: str) -> bytes:
    """A domain or selector as it goes into a tag. Raises KeyUnfit: whatever could open another tag is no name."""
    if not _NAME.fullmatch(text):
        raise KeyUnfit(code="name")
    return text.encode()


def _loaded(pem: bytes) -> object:
    try:
        return load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnfit(code="unreadable") from error
