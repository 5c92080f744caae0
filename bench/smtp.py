"""What one message costs the delivery stage in CPU: sessions into a fast receiver, with a ledger that costs nothing.

The receiver is a process of its own, so that only our side is counted. Volleys of five, twenty messages a connection.
"""

import asyncio
import json as json_format
import logging
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import uvloop

from rida.delivery.engine import Engine
from rida.delivery.manners import Manners
from rida.delivery.ports import Host, Item, Key, Letter, Place, Result, Volley, Word
from rida.delivery.route import Door, Route, Tls
from rida.delivery.session import House
from rida.kernel.clock import elapsed_seconds
from rida.kernel.reply import Outcome

VOLLEY = 5
_PATIENCE_SECONDS = 120
_TEXT = b"Mother's Day is on Sunday; the tulips of last year have grandchildren now.\r\n"
LETTER = b"Subject: Tulips\r\nFrom: Flora <flora@rida.test>\r\n\r\n" + _TEXT * 100
WORD = Word()


class Sink(asyncio.Protocol):
    """Takes everything, pipelined, and thinks about nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.rest, self.in_body = b"", False
        self.transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.rest += data
        while True:
            if self.in_body:
                if not self.rest.endswith(b"\r\n.\r\n"):
                    return
                self.rest, self.in_body = b"", False
                self.transport.write(b"250 2.0.0 queued\r\n")
                return
            line, end, rest = self.rest.partition(b"\r\n")
            if not end:
                return
            self.rest = rest
            self.answer(line[:4])

    def answer(self, verb: bytes) -> None:
        if verb == b"EHLO":
            self.transport.write(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10000000\r\n")
        elif verb == b"DATA":
            self.in_body = True
            self.transport.write(b"354 go on\r\n")
        elif verb == b"QUIT":
            self.transport.write(b"221 bye\r\n")
            self.transport.close()
        else:
            self.transport.write(b"250 ok\r\n")


async def _sink() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Free:
    """Ledger, atlas, press and guard in one, at no cost: what remains is delivery itself."""

    def __init__(self, port: int, messages: int) -> None:
        self.left = messages
        self.accepted = 0
        self._place = Place("net", "site", (Host("sink", ("127.0.0.1",), port),))
        self._volleys = 0

    def volley(self) -> Volley | None:
        size = min(VOLLEY, self.left)
        self.left -= size
        self._volleys += 1
        members = tuple(
            Item(Key(self._volleys, n), 1, 1, 1, f"reader{n}@sink.test", b"", {}) for n in range(1, size + 1)
        )
        volley = Volley(self._volleys, 1, "net", 1, "site", 1, False, members, elapsed_seconds(), 60)
        return volley if size else None

    async def begin(self, volley: Volley) -> Word:
        return WORD

    async def record(self, volley: Volley, results: Sequence[Result], coming: Sequence[Item]) -> Word:
        assert all(result.outcome is Outcome.ACCEPTED for result in results), results
        self.accepted += len(results)
        return WORD

    async def exchange(self, volley: Volley, attempted: int, *, any_network: bool = False) -> Volley | None:
        return self.volley()

    async def close(self, volley: Volley, attempted: int, returned: Sequence[Item]) -> None:
        self.left += len(returned)

    async def renew(self, volley_ids: Collection[int]) -> frozenset[int]:
        return frozenset(volley_ids)

    async def of(self, source_id: int) -> Route:
        return Route(self, self, Door("bench.test", Tls.NONE))

    async def locate(self, domain: str) -> Place:
        return self._place

    def render(self, item: Item) -> Letter:
        return Letter("bounce@rida.test", item.address, LETTER)

    def may_connect(self, address: str) -> bool:
        return True


async def _measure(port: int, messages: int, sessions: int) -> dict[str, float]:
    free = Free(port, messages)
    engine = Engine(House(free, free, free), Manners(), sessions=sessions)
    cpu, wall = time.process_time(), time.perf_counter()
    while free.accepted < messages and wall + _PATIENCE_SECONDS > time.perf_counter():
        while engine.free_sessions and (volley := free.volley()):
            engine.start(replace(volley, claimed_at=elapsed_seconds()))
        await asyncio.sleep(0.002)
    assert free.accepted == messages, f"only {free.accepted} were accepted"
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    await engine.stop()
    return {
        "messages": messages,
        "bytes_each": len(LETTER),
        "sessions": sessions,
        "messages_per_second": round(messages / wall),
        "cpu_microseconds_per_message": round(cpu / messages * 1e6, 1),
    }


def run(json: bool, messages: int = 20_000, sessions: int = 50) -> dict[str, float]:
    """Print the figures, as a line or as JSON, and return them."""
    logging.disable(logging.WARNING)
    command = [sys.executable, "-m", "bench.smtp", "sink"]
    sink = subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True)
    try:
        assert sink.stdout is not None
        figures = uvloop.run(_measure(int(sink.stdout.readline()), messages, sessions))
    finally:
        sink.terminate()
        sink.communicate()
    print(json_format.dumps(figures) if json else "  ".join(f"{name} {figure}" for name, figure in figures.items()))
    return figures


if __name__ == "__main__":
    if sys.argv[1:] == ["sink"]:
        uvloop.run(_sink())
    else:
        run(json="--json" in sys.argv)
