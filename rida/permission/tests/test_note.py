"""Signed checkpoints: what we write, others can read; what others write, we do not believe."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from rida.permission import note

SEED = bytes(range(32))
HEAD = note.Head("example.org/rida", 42, bytes(32))


def test_a_note_is_read_back_with_its_key_and_not_with_another() -> None:
    signed = note.sign(HEAD, SEED)
    assert note.read(signed, note.public_key(SEED)) == HEAD
    assert note.read(signed, note.public_key(bytes(32))) is None


def test_one_changed_letter_shows() -> None:
    signed = note.sign(HEAD, SEED)
    for changed in (signed.replace("42", "43"), signed.replace("example", "exemple"), signed[:-9], "", "a\n\nb"):
        assert note.read(changed, note.public_key(SEED)) is None


def test_the_signature_is_plain_ed25519_over_the_text() -> None:
    """Checked without our reader, as a verifier in another language would."""
    import base64

    text, _, line = note.sign(HEAD, SEED).partition("\n\n")
    dash, name, proof = line.split()
    assert (dash, name) == ("—", "example.org/rida")
    Ed25519PublicKey.from_public_bytes(note.public_key(SEED)).verify(base64.b64decode(proof)[4:], f"{text}\n".encode())
    assert text.split("\n") == ["example.org/rida", "42", base64.b64encode(bytes(32)).decode()]
    assert note.verifier_key(HEAD.origin, note.public_key(SEED)).startswith("example.org/rida+")
