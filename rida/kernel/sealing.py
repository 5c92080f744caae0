"""Secrets kept in the database: sealed with a key per purpose, so that a stolen dump alone opens nothing. Pure.

sealed = key id (1 byte) | nonce (12 bytes) | AES-256-GCM of the plain bytes (NIST SP 800-38D). The key id is that of
RIDA_SECRETS: the newest one seals, all of them open, so that a secret can be replaced while old rows still open.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rida.kernel.errors import SealBroken
from rida.kernel.signing import derive

_NONCE_BYTES = 12
_TAG_BYTES = 16


@dataclass(frozen=True, slots=True)
class Seal:
    """Seals with the key of the highest id, opens with all of them."""

    purpose: str
    secrets: Mapping[int, bytes] = field(repr=False)

    def close(self, plain: bytes, place: str) -> bytes:
        """place: where it is kept. What is copied to another place does not open there."""
        key_id, nonce = max(self.secrets), secrets.token_bytes(_NONCE_BYTES)
        return bytes([key_id]) + nonce + self._cipher(key_id).encrypt(nonce, plain, self._bound(key_id, place))

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises SealBroken for a changed row, another place, or a secret that is not there any more."""
        if len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES or sealed[0] not in self.secrets:
            raise SealBroken(what=place)
        key_id, nonce, body = sealed[0], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher(key_id).decrypt(nonce, body, self._bound(key_id, place))
        except InvalidTag as error:
            raise SealBroken(what=place) from error

    def _cipher(self, key_id: int) -> AESGCM:
        return AESGCM(derive(self.secrets[key_id], f"seal:{self.purpose}"))

    def _bound(self, key_id: int, place: str) -> bytes:
        return bytes([key_id]) + place.encode()
