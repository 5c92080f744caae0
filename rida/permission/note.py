"""Checkpoints as signed notes (C2SP tlog-checkpoint and signed-note), Ed25519. Pure.

origin \\n size \\n base64(root) \\n \\n — name base64(key id, 4 bytes | signature) \\n
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class Head:
    """What a checkpoint states: the log called `origin` has so many leaves and this root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{_encode(self.root)}\n"


def sign(head: Head, seed: bytes) -> str:
    """The note, signed under the origin's name with the key that grows from 32 secret bytes."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    proof = _key_id(head.origin, key.public_key()) + key.sign(head.text().encode())
    return f"{head.text()}\n— {head.origin} {_encode(proof)}\n"


def read(note: str, public_key: bytes) -> Head | None:
    """What the note states, or None if this key (32 bytes) did not sign it under the origin's name."""
    text, blank, signatures = note.rpartition("\n\n")
    parts = f"{text}\n".split("\n")
    if not blank or len(parts) != 4 or not parts[1].isdecimal():
        return None
    origin, size, root, _ = parts
    if not _is_signed(f"{text}\n", signatures, origin, public_key):
        return None
    return Head(origin, int(size), base64.b64decode(root))


def public_key(seed: bytes) -> bytes:
    """32 bytes that anybody may have."""
    return _raw(Ed25519PrivateKey.from_private_bytes(seed).public_key())


def verifier_key(origin: str, public: bytes) -> str:
    """The public key as other programs read it: `name+hex(key id)+base64(type | key)`."""
    key = Ed25519PublicKey.from_public_bytes(public)
    return f"{origin}+{_key_id(origin, key).hex()}+{_encode(_ED25519 + public)}"


def _is_signed(text: str, signatures: str, name: str, public: bytes) -> bool:
    key = Ed25519PublicKey.from_public_bytes(public)
    for line in signatures.splitlines():
        prefix, _, encoded = line.rpartition(" ")
        proof = _decode(encoded) if prefix == f"— {name}" else b""
        if proof[:4] == _key_id(name, key) and _holds(key, proof[4:], text.encode()):
            return True
    return False


def _holds(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True


def _key_id(name: str, key: Ed25519PublicKey) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + _raw(key)).digest()[:4]


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
