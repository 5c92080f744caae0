"""Which charset a file is in, decided over the whole file. Pure.

UTF-8 proves itself: any other text breaks its rules within a few letters. So every byte is looked at while the file is
stored, and only what is no UTF-8 is guessed, from its lines with letters above ASCII. A few wrong bytes in a UTF-8 file
do not change the verdict; the rows that hold them are refused one by one.
"""

import codecs
import re
from dataclasses import dataclass, field

import chardet

from rida.kernel.errors import FileNotText

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD_BYTES = 64 * 1024
_SAMPLE_BYTES = 200 * 1024
_LONGEST_LINE = 1024 * 1024
_BINARY = re.compile(rb"\A(?:PK\x03\x04|\xd0\xcf\x11\xe0|%PDF|\x89PNG|\xff\xd8\xff|GIF8|\x1f\x8b)")
"""Spreadsheets, pictures, archives: what people drop here by mistake."""

_FOREIGN_LINES = re.compile(rb"[^\n]*[\x80-\xff][^\n]*\n?")
_HIGH_RUNS = re.compile(rb"[\x80-\xff]+")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(slots=True)
class Survey:
    """Fed the file piece by piece; then `charset()` says how to read it. Memory: 2 MB at most."""

    _head: bytearray = field(default_factory=bytearray)
    _sample: bytearray = field(default_factory=bytearray)
    _rest: bytes = b""
    _good: int = 0
    """Bytes that were rightly the second or later of a letter."""
    _bad: int = 0

    def feed(self, piece: bytes) -> None:
        if len(self._head) < _HEAD_BYTES:
            self._head += piece[: _HEAD_BYTES - len(self._head)]
        piece = self._rest + piece
        # Whole lines, so that no letter is cut in two; a line longer than any table has may be.
        cut = piece.rfind(b"\n") + 1 or (len(piece) if len(piece) > _LONGEST_LINE else 0)
        self._look(piece[:cut])
        self._rest = piece[cut:]

    def _look(self, lines: bytes) -> None:
        if lines.isascii():
            return
        try:
            self._good += len(lines) - len(lines.decode())
        except UnicodeDecodeError:
            self._look_closely(lines)

    def _look_closely(self, lines: bytes) -> None:
        text = lines.decode(errors="replace")
        wrong = text.count("\ufffd")
        self._bad += wrong
        self._good += len(text.replace("\ufffd", "").encode()) - (len(text) - wrong)
        for line in _FOREIGN_LINES.findall(lines):
            if len(self._sample) < _SAMPLE_BYTES:
                self._sample += line[: _SAMPLE_BYTES - len(self._sample)]

    def charset(self) -> str:
        """A Python codec name. Raises FileNotText."""
        self._look(self._rest)
        self._rest = b""
        head = bytes(self._head)
        for mark, name in _BOMS:
            if head.startswith(mark):
                return name
        if name := _wide(head):
            return name
        if _BINARY.match(head) or len(_CONTROLS.findall(head)) > len(head) // 100 + 2:
            raise FileNotText
        if self._bad * 20 <= self._good:
            return "utf-8"
        return _guess(bytes(self._sample))


def _wide(head: bytes) -> str:
    """UTF-16 without a mark: every ASCII sign, at least separators and line ends, has a zero on its other side."""
    if len(head) < 4:
        return ""
    even, odd, half = head[0::2].count(0), head[1::2].count(0), len(head) // 2
    if odd > half // 10 and even <= odd // 20:
        return "utf-16-le"
    if even > half // 10 and odd <= even // 20:
        return "utf-16-be"
    return ""


_ARABIC = "windows-1256"
_ACCENTED = ("windows-1252", "windows-1254")
_ALPHABETS = (_ARABIC, "windows-1251", "windows-1253", "windows-1255")
_SURE = 0.15


def _guess(sample: bytes) -> str:
    """chardet decides within a family, where it is sure; which family, the foreign runs tell by their length.

    An alphabet of its own comes in whole words, accents come as single letters. chardet alone errs on a handful of
    names: it reads one Arabic name among Latin ones as Windows-1252.
    """
    family = _ALPHABETS if _mean_run(sample) >= 1.8 else _ACCENTED
    found = chardet.detect(sample, include_encodings=list(family))
    name = (found["encoding"] or "").lower()
    if name not in family or (found["confidence"] or 0) < _SURE:
        name = family[0]
    return "iso-8859-6" if name == _ARABIC and _is_iso(sample) else name


_NOT_ISO = re.compile(rb"[\x80-\x9f\xdb-\xdf\xeb-\xff]")
"""In ISO 8859-6 nothing or vowel signs, in Windows-1256 many of the most frequent letters."""


def _is_iso(sample: bytes) -> bool:
    return not _NOT_ISO.search(sample) and sum(map(len, _HIGH_RUNS.findall(sample))) >= 20


def _mean_run(sample: bytes) -> float:
    runs = _HIGH_RUNS.findall(sample)
    return sum(map(len, runs)) / len(runs) if runs else 0.0
