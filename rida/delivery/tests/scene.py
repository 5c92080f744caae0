"""The house around a session in tests: a ledger in memory that keeps the rules of design §4, and a stage to play on."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from rida.delivery.engine import Engine
from rida.delivery.manners import Manners, Patience
from rida.delivery.ports import (
    Host,
    Item,
    Key,
    Letter,
    NoPlace,
    Place,
    Refusal,
    Result,
    Volley,
    Word,
)
from rida.delivery.route import Door, Route, Tls
from rida.delivery.session import House, Session
from rida.delivery.tests.peer import Peer, Say, Story
from rida.kernel.clock import elapsed_seconds
from rida.kernel.errors import DatabaseAway, OutcomeRefused, SettingError
from rida.kernel.reply import Outcome

QUICK = Patience(connect=1, greeting=1, envelope=0.5, block=0.5, dot=0.5, farewell=0.1)
DOOR = Door("mail.rida.test", Tls.NONE)
MANNERS = Manners(patience=QUICK, record_pause_seconds=0.01, record_pause_longest_seconds=0.05)


def item(name: str, n: int = 1, domain: str = "net.test", launch_id: int = 1) -> Item:
    return Item(Key(1, n), 1, launch_id, 1, f"{name}@{domain}", name.encode().ljust(16, b"\0"), {})


def items(*names: str) -> tuple[Item, ...]:
    return tuple(item(name, n) for n, name in enumerate(names, 1))


def volley(*members: Item, number: int = 1, lease_seconds: float = 30, claimed_at: float | None = None) -> Volley:
    at = elapsed_seconds() if claimed_at is None else claimed_at
    return Volley(number, 1, "net", 1, "site", 1, False, members, at, lease_seconds)


@dataclass
class MemoryLedger:
    """Durable means: written to the story after a pause. `fails`: so many next calls of a kind raise."""

    story: Story
    peer: Peer
    words: deque[Word] = field(default_factory=deque)
    waiting: deque[Volley] = field(default_factory=deque)
    fails: dict[str, int] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    closed: list[tuple[int, int, tuple[Item, ...]]] = field(default_factory=list)
    refuse_renewal: bool = False
    refuse_records: bool = False
    renewals: list[frozenset[int]] = field(default_factory=list)

    async def begin(self, volley: Volley) -> Word:
        await self._commit("begin")
        self.story.append(("begin", str(volley.id)))
        return self.words.popleft() if self.words else Word()

    async def record(self, volley: Volley, results: Sequence[Result], coming: Sequence[Item]) -> Word:
        await self._commit("record")
        if self.refuse_records:
            raise OutcomeRefused(reason="a test")
        for result in results:
            if all(known.item.key != result.item.key for known in self.results):
                self.results.append(result)
            self.story.append(("record", result.item.address, result.outcome.name))
        return self.words.popleft() if self.words else Word()

    async def exchange(self, volley: Volley, attempted: int, *, any_network: bool = False) -> Volley | None:
        await self._commit("exchange")
        if not self.waiting:
            return None
        self.closed.append((volley.id, attempted, ()))
        self.story.append(("exchange", str(volley.id)))
        return replace(self.waiting.popleft(), claimed_at=elapsed_seconds())

    async def close(self, volley: Volley, attempted: int, returned: Sequence[Item]) -> None:
        await self._commit("close")
        await asyncio.sleep(0.02)  # what our side has closed, the peer has seen by now
        self.story.append(("close", str(volley.id), f"{self.peer.open_sockets} sockets open"))
        self.closed.append((volley.id, attempted, tuple(returned)))

    async def renew(self, volley_ids: Collection[int]) -> frozenset[int]:
        await self._commit("renew")
        self.renewals.append(frozenset(volley_ids))
        return frozenset() if self.refuse_renewal else frozenset(volley_ids)

    async def _commit(self, kind: str) -> None:
        await asyncio.sleep(0.002)
        if self.fails.get(kind, 0) > 0:
            self.fails[kind] -= 1
            raise DatabaseAway(reason=f"{kind} in a test")


def check_promises(story: Story) -> None:
    """No MAIL before begin is durable or after close, none before the last outcome is, no close with a socket open."""
    open_volley: str | None = None
    in_hand: str | None = None
    for kind, *rest in story:
        if kind == "begin":
            open_volley = rest[0]
        elif kind == "MAIL":
            assert open_volley is not None, f"MAIL outside a started volley: {story}"
            assert in_hand is None, f"MAIL before the outcome of {in_hand} was durable: {story}"
        elif kind == "RCPT":
            in_hand = rest[0].removeprefix("TO:<").removesuffix(">")
        elif kind == "record" and rest[0] == in_hand:
            in_hand = None
        elif kind in ("close", "exchange"):
            assert kind == "exchange" or rest[1] == "0 sockets open", f"closed the volley before the socket: {story}"
            open_volley = None


@dataclass
class Scene:
    peer: Peer
    ledger: MemoryLedger
    places: dict[str, Place | NoPlace] = field(default_factory=dict)
    letters: dict[str, Letter | Refusal | Exception] = field(default_factory=dict)
    forbidden: frozenset[str] = frozenset()
    hosts: tuple[Host, ...] = ()
    manners: Manners = MANNERS
    door: Door = DOOR
    relay: tuple[Host, ...] = ()
    mistake: SettingError | None = None

    @property
    def house(self) -> House:
        return House(self.ledger, self, self)

    async def of(self, source_id: int) -> Route:
        if self.mistake:
            raise self.mistake
        return Route(self, self, self.door, self.relay)

    async def locate(self, domain: str) -> Place | NoPlace:
        hosts = self.hosts or (Host("mx.net.test", ("127.0.0.1",), self.peer.port),)
        return self.places.get(domain, Place("net", "site", hosts))

    def render(self, item: Item) -> Letter | Refusal:
        made = self.letters.get(item.address, letter(item.address))
        if isinstance(made, Exception):
            raise made
        return made

    def may_connect(self, address: str) -> bool:
        return address not in self.forbidden

    def session(self, volley: Volley) -> Session:
        return Session(volley, self.house, self.manners)

    def engine(self, sessions: int = 5) -> Engine:
        return Engine(self.house, self.manners, sessions=sessions)

    async def play(self, volley: Volley) -> dict[str, Outcome]:
        """Send it, hold the story against the promises; what the ledger knows in the end, by local part."""
        await asyncio.wait_for(self.session(volley).run(), 10)
        check_promises(self.peer.story)
        return self.outcomes()

    def outcomes(self) -> dict[str, Outcome]:
        return {result.item.address.partition("@")[0]: result.outcome for result in self.ledger.results}

    def returned(self) -> list[str]:
        return [one.address.partition("@")[0] for _, _, back in self.ledger.closed for one in back]

    def attempted(self) -> int:
        return sum(attempted for _, attempted, _ in self.ledger.closed)

    def reply(self, name: str) -> tuple[str, int]:
        [result] = [one for one in self.ledger.results if one.item.address.partition("@")[0] == name]
        return str(result.reply.step), result.reply.code


def letter(recipient: str, content: bytes = b"Subject: Tulips\r\n\r\nMother's Day is on Sunday.\r\n") -> Letter:
    return Letter("bounce@rida.test", recipient, content)


@asynccontextmanager
async def scene(
    script: Mapping[str, Say | list[Say]] | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    tls_from_the_start: bool = False,
) -> AsyncIterator[Scene]:
    async with Peer(script or {}, tls=tls, tls_from_the_start=tls_from_the_start) as peer:
        yield Scene(peer, MemoryLedger(peer.story, peer))
