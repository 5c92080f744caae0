"""DKIM: the signature on a finished message (RFC 6376, rsa-sha256, relaxed/relaxed). Pure.

It lives here and not in delivery because preflight must judge the same bytes that go to the wire. What all signers of
a message share (its canonical form, the hash of its body) is made once, as `Seen`; each signer adds a field of its own.
"""

import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from rida.outbox import canonical, dkim_keys

LIFETIME_SECONDS = 30 * 24 * 3600
"""x= less t=. Long enough for a relay's queue, a forwarder's queue and a mailbox fetched after the holidays; the end
of it is when a retired key may leave DNS, and when a stolen copy is no longer good for replay."""

# Signed where they are and listed once more, so that one added later breaks the signature (RFC 6376 §8.15). RFC 8058 §4
# asks for the two List-Unsubscribe fields, RFC 9477 for CFBL. Sender is not here: relays of submission add it.
OVERSIGNED = (
    *(b"from", b"to", b"cc", b"subject", b"date", b"reply-to", b"message-id", b"mime-version", b"content-type"),
    *(b"list-unsubscribe", b"list-unsubscribe-post", b"list-id", b"feedback-id", b"cfbl-address", b"cfbl-feedback-id"),
)
_OVERSIGNED = frozenset(OVERSIGNED)
_LINE = 78
_SIGNATURE_LINE = 72
_PADDING, _HASH = PKCS1v15(), SHA256()


@dataclass(frozen=True, slots=True)
class Seen:
    """What every signature of one message covers.

    names, lines: the signed fields from the last up, which is the order verifiers count in (RFC 6376 §5.4.2).
    body_hash: base64.
    """

    names: tuple[bytes, ...]
    lines: bytes
    body_hash: bytes


def see(fields: Sequence[canonical.Field], body: bytes) -> Seen:
    """fields: canonical, from the top down. body: canonical too."""
    signed = [field for field in reversed(fields) if field[0] in _OVERSIGNED]
    body_hash = binascii.b2a_base64(sha256(body).digest(), newline=False)
    return Seen(tuple([name for name, _ in signed]), b"".join([line for _, line in signed]), body_hash)


class Signer:
    """A domain's key under one selector. A second algorithm (RFC 8463) replaces `algorithm` and `_signature`.

    domain: A-labels. key: PEM, or an RSA key. Raises KeyUnfit.
    """

    algorithm: ClassVar[bytes] = b"rsa-sha256"

    def __init__(self, domain: str, selector: str, key: bytes | RSAPrivateKey) -> None:
        self._domain = dkim_keys.name_of(domain)
        self._selector = dkim_keys.name_of(selector)
        self._key = dkim_keys.fit_key(key)

    def field(self, seen: Seen, at: int) -> bytes:
        """The whole field with CRLF, to stand before the message. at: seconds since 1970."""
        folded, plain = _start(self.algorithm, self._domain, self._selector, seen.names)
        times = b"%d; x=%d;" % (at, at + LIFETIME_SECONDS)
        ours = b"%b%b%b bh=%b; b=" % (seen.lines, plain, times, seen.body_hash)
        code = binascii.b2a_base64(self._signature(ours), newline=False)
        value = b"\r\n ".join([code[i : i + _SIGNATURE_LINE] for i in range(0, len(code), _SIGNATURE_LINE)])
        return b"%b%b\r\n bh=%b;\r\n b=%b\r\n" % (folded, times, seen.body_hash, value)

    def _signature(self, text: bytes) -> bytes:
        return self._key.sign(text, _PADDING, _HASH)


def stamps(signers: Iterable[Signer], seen: Seen, at: int) -> bytes:
    """One field of each signer, to stand before the message."""
    return b"".join([signer.field(seen, at) for signer in signers])


def sign(message: bytes, signers: Iterable[Signer], at: int) -> bytes:
    """The message with one DKIM-Signature of each signer on top. Nothing may change it afterwards."""
    head, _, body = message.partition(b"\r\n\r\n")
    return stamps(signers, see(canonical.fields(head), canonical.body(body)), at) + message


@lru_cache(maxsize=1024)
def _start(algorithm: bytes, domain: bytes, selector: bytes, names: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    """The field up to `t=`, folded and canonical: the same for all copies of a launch."""
    words = [b" v=1;", b" a=%b;" % algorithm, b" c=relaxed/relaxed;", b" d=%b;" % domain, b" s=%b;" % selector]
    *listed, last = names + OVERSIGNED
    lines = [b"DKIM-Signature:"]
    for word in [*words, b" h=", *[name + b":" for name in listed], last + b";"]:
        if len(lines[-1]) + len(word) > _LINE:
            lines.append(b" " + word.lstrip(b" "))
        else:
            lines[-1] += word
    folded = b"\r\n".join([*lines, b" t="])
    return folded, b"dkim-signature:" + folded.replace(b"\r\n ", b" ").partition(b": ")[2]
