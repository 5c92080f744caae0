"""Rida's delivery engine against a server of others: one volley, one connection, a ledger in memory."""

import asyncio
from dataclasses import dataclass

import uvloop

from rida.delivery.manners import Manners, Patience
from rida.delivery.ports import Host, Letter, Result
from rida.delivery.route import Door, Tls
from rida.delivery.tests.scene import item, scene, volley
from tests.peers.server import NAME, Server

# Patient, because these machines are slow and shared; a test that would wait for longer is broken.
_MANNERS = Manners(Patience(connect=5, greeting=10, envelope=10, block=10, dot=20))
_DOOR = Door("mail.rida.test", Tls.NONE)
_VOLLEY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Sent:
    results: dict[str, Result]
    """By address."""
    connections: int
    """So many the server saw."""


def send(server: Server, *letters: Letter, door: Door = _DOOR, by_relay: bool = False) -> Sent:
    """All letters, of which each has a recipient of its own, in one volley to `server`."""
    before = server.connections()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results = runner.run(_results(server, letters, door, by_relay=by_relay))
    return Sent({result.item.address: result for result in results}, server.connections() - before)


async def _results(server: Server, letters: tuple[Letter, ...], door: Door, *, by_relay: bool) -> list[Result]:
    async with scene() as s:
        hosts = (Host(NAME, (server.host,), server.port),)
        s.hosts, s.relay = hosts, hosts if by_relay else ()
        s.letters = {letter.recipient: letter for letter in letters}
        s.door, s.manners = door, _MANNERS
        names = [letter.recipient.partition("@")[0] for letter in letters]
        members = [item(name, number) for number, name in enumerate(names, 1)]
        await asyncio.wait_for(s.session(volley(*members, lease_seconds=_VOLLEY_SECONDS)).run(), _VOLLEY_SECONDS)
        return s.ledger.results
