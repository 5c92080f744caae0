"""A scripted SMTP server on loopback: polite by default, hostile on demand. It writes down what it sees, in order.

script: verb → what to say; a list is used up one a time and its last entry stays. Verbs are GREETING, EHLO, HELO, MAIL,
RCPT, DATA, DOT, RSET, STARTTLS, AUTH, QUIT, and WORD for each line of an AUTH exchange. What to say: text (one line a
reply line, without CRLF), DROP, SILENCE, or a Raw/Slow.
"""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

Story = list[tuple[str, ...]]


class Drop:
    """Reset the connection without a word."""


class Silence:
    """Say nothing, stay there."""


@dataclass(frozen=True)
class Raw:
    sent: bytes
    then_drop: bool = False


@dataclass(frozen=True)
class Slow:
    """Say it one byte at a time."""

    text: str
    seconds_a_byte: float


@dataclass(frozen=True)
class Late:
    text: str
    seconds: float


DROP, SILENCE = Drop(), Silence()
Say = str | Drop | Silence | Raw | Slow | Late
PIPELINED = "250-peer.test\n250-PIPELINING\n250-8BITMIME\n250 SIZE 100000"
STEP_BY_STEP = "250 peer.test"
_POLITE: dict[str, Say] = {
    "GREETING": "220 peer.test ESMTP",
    "EHLO": PIPELINED,
    "HELO": "250 peer.test",
    "RSET": "250 ok",
    "STARTTLS": "220 go ahead",
    "AUTH": "235 2.7.0 welcome",
    "WORD": "235 2.7.0 welcome",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "DOT": "250 2.0.0 queued",
    "QUIT": "221 bye",
}


@dataclass
class Message:
    mail: str
    rcpt: str
    content: bytes


@dataclass
class Peer:
    script: Mapping[str, Say | list[Say]] = field(default_factory=dict)
    story: Story = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    lone_dots: int = 0
    open_sockets: int = 0
    most_open: int = 0
    port: int = 0
    deaf_after: str = ""
    """A verb after which it reads nothing more, so that our bytes pile up on our side."""
    tls: ssl.SSLContext | None = None
    """For STARTTLS, which the script's EHLO must offer."""
    tls_from_the_start: bool = False

    async def __aenter__(self) -> Self:
        self._said: dict[str, int] = {}
        at_once = self.tls if self.tls_from_the_start else None
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self.port, ssl=at_once)
        self.port = self._server.sockets[0].getsockname()[1]
        self._visits: set[asyncio.Task[None]] = set()
        return self

    async def __aexit__(self, *args: object) -> None:
        self._server.close()
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    def seen(self, verb: str) -> list[str]:
        return [line for kind, *rest in self.story if kind == verb for line in rest]

    def scripted(self, verb: str) -> Say | None:
        entry = self.script.get(verb)
        if not isinstance(entry, list):
            return entry
        turn = self._said[verb] = self._said.get(verb, -1) + 1
        return entry[min(turn, len(entry) - 1)]

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        with self._counted():
            try:
                await Visit(self, reader, writer).attend()
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError, asyncio.LimitOverrunError):
                pass
            finally:
                writer.transport.abort()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self.open_sockets += 1
        self.most_open = max(self.most_open, self.open_sockets)
        self.story.append(("open",))
        try:
            yield
        finally:
            self.open_sockets -= 1
            self.story.append(("closed",))


class Hung(OSError):
    """The script hangs up."""


@dataclass
class Visit:
    """One connection; keeps the transaction state of RFC 5321."""

    peer: Peer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    mail: str = ""
    rcpt: str = ""

    async def attend(self) -> None:
        await self.say("GREETING")
        while True:
            line = (await self.reader.readuntil(b"\r\n"))[:-2].decode()
            verb, _, rest = line.partition(" ")
            self.peer.story.append((verb, rest))
            if verb == "QUIT":
                await self.say("QUIT")
                return
            await self.answer(verb, rest)

    async def answer(self, verb: str, rest: str) -> None:
        said = await self.say(verb, self.objection(verb))
        if verb == self.peer.deaf_after:
            await asyncio.sleep(60)
        good = isinstance(said, str | Slow | Late) and str(getattr(said, "text", said))[0] in "23"
        if verb in ("EHLO", "HELO", "RSET"):
            self.mail = self.rcpt = ""
        elif verb == "MAIL" and good:
            self.mail = rest
        elif verb == "RCPT" and good:
            self.rcpt = rest
        elif verb == "DATA" and good:
            await self.take()
        elif verb == "STARTTLS" and self.peer.tls and (good or isinstance(said, Raw)):
            await self.encrypt(self.peer.tls)
        elif verb == "AUTH":
            await self.examine(said)

    def objection(self, verb: str) -> str | None:
        if verb == "MAIL" and self.mail:
            return "503 5.5.1 nested MAIL"
        if verb in ("RCPT", "DATA") and not self.mail:
            return "503 5.5.1 need MAIL first"
        return "554 5.5.1 no valid recipients" if verb == "DATA" and not self.rcpt else None

    async def encrypt(self, context: ssl.SSLContext) -> None:
        try:
            await self.writer.start_tls(context)
        except ssl.SSLError as error:
            raise Hung from error
        self.peer.story.append(("encrypted",))

    async def examine(self, said: Say) -> None:
        """As long as it is answered by 334, more lines come."""
        while isinstance(said, str) and said.startswith("334"):
            line = (await self.reader.readuntil(b"\r\n"))[:-2].decode()
            self.peer.story.append(("WORD", line))
            said = await self.say("WORD")

    async def take(self) -> None:
        lines: list[bytes] = []
        while (line := await self.reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        if not lines:
            self.peer.lone_dots += 1
        mail, rcpt, self.mail, self.rcpt = self.mail, self.rcpt, "", ""
        self.peer.story.append(("DOT", rcpt))
        said = await self.say("DOT")
        if str(getattr(said, "text", said)).startswith("2"):
            self.peer.messages.append(Message(mail, rcpt, b"".join(lines)))

    async def say(self, verb: str, objection: str | None = None) -> Say:
        said = self.peer.scripted(verb) or objection or _POLITE.get(verb, "500 what?")
        if isinstance(said, Drop):
            raise Hung
        if isinstance(said, Raw):
            self.writer.write(said.sent)
            if said.then_drop:
                await self.writer.drain()
                raise Hung
        elif isinstance(said, Slow):
            for byte in (said.text + "\r\n").encode():
                self.writer.write(bytes([byte]))
                await self.writer.drain()
                await self.pause(said.seconds_a_byte)
        elif not isinstance(said, Silence):
            if isinstance(said, Late):
                await self.pause(said.seconds)
            text = said.text if isinstance(said, Late) else said
            self.writer.write(text.replace("\n", "\r\n").encode() + b"\r\n")
            if text.startswith("421"):
                await self.writer.drain()
                self.writer.close()
                raise Hung
        return said

    async def pause(self, seconds: float) -> None:
        """Sleep, but notice that the other side has closed, though its last words lie unread before the end."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            if self.reader.exception() or self.reader._eof:  # type: ignore[attr-defined]
                raise Hung
            await asyncio.sleep(min(left, 0.005))
