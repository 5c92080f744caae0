"""Seals: round trips, secrets that are replaced, and everything somebody could change in a row."""

import pytest

from rida.kernel.errors import SealBroken
from rida.kernel.sealing import Seal

OLD, NEW = b"the old secret", b"the new secret"
SEAL = Seal("dkim-key", {0: OLD})


@pytest.mark.parametrize("plain", [b"", b"x", b"-----BEGIN PRIVATE KEY-----\n" * 60])
def test_what_was_sealed_opens(plain: bytes) -> None:
    sealed = SEAL.close(plain, "here")
    assert SEAL.open(sealed, "here") == plain
    assert len(plain) < 9 or plain not in sealed


def test_one_text_sealed_twice_looks_different() -> None:
    assert SEAL.close(b"x", "here") != SEAL.close(b"x", "here")


def test_a_new_secret_seals_while_the_old_one_still_opens() -> None:
    both = Seal("dkim-key", {0: OLD, 1: NEW})
    assert both.open(SEAL.close(b"x", "here"), "here") == b"x"
    assert both.close(b"x", "here")[0] == 1


def test_every_changed_byte_is_noticed() -> None:
    sealed = SEAL.close(b"secret", "here")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(SealBroken):
            SEAL.open(bytes(changed), "here")


@pytest.mark.parametrize(
    "other",
    [
        Seal("dkim-key", {0: NEW}),
        Seal("dkim-key", {1: OLD}),
        Seal("relay-password", {0: OLD}),
    ],
)
def test_another_secret_key_id_or_purpose_does_not_open(other: Seal) -> None:
    with pytest.raises(SealBroken, match="RIDA_SECRET is not the one"):
        other.open(SEAL.close(b"x", "here"), "here")


def test_it_opens_in_its_own_place_only() -> None:
    with pytest.raises(SealBroken):
        SEAL.open(SEAL.close(b"x", "workspace 1"), "workspace 2")


@pytest.mark.parametrize("length", [0, 1, 12, 28])
def test_what_is_cut_short_does_not_open(length: int) -> None:
    with pytest.raises(SealBroken):
        SEAL.open(SEAL.close(b"x", "here")[:length], "here")


def test_a_seal_shows_no_secret() -> None:
    assert "secret" not in repr(SEAL)
