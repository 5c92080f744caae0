"""Short signed tokens: a key per purpose, with an id, so that a key can be replaced while old links keep working.

token = base64url( key id (1 byte) | payload | first 16 bytes of HMAC-SHA-256 ), 128 bits of proof (RFC 2104 §5).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from rida.kernel.errors import TokenError

_MAC_BYTES = 16


def derive(secret: bytes, purpose: str) -> bytes:
    """A 32-byte key of its own for one purpose (HKDF-Expand of RFC 5869, one block)."""
    return hmac.new(secret, purpose.encode() + b"\x01", hashlib.sha256).digest()


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with the key of the highest id, reads with all of them."""

    purpose: str
    secrets: Mapping[int, bytes]

    def sign(self, payload: bytes) -> str:
        return base64.urlsafe_b64encode(self.prove(payload)).rstrip(b"=").decode()

    def read(self, token: str) -> bytes:
        """The payload. Raises TokenError for anything that this purpose did not sign."""
        return self.believe(_decode(token))

    def prove(self, payload: bytes) -> bytes:
        """As bytes, for whoever spells them in letters of their own."""
        key_id = max(self.secrets)
        body = bytes([key_id]) + payload
        return body + self._mac(key_id, body)

    def believe(self, proved: bytes) -> bytes:
        """The payload. Raises TokenError."""
        body, mac = proved[:-_MAC_BYTES], proved[-_MAC_BYTES:]
        if len(body) < 1 or body[0] not in self.secrets:
            raise TokenError
        if not hmac.compare_digest(mac, self._mac(body[0], body)):
            raise TokenError
        return body[1:]

    def _mac(self, key_id: int, body: bytes) -> bytes:
        key = derive(self.secrets[key_id], self.purpose)
        return hmac.new(key, body, hashlib.sha256).digest()[:_MAC_BYTES]


def _decode(token: str) -> bytes:
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise TokenError from error
