"""The return path of a copy leads back to it, whatever the way back does to letters, and to nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rida.kernel.errors import TokenError
from rida.outbox.return_path import ReturnPaths

PATHS = ReturnPaths({0: b"old", 1: b"new"})
copies = st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 2**31 - 1))


@given(copies)
def test_a_return_path_is_read_back_in_either_case(copy: tuple[int, int]) -> None:
    address = PATHS.of(*copy, "bounce.warda.example")
    assert PATHS.read(address) == PATHS.read(address.upper()) == copy
    assert len(address.partition("@")[0]) <= 64


@given(copies, st.integers(0, 100), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567-"))
def test_a_changed_letter_is_nobodys(copy: tuple[int, int], at: int, letter: str) -> None:
    address = PATHS.of(*copy, "bounce.warda.example")
    at %= address.index("@") - 1  # the last letter's lowest bits are padding
    changed = address[:at] + letter + address[at + 1 :]
    if changed != address:
        with pytest.raises(TokenError):
            PATHS.read(changed)


def test_an_older_secret_is_still_believed() -> None:
    address = ReturnPaths({0: b"old"}).of(7, 3, "bounce.warda.example")
    assert PATHS.read(address) == (7, 3)


@pytest.mark.parametrize(
    "address", ["", "@", "rosa@warda.example", "b-@x.example", "b-ab@x", "b-ا@x", "b-" + "a" * 60 + "@x"]
)
def test_strangers_addresses_are_nobodys(address: str) -> None:
    with pytest.raises(TokenError):
        PATHS.read(address)


def test_other_secrets_are_not_ours() -> None:
    with pytest.raises(TokenError):
        PATHS.read(ReturnPaths({1: b"theirs"}).of(7, 3, "bounce.warda.example"))
