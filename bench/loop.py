"""`rida bench loop [MESSAGES]`: the delivery stage alone, sessions into smtp-sink, with a ledger that costs nothing.

The sink is a process of its own, so that only our side's CPU is counted. Volleys of twenty, a thousand messages a
connection, as a relay has them.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import uvloop

from rida.delivery.engine import Engine
from rida.delivery.manners import Manners
from rida.delivery.ports import Host, Item, Key, Letter, Place, Result, Volley, Word
from rida.delivery.route import Door, Route, Tls
from rida.delivery.session import House
from rida.kernel.clock import elapsed_seconds
from rida.kernel.reply import Outcome

VOLLEY, QUOTA = 20, 1_000
_PATIENCE_SECONDS = 120
_HEAD = b"Subject: Tulips\r\nFrom: Flora <flora@rida.test>\r\n\r\n"
_LINE = b"Mother's Day is on Sunday; the tulips of last year have grandchildren now.\r\n"
WORD = Word()


class Free:
    """Ledger, atlas, press and guard in one, at no cost: what remains is delivery itself."""

    def __init__(self, port: int, messages: int, letter: bytes) -> None:
        self.left = messages
        self.accepted = 0
        self._letter = letter
        self._place = Place("net", "site", (Host("sink", ("127.0.0.1",), port),))
        self._volleys = 0

    def volley(self) -> Volley | None:
        size = min(VOLLEY, self.left)
        self.left -= size
        self._volleys += 1
        members = tuple(
            Item(Key(self._volleys, n), 1, 1, 1, f"reader{n}@sink.test", b"", {}) for n in range(1, size + 1)
        )
        volley = Volley(self._volleys, 1, "net", 1, "site", 1, False, members, elapsed_seconds(), 60, QUOTA)
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
        return Letter("bounce@rida.test", item.address, self._letter)

    def may_connect(self, address: str) -> bool:
        return True


async def _send(port: int, messages: int, sessions: int, letter: bytes) -> dict[str, float]:
    free = Free(port, messages, letter)
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
        "bytes_each": len(letter),
        "sessions": sessions,
        "messages_per_second": round(messages / wall),
        "cpu_microseconds_per_message": round(cpu / messages * 1e6, 1),
    }


def send(port: int, messages: int, sessions: int, length: int) -> dict[str, float]:
    """Into a server on loopback that accepts everything; letters of about `length` bytes."""
    logging.disable(logging.WARNING)
    letter = _HEAD + _LINE * max(1, (length - len(_HEAD)) // len(_LINE))
    return uvloop.run(_send(port, messages, sessions, letter))


def measure(messages: str = "20000", length: str = "7600", sessions: str = "20") -> dict[str, Any]:
    """As root; the sink comes by `make peers`."""
    from bench.sink import smtp_sink

    with smtp_sink() as sink:
        return send(sink.port, int(messages), int(sessions), int(length))
