"""A relay with TLS and a password, half of whose connections are slow; writes down what it sees as the town does.

    python tests/chaos/relay.py FOLDER

Prints its port, and lays the certificate of its authority beside the log. MAIL counts for the account (`relay`) and, at
the same moment, for the network of the recipient's domain.
"""

import asyncio
import itertools
import re
import signal
import ssl
import sys
import time
from email import message_from_bytes
from pathlib import Path

from rida.delivery.tests.authority import authority
from rida.town.counters import Event, Kind
from rida.town.events import FLUSH_SECONDS, EventLog

RELAY, PORT_FILE, AUTHORITY_FILE = "relay", "port", "authority.pem"
_QUICK, _SLOW = 0.002, 0.03
_turn = itertools.count()


class Visit:
    """One connection."""

    def __init__(self, log: EventLog, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.log, self.reader, self.writer = log, reader, writer
        self.step_seconds = _SLOW if next(_turn) % 2 else _QUICK
        self.mail_at, self.recipient, self.secure = 0, "", False

    async def attend(self, context: ssl.SSLContext) -> None:
        await self.say("220 relay.test ESMTP")
        while line := (await self.reader.readline()).decode().strip():
            await asyncio.sleep(self.step_seconds)
            verb = line.split()[0].upper()
            if verb == "STARTTLS":
                await self.say("220 go ahead")
                await self.writer.start_tls(context)
                self.secure = True
            elif verb == "QUIT":
                return await self.say("221 bye")
            else:
                await self.answer(verb, line)
        return None

    async def answer(self, verb: str, line: str) -> None:
        if verb == "EHLO":
            more = "AUTH PLAIN\r\n250-PIPELINING" if self.secure else "STARTTLS"
            await self.say(f"250-relay.test\r\n250-{more}\r\n250 8BITMIME")
        elif verb == "AUTH":
            await self.say("235 2.7.0 welcome" if self.secure else "538 5.7.11 encryption required")
        elif verb == "MAIL":
            self.mail_at = time.monotonic_ns()
            await self.say("250 ok")
        elif verb == "RCPT":
            self.recipient = line.partition("<")[2].partition(">")[0]
            self.note(Kind.MAIL, RELAY, self.mail_at)
            self.note(Kind.MAIL, self.network, self.mail_at)
            await self.say("250 ok")
        elif verb == "DATA":
            await self.say("354 go on")
            await self.take()
        else:
            await self.say("250 ok")

    async def take(self) -> None:
        content = await self.reader.readuntil(b"\r\n.\r\n")
        await asyncio.sleep(self.step_seconds)
        message_id = str(message_from_bytes(content)["Message-ID"])
        # Before the answer: it has arrived, whether anybody hears so or not.
        self.note(Kind.ACCEPTED, self.network, time.monotonic_ns(), message_id)
        await self.say("250 2.0.0 taken")

    @property
    def network(self) -> str:
        found = re.search(r"net-\d+", self.recipient)
        return found[0] if found else "?"

    def note(self, kind: Kind, network: str, at_ns: int, message_id: str = "") -> None:
        self.log.add(Event(at_ns, network, kind, self.recipient, message_id))

    async def say(self, text: str) -> None:
        self.writer.write(f"{text}\r\n".encode())
        await self.writer.drain()


async def _live(folder: Path) -> None:
    end, log, context = asyncio.Event(), EventLog(folder), authority().server("localhost")
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        log.add(Event(time.monotonic_ns(), RELAY, Kind.OPEN))
        try:
            await Visit(log, reader, writer).attend(context)
        except (OSError, asyncio.IncompleteReadError):
            pass  # killed in the middle of a word: what the storm is for
        finally:
            log.add(Event(time.monotonic_ns(), RELAY, Kind.CLOSE))
            writer.transport.abort()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    (folder / AUTHORITY_FILE).write_text(authority().pem)
    (folder / PORT_FILE).write_text(str(server.sockets[0].getsockname()[1]))
    while not end.is_set():
        await asyncio.sleep(FLUSH_SECONDS)
        log.flush()
    log.close()


if __name__ == "__main__":
    asyncio.run(_live(Path(sys.argv[1])))
