"""Merkle trees as RFC 9162 §2.1 hashes them: root, proofs, and how to check them. Pure.

Leaves come as hashes (`leaf_hash`). A tree of n leaves splits at the largest power of two below n. Proofs are lists of
32-byte nodes, nearest to the leaf first.
"""

import hashlib
from collections.abc import Iterable, Sequence

Node = bytes
HASH_BYTES = 32


def leaf_hash(leaf: bytes) -> Node:
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: Node, right: Node) -> Node:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Iterable[Node]) -> Node:
    """Root over leaf hashes in one pass; memory grows with the logarithm. The empty tree is SHA-256 of nothing."""
    peaks: list[tuple[int, Node]] = []  # whole subtrees, from the left: (height, hash), heights falling
    for leaf in leaves:
        height, node = 0, leaf
        while peaks and peaks[-1][0] == height:
            node = node_hash(peaks.pop()[1], node)
            height += 1
        peaks.append((height, node))
    return _bag([node for _, node in peaks])


def _bag(peaks: list[Node]) -> Node:
    if not peaks:
        return hashlib.sha256().digest()
    node = peaks.pop()
    while peaks:
        node = node_hash(peaks.pop(), node)
    return node


def inclusion_proof(leaves: Sequence[Node], index: int) -> list[Node]:
    """Path from leaf `index` to the root of `leaves` (§2.1.3.1). Raises IndexError for a leaf that is not there."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root(leaves[:split])]


def consistency_proof(leaves: Sequence[Node], old_size: int) -> list[Node]:
    """That the tree of the first `old_size` leaves is the beginning of this one (§2.1.4.1).

    Raises IndexError unless 0 < old_size <= len(leaves): from the empty tree there is nothing to prove.
    """
    if not 0 < old_size <= len(leaves):
        raise IndexError(old_size)
    return _subproof(leaves, old_size, whole=True)


def _subproof(leaves: Sequence[Node], old_size: int, *, whole: bool) -> list[Node]:
    if old_size == len(leaves):
        return [] if whole else [root(leaves)]
    split = _split(len(leaves))
    if old_size <= split:
        return [*_subproof(leaves[:split], old_size, whole=whole), root(leaves[split:])]
    return [*_subproof(leaves[split:], old_size - split, whole=False), root(leaves[:split])]


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)


# --- checking -------------------------------------------------------------------------------------------------------


def includes(tree_root: Node, size: int, index: int, leaf: Node, proof: Sequence[Node]) -> bool:
    """Whether `proof` shows `leaf` (a leaf hash) at `index` of the tree with that root and size (§2.1.3.2)."""
    if not 0 <= index < size or not _are_nodes([tree_root, leaf, *proof]):
        return False
    node, at, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            at, last = _skip(at, last)
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and node == tree_root


def _skip(at: int, last: int) -> tuple[int, int]:
    """Up past the levels where an only right child has no sibling."""
    while at and not at & 1:
        at, last = at >> 1, last >> 1
    return at, last


def extends(old_root: Node, old_size: int, new_root: Node, new_size: int, proof: Sequence[Node]) -> bool:
    """Whether `proof` shows the old tree to be the beginning of the new one (§2.1.4.2).

    Never from the empty tree: it begins every tree, so a yes would say nothing.
    """
    if not 0 < old_size <= new_size or not _are_nodes(proof):
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    nodes = [*proof] if old_size & (old_size - 1) else [old_root, *proof]
    return bool(nodes) and _climb(nodes, old_size - 1, new_size - 1) == (old_root, new_root)


def _climb(nodes: list[Node], at: int, last: int) -> tuple[Node, Node] | None:
    """Both roots as the nodes give them, or None if there are too many or too few nodes."""
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return None
        if at & 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            at, last = _skip(at, last)
        else:
            new = node_hash(new, sibling)
        at, last = at >> 1, last >> 1
    return (old, new) if last == 0 else None


def _are_nodes(nodes: Iterable[bytes]) -> bool:
    return all(len(node) == HASH_BYTES for node in nodes)
