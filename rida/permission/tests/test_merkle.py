"""RFC 9162 hashing, against the vectors of transparency-dev/merkle and against itself."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rida.permission import merkle

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "data" / "merkle"
needs_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason=f"the public vectors are not at {VECTORS}")

LEAVES = st.lists(st.binary(max_size=4).map(merkle.leaf_hash), max_size=70)


def read(kind: str) -> list[dict[str, Any]]:
    found = sorted((VECTORS / kind).rglob("*.json"))
    assert len(found) > 50
    return [json.loads(file.read_text()) for file in found]


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


@needs_vectors
def test_inclusion_agrees_with_the_public_vectors() -> None:
    wrong = [
        case["desc"]
        for case in read("inclusion")
        if merkle.includes(
            raw(case["root"]),
            case["treeSize"],
            case["leafIdx"],
            raw(case["leafHash"]),
            [raw(node) for node in case["proof"] or []],
        )
        is case["wantErr"]
    ]
    assert wrong == []


@needs_vectors
def test_consistency_agrees_with_the_public_vectors() -> None:
    wrong = [
        case
        for case in read("consistency")
        if merkle.extends(
            raw(case["root1"]),
            case["size1"],
            raw(case["root2"]),
            case["size2"],
            [raw(node) for node in case["proof"] or []],
        )
        is case["wantErr"]
    ]
    assert wrong == []


def test_the_root_of_five_is_hashed_as_the_rfc_draws_it() -> None:
    a, b, c, d, e = leaves = [merkle.leaf_hash(bytes([n])) for n in range(5)]
    node = merkle.node_hash
    assert merkle.root(leaves) == node(node(node(a, b), node(c, d)), e)
    assert merkle.root([]) == hashlib.sha256(b"").digest()


@given(LEAVES)
def test_every_leaf_is_proved_and_no_other(leaves: list[bytes]) -> None:
    top = merkle.root(leaves)
    stranger = merkle.leaf_hash(b"not in here")
    for index, leaf in enumerate(leaves):
        proof = merkle.inclusion_proof(leaves, index)
        assert merkle.includes(top, len(leaves), index, leaf, proof)
        assert not merkle.includes(top, len(leaves), index, stranger, proof)
        assert not merkle.includes(top, len(leaves), index, leaf, [*proof, stranger])


@given(LEAVES.filter(bool), st.data())
def test_every_beginning_is_proved_and_a_changed_one_is_not(leaves: list[bytes], draw: st.DataObject) -> None:
    size = draw.draw(st.integers(1, len(leaves)))
    old, new = merkle.root(leaves[:size]), merkle.root(leaves)
    proof = merkle.consistency_proof(leaves, size)
    assert merkle.extends(old, size, new, len(leaves), proof)
    forged = merkle.root([merkle.leaf_hash(b"forged"), *leaves[1:size]])
    assert not merkle.extends(forged, size, new, len(leaves), proof)


def test_what_is_not_there_cannot_be_proved() -> None:
    with pytest.raises(IndexError):
        merkle.inclusion_proof([], 0)
    with pytest.raises(IndexError):
        merkle.consistency_proof([], 1)
