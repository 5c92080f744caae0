"""Accepted mail as files: mail/<network>/<recipient>/<n>.eml, bytes as they came. n grows over the whole town.

Ids come back from web pages, so every part of one is checked before it becomes a path.
"""

import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_string
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, unquote

MOST_BYTES = 256 * 1024 * 1024
MOST_LETTERS = 50_000

_PART = re.compile(r"[A-Za-z0-9@%_+=~-][A-Za-z0-9@%_+=~.-]{0,199}")
_NUMBER = re.compile(r"[0-9]{8,12}")
_LONGEST_NAME = 200
_HEADERS_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Letter:
    """One message in one inbox. content: as received; in a list only its first part, enough for the headers."""

    id: str
    network: str
    recipient: str
    received_at: datetime
    size_bytes: int
    subject: str
    sender: str
    message_id: str
    content: bytes


class Inboxes:
    """Reads the inboxes below the town's folder; knows nothing of the process that fills them."""

    def __init__(self, folder: Path) -> None:
        self._root = folder / "mail"

    def networks(self) -> list[str]:
        return _names(self._root)

    def recipients(self, network: str) -> list[str]:
        """Addresses that got mail here."""
        if not _PART.fullmatch(network):
            return []
        return sorted(_address_of(self._root / network / name) for name in _names(self._root / network))

    def letters(self, recipient: str, most: int = 100) -> list[Letter]:
        """Newest first, whatever network took them."""
        name = safe_name(recipient)
        found = [path for network in self.networks() for path in _letter_files(self._root / network / name)]
        newest = sorted(found, key=lambda path: path.stem, reverse=True)[:most]
        return [letter for path in newest if (letter := _read(path, _HEADERS_BYTES))]

    def letter(self, letter_id: str) -> Letter | None:
        """The whole letter, None if there is none (any more)."""
        parts = letter_id.split("/")
        if len(parts) != 3 or not _NUMBER.fullmatch(parts[2]) or not all(map(_PART.fullmatch, parts[:2])):
            return None
        return _read(self._root / parts[0] / parts[1] / f"{parts[2]}.eml", None)


class Postman:
    """Puts accepted mail into the inboxes; when they hold too much, the oldest letter goes."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES, most_letters: int = MOST_LETTERS) -> None:
        self._root = folder / "mail"
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._most_bytes, self._most_letters = most_bytes, most_letters
        there = sorted(self._root.glob("*/*/*.eml"), key=lambda path: path.stem)
        self._kept = deque((path, path.stat().st_size) for path in there)
        self._bytes = sum(size for _, size in self._kept)
        self._last = int(there[-1].stem) if there else 0

    def deliver(self, network: str, recipient: str, content: bytes) -> str:
        """The letter's id. Raises OSError (a full disk, say): the receiver then says 452."""
        self._last += 1
        box = self._root / network / safe_name(recipient)
        _open_box(box, recipient)
        path = box / f"{self._last:08}.eml"
        _write_whole(path, content)
        self._kept.append((path, len(content)))
        self._bytes += len(content)
        self._drop_oldest()
        return f"{network}/{box.name}/{path.stem}"

    def _drop_oldest(self) -> None:
        while len(self._kept) > self._most_letters or (self._bytes > self._most_bytes and len(self._kept) > 1):
            path, size = self._kept.popleft()
            path.unlink(missing_ok=True)
            self._bytes -= size


def safe_name(recipient: str) -> str:
    """A folder name for an address: percent-encoded, or a hash where that would be longer than file systems allow."""
    lower = recipient.lower()
    name = quote(lower, safe="@+=")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    return name if len(name) <= _LONGEST_NAME else sha256(lower.encode()).hexdigest()


def _open_box(box: Path, recipient: str) -> None:
    if box.exists():
        return
    box.mkdir(parents=True, mode=0o700)
    if "@" not in box.name:  # a hash does not lead back to the address
        (box / "address").write_text(recipient.lower())


def _write_whole(path: Path, content: bytes) -> None:
    """A reader must never see half a letter."""
    draft = path.with_suffix(".part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _address_of(box: Path) -> str:
    return unquote(box.name) if "@" in box.name else (box / "address").read_text()


def _letter_files(box: Path) -> Iterator[Path]:
    return box.glob("*.eml")


def _read(path: Path, most: int | None) -> Letter | None:
    try:
        with path.open("rb") as file:
            content, status = file.read(most), os.fstat(file.fileno())
    except OSError:  # dropped between listing and reading
        return None
    headers = message_from_string(content.partition(b"\r\n\r\n")[0].decode("utf-8", "replace"))
    return Letter(
        id="/".join((*path.parts[-3:-1], path.stem)),
        network=path.parts[-3],
        recipient=_address_of(path.parent),
        received_at=datetime.fromtimestamp(status.st_mtime, UTC),
        size_bytes=status.st_size,
        subject=_text(headers.get("Subject", "")),
        sender=_text(headers.get("From", "")),
        message_id=_text(headers.get("Message-ID", "")),
        content=content,
    )


def _text(value: str) -> str:
    """A header for people; what cannot be decoded is shown as it came."""
    try:
        return str(make_header(decode_header(" ".join(value.split()))))
    except (LookupError, ValueError, HeaderParseError):
        return value
