"""Where a message comes back to: an address of its own for every copy, so that a bounce names the person (VERP). Pure.

b-TOKEN@bounce.example.org: base32, because mail systems on the way back may change the case of letters; 49 characters
of the 64 that a local part may have (RFC 5321 §4.5.3.1.1). The token is signed, so nobody can bounce for others.
"""

import base64
import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from rida.kernel.errors import TokenError
from rida.kernel.signing import Signer

_MARK = "b-"
_LAYOUT = struct.Struct(">qI")


@dataclass(frozen=True, slots=True)
class ReturnPaths:
    """secrets: by key id; the newest one signs, all of them are believed."""

    secrets: Mapping[int, bytes]

    def of(self, tranche_id: int, n: int, domain: str) -> str:
        token = base64.b32encode(self._signer.prove(_LAYOUT.pack(tranche_id, n)))
        return f"{_MARK}{token.rstrip(b'=').decode().lower()}@{domain}"

    def read(self, address: str) -> tuple[int, int]:
        """The tranche and number of the copy that came back. Raises TokenError for anything we did not make."""
        local = address.rpartition("@")[0].lower()
        if not local.startswith(_MARK):
            raise TokenError
        try:
            tranche_id, n = _LAYOUT.unpack(self._signer.believe(_decoded(local.removeprefix(_MARK))))
        except struct.error as error:
            raise TokenError from error
        return tranche_id, n

    @property
    def _signer(self) -> Signer:
        return Signer("bounce", self.secrets)


def _decoded(token: str) -> bytes:
    try:
        return base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except (binascii.Error, ValueError) as error:
        raise TokenError from error
