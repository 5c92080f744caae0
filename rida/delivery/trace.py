"""What was said on one connection, line by line, for somebody who wants to read how their test fared. Pure.

Neither secrets nor content stand in it: of a login only the mechanism, of a message only its length. It is bounded,
since a server may talk for ever. Only a message that asks for it (`Item.traced`) is listened to: one connection carries
mail of several senders.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

HIDDEN = "•••"
_MOST_LINES, _LONGEST_LINE = 120, 400


class By(StrEnum):
    US = "us"
    THEM = "them"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Line:
    """Of a note, `text` is a code whose words stand in the console, and `params` what it speaks of."""

    by: By
    text: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Line":
        return cls(By(stored["by"]), stored["text"], stored["params"])


class Trace:
    """The opening of a connection is everybody's; after it, only what belongs to the message in hand."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)
        self._opening: list[Line] = []
        self._message: list[Line] | None = None
        self._listens = True

    @property
    def lines(self) -> tuple[Line, ...]:
        return (*self._opening, *(self._message or ()))

    def turn_to_message(self, *, listens: bool) -> None:
        """Another message begins, or none: what was said of the one before is forgotten."""
        self._message, self._listens = [], listens

    def said(self, sent: bytes) -> None:
        self._add(Line(By.US, self._clean(sent.decode("utf-8", "replace").rstrip("\r\n"))))

    def said_in_secret(self, sent: bytes) -> None:
        """A line of a login: its mechanism may be read, or that it was called off."""
        words = sent.decode("ascii", "replace").split()
        shown = words[:2] if words[:1] == ["AUTH"] else words[:1] if words == ["*"] else []
        self._add(Line(By.US, " ".join([*shown, HIDDEN] if len(words) > len(shown) else shown)))

    def said_content(self, sent: bytes) -> None:
        """A message up to its dot, or the dot alone."""
        if len(sent) > len(b".\r\n"):
            self.note("content", bytes=len(sent))
        self._add(Line(By.US, "."))

    def heard(self, code: int, lines: Sequence[str]) -> None:
        """code 0: the only line says what was no SMTP."""
        for number, text in enumerate(lines, 1):
            between = " " if number == len(lines) else "-"
            self._add(Line(By.THEM, self._clean(f"{code}{between}{text}" if code else text)))

    def note(self, code: str, **params: object) -> None:
        said = {name: self._clean(value) if isinstance(value, str) else value for name, value in params.items()}
        self._add(Line(By.NOTE, code, said))

    def _add(self, line: Line) -> None:
        into = self._opening if self._message is None else self._message
        if not self._listens or len(into) > _MOST_LINES:
            return
        into.append(line if len(into) < _MOST_LINES else Line(By.NOTE, "cut"))

    def _clean(self, text: str) -> str:
        """A server that repeats our password must not bring it to a page."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return "".join(char if char.isprintable() else "\ufffd" for char in text)[:_LONGEST_LINE]
