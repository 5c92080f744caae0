"""What an SMTP server says: bytes to replies, however the network cut them. Pure.

A hostile server may talk for ever, so a line and the number of lines have a bound. What is no SMTP becomes one last
reply with code 0, and the reader hears nothing more: a remote mistake is data here, never an exception.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rida.kernel.reply import Reply, Step

# RFC 5321 §4.5.3.1.5 allows 512 octets a reply line; Google's and Microsoft's longest are about three times that.
_MAX_LINE = 4096
_MAX_LINES = 128
_MAX_TEXT = 1000
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
# “#5.1.0 …” is how IronPort writes it, “5.7.1: …” how some Postfix filters do.
_ENHANCED = re.compile(r"#?([245]\.\d{1,3}\.\d{1,3})(?:[:;,.]?\s+|$)")


@dataclass(frozen=True, slots=True)
class Spoken:
    """One complete reply before anybody knows which command it answers. code 0: no SMTP, the only line says why."""

    code: int
    lines: tuple[str, ...]

    def at(self, step: Step) -> Reply:
        """The reply as an answer at `step`: enhanced code taken out of every line, lines joined, at most 1,000 long."""
        found = _ENHANCED.match(self.lines[0]) if self.code else None
        if found is None:
            return Reply(step, self.code, "", " ".join(filter(None, self.lines))[:_MAX_TEXT])
        enhanced = found[1]
        text = " ".join(filter(None, (_without(enhanced, line) for line in self.lines)))
        return Reply(step, self.code, enhanced, text[:_MAX_TEXT])


def _without(enhanced: str, line: str) -> str:
    found = _ENHANCED.match(line)
    return line[found.end() :] if found and found[1] == enhanced else line


@dataclass(slots=True)
class ReplyReader:
    """Collects bytes until replies are whole. Accepts a bare LF as line end, as every client does."""

    _rest: bytes = b""
    _code: int = 0
    _lines: list[str] = field(default_factory=list)
    _deaf: bool = False

    def feed(self, received: bytes) -> list[Spoken]:
        """The replies that `received` completes, in order."""
        pieces = (self._rest + received).split(b"\n")
        self._rest = pieces.pop()
        replies = [spoken for piece in pieces if (spoken := self._line(piece.removesuffix(b"\r"))) is not None]
        if len(self._rest) > _MAX_LINE and not self._deaf:
            replies.append(self._nonsense("a reply line without end"))
        return replies

    def _line(self, line: bytes) -> Spoken | None:
        if self._deaf:
            return None
        match = _LINE.fullmatch(line)
        if match is None or len(line) > _MAX_LINE:
            return self._nonsense("not an SMTP reply: " + _readable(line[:80]))
        code = int(match[1])
        if self._lines and code != self._code:
            return self._nonsense(f"a reply that begins with {self._code} and goes on with {code}")
        self._code = code
        self._lines.append(_readable(match[3] or b""))
        if match[2] == b"-":
            return self._nonsense("a reply without end") if len(self._lines) >= _MAX_LINES else None
        lines, self._lines = tuple(self._lines), []
        return Spoken(code, lines)

    def _nonsense(self, why: str) -> Spoken:
        self._deaf = True
        self._rest, self._lines = b"", []
        return Spoken(0, (why,))


def _readable(raw: bytes) -> str:
    """Text that a database column and a page can hold: no NUL, no control characters, no broken UTF-8."""
    text = raw.decode("utf-8", "replace").strip()
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text).strip()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What EHLO offered. size 0: no fixed limit; None: SIZE not offered."""

    pipelining: bool = False
    size: int | None = None
    eightbit: bool = False
    smtputf8: bool = False
    enhanced_codes: bool = False
    starttls: bool = False
    auth: frozenset[str] = frozenset()
    """SASL mechanisms (RFC 4954 §3)."""


def capabilities(lines: Sequence[str]) -> Capabilities:
    """Read an EHLO reply; its first line is the greeting (RFC 5321 §4.1.1.1). Unknown keywords are ignored."""
    offered = dict([*line.upper().split(None, 1), ""][:2] for line in lines[1:] if line)
    size = offered.get("SIZE")
    return Capabilities(
        pipelining="PIPELINING" in offered,
        size=None if size is None else _size(size),
        eightbit="8BITMIME" in offered,
        smtputf8="SMTPUTF8" in offered,
        enhanced_codes="ENHANCEDSTATUSCODES" in offered,
        starttls="STARTTLS" in offered,
        auth=frozenset(offered.get("AUTH", "").split()),
    )


def _size(text: str) -> int:
    """0 (no fixed limit) for what is no number: the server meant something, and SIZE= on MAIL is still understood."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else 0
