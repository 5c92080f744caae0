"""Which keys and names may sign mail. Pure.

RFC 8301 §3.2: signers use RSA of at least 2048 bits; verifiers must read up to 4096, so more would be lost on some.
"""

import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rida.kernel.errors import KeyUnfit

_FEWEST_BITS, _MOST_BITS = 2048, 4096
# RFC 6376 §3.5: d= and s= are names of DNS. In A-labels; underscores are met in selectors.
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?)*")


def fit_key(key: bytes | RSAPrivateKey) -> RSAPrivateKey:
    """A key that may sign. Raises KeyUnfit: unreadable, not_rsa, too_short, too_long."""
    loaded = _loaded(key) if isinstance(key, bytes) else key
    if not isinstance(loaded, RSAPrivateKey):
        raise KeyUnfit(code="not_rsa")
    if not _FEWEST_BITS <= loaded.key_size <= _MOST_BITS:
        raise KeyUnfit(code="too_short" if loaded.key_size < _FEWEST_BITS else "too_long")
    return loaded


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
