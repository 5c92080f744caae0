"""Header fields as bytes: encoded, folded, and closed to injection. Pure.

RFC 5322 (lines of at most 78, never over 998), RFC 2047 (an encoded word has at most 75 characters and ends between
characters), RFC 2369, 2919, 8058. Nothing here accepts a line break; callers ask `has_line_break` first.
"""

import binascii
import re
from collections.abc import Iterator

_EOL = b"\r\n"
# 42 bytes are 56 characters of base64: with `=?utf-8?b?` and `?=` 68, and 78 behind the longest name we give words to.
_WORD_BYTES = 42
_PLAIN_LINE = 78
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_LONG_RUN = re.compile(r"[^ ]{61}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTED_LIMIT = 60


def line_of(name: str, value: str) -> bytes:
    """A field of free text: `Subject`."""
    if _is_plain(value):
        return _folded(f"{name}: {value}")
    return f"{name}: ".encode() + b"\r\n ".join(_encoded_words(value)) + _EOL


def exact(name: str, value: str) -> bytes:
    """A field whose value is a token (a URI, an id, an address): it has no place to fold at."""
    return f"{name}: {value}".encode() + _EOL


def mailbox(name: str, shown: str, address: str) -> bytes:
    """An address with the name shown beside it: `From`, `Reply-To`, `To`. shown may be empty."""
    if not shown:
        return exact(name, address)
    return f"{name}: ".encode() + phrase(shown) + _beside(name, shown, f"<{address}>")


def list_id(shown: str, identifier: str) -> bytes:
    """RFC 2919: the list's name for people, its id for programs."""
    if not shown:
        return exact("List-Id", f"<{identifier}>")
    return b"List-Id: " + phrase(shown) + _EOL + f" <{identifier}>".encode() + _EOL


def phrase(text: str) -> bytes:
    """A display name (RFC 5322 phrase): atoms as they are, else quoted, else encoded words."""
    if len(text) <= _QUOTED_LIMIT and "=?" not in text:
        if _ATOMS.fullmatch(text):
            return text.encode()
        if _PLAIN.fullmatch(text):
            return b'"' + re.sub(r'(["\\])', r"\\\1", text).encode() + b'"'
    return b"\r\n ".join(_encoded_words(text))


def _beside(name: str, shown: str, rest: str) -> bytes:
    """On the same line if it fits there."""
    fits = _PLAIN.fullmatch(shown) is not None and len(name) + len(shown) + len(rest) <= _PLAIN_LINE - 6
    return (b" " if fits and len(shown) <= _QUOTED_LIMIT else b"\r\n ") + rest.encode() + _EOL


def _is_plain(value: str) -> bool:
    """ASCII that can be folded at its single spaces and holds nothing that reads like an encoded word."""
    return not value or (_PLAIN.fullmatch(value) is not None and "=?" not in value and not _LONG_RUN.search(value))


def _folded(line: str) -> bytes:
    """Breaks before a space; unfolding gives the same text back."""
    lines, rest = [], line
    while len(rest) > _PLAIN_LINE:
        cut = rest.rindex(" ", 1, _PLAIN_LINE + 1)
        # Never leave the field's name alone on its line.
        lines.append(rest[:cut])
        rest = rest[cut:]
    return _EOL.join(part.encode() for part in [*lines, rest]) + _EOL


def _encoded_words(text: str) -> Iterator[bytes]:
    for chunk in _chunks(text):
        yield b"=?utf-8?b?" + binascii.b2a_base64(chunk, newline=False) + b"?="


def _chunks(text: str) -> Iterator[bytes]:
    """UTF-8 in pieces of at most 42 bytes that end between characters."""
    octets = text.encode()
    start = 0
    while len(octets) - start > _WORD_BYTES:
        end = start + _WORD_BYTES
        while octets[end] & 0xC0 == 0x80:
            end -= 1
        yield octets[start:end]
        start = end
    yield octets[start:]
