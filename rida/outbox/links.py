"""The two links in every copy: leave, and view in the browser. Pure.

A token names the copy and the person, and holds everything an unsubscribe needs: it works after the delivery rows are
gone (R13: at least 30 days, R44: 60; ours do not expire).
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from rida.kernel.errors import TokenError
from rida.kernel.signing import Signer

_LAYOUT = struct.Struct(">IqI16s")


@dataclass(frozen=True, slots=True)
class Copy:
    """One person's copy. tranche_id 0: no delivery behind it (a preview)."""

    workspace_id: int
    tranche_id: int
    n: int
    address_hash: bytes


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and reads the links; one key a purpose, so that a view link cannot unsubscribe."""

    base_url: str
    secrets: Mapping[int, bytes]

    def leave(self, copy: Copy) -> str:
        return f"{self.base_url}/u/{self._leave.sign(_pack(copy))}"

    def view(self, copy: Copy) -> str:
        return f"{self.base_url}/v/{self._view.sign(_pack(copy))}"

    def read_leave(self, token: str) -> Copy:
        """Raises TokenError."""
        return _unpack(self._leave.read(token))

    def read_view(self, token: str) -> Copy:
        """Raises TokenError."""
        return _unpack(self._view.read(token))

    @property
    def _leave(self) -> Signer:
        return Signer("leave", self.secrets)

    @property
    def _view(self) -> Signer:
        return Signer("view", self.secrets)


def _pack(copy: Copy) -> bytes:
    return _LAYOUT.pack(copy.workspace_id, copy.tranche_id, copy.n, copy.address_hash)


def _unpack(payload: bytes) -> Copy:
    try:
        workspace_id, tranche_id, n, address_hash = _LAYOUT.unpack(payload)
    except struct.error as error:
        raise TokenError from error
    return Copy(workspace_id, tranche_id, n, address_hash)
