"""Composition root: gives delivery its ledger, press and routes, and works on tickets until told to stop."""

import asyncio
import logging
import os
import secrets
import signal
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import uvloop
from django.conf import settings

from rida import embedded
from rida.delivery.engine import Engine
from rida.delivery.ports import Item, Letter, Refusal, Result
from rida.delivery.session import House
from rida.dispatch.ledger import Ledger
from rida.dispatch.node import Node
from rida.dispatch.rules import Timing
from rida.dispatch.tickets import NODE
from rida.feedback.services import hard_bounce
from rida.kernel.clock import now
from rida.kernel.engine import REGISTRY
from rida.kernel.errors import SealBroken
from rida.kernel.reply import Reply, Step
from rida.outbox.copies import Copies
from rida.outbox.links import Copy
from rida.outbox.models import Launch
from rida.outbox.render import Refused
from rida.shaping.models import Source
from rida.town.plan import is_of_the_world
from rida.worker.routes import SourceRoutes

log = logging.getLogger(__name__)
LANES = {"drain": settings.RIDA_SHARDS, "work": 1, "import": 1, "tick": 2}
SESSIONS = 200


@dataclass(slots=True)
class LetterPress:
    """Renders copies; each launch is read and compiled once."""

    copies: Copies = field(default_factory=Copies)

    def render(self, item: Item) -> Letter | Refusal | Reply:
        try:
            made = self.copies.render(
                item.launch_id, item.key.tranche_id, item.key.n, item.address, item.address_hash, item.merge
            )
        except SealBroken as error:
            return Reply(Step.CONNECT, 0, "", str(error))
        if isinstance(made, Refused):
            return Refusal(made.reason)
        return Letter(made.mail_from, item.address, made.content, made.smtputf8)


def _suppress_dead_mailboxes(results: Sequence[Result]) -> None:
    """But for people of the world who were rehearsed with: the town cannot know that their mailboxes do not exist."""
    rehearsals = _rehearsals({result.item.launch_id for result in results if is_of_the_world(result.item.domain)})
    for result in results:
        item = result.item
        if item.launch_id in rehearsals and is_of_the_world(item.domain):
            continue
        copy = Copy(item.workspace_id, item.key.tranche_id, item.key.n, item.address_hash)
        hard_bounce(copy, result.reply, now())


def _rehearsals(launches: Collection[int]) -> set[int]:
    """Those of these launches that stay in the sandbox."""
    if not launches:
        return set()
    found = Launch.objects.filter(pk__in=launches, source__route=Source.Route.SANDBOX)
    return set(found.values_list("pk", flat=True))


def timing() -> Timing:
    """The ledger's durations from the settings, in ms."""
    lease = int(settings.RIDA_LEASE_SECONDS * 1000)
    return Timing(
        window_ms=int(settings.RIDA_WINDOW_SECONDS * 1000),
        lease_ms=lease,
        grace_ms=min(5_000, lease // 4),
        retry_waits_ms=tuple(int(seconds * 1000) for seconds in settings.RIDA_RETRY_SECONDS),
    )


def revive_database() -> None:
    """Our own server may have been killed: start it again. Somebody else's is waited for."""
    if not os.environ.get("DATABASE_URL"):
        embedded.ensure(settings.HOME)


def main() -> None:
    """Work until SIGTERM or SIGINT; the message in hand is finished first."""
    uvloop.run(_run())


async def _run() -> None:
    press = LetterPress()
    ledger = Ledger(secrets.token_hex(8), timing(), _suppress_dead_mailboxes)
    node = Node(ledger, settings.RIDA_LEASE_MARGIN_SECONDS * 1000, revive_database, press.copies.prepare)
    routes = SourceRoutes()
    node.engine = Engine(House(node, press, routes), sessions=SESSIONS)
    NODE.append(node)
    try:
        await _work()
    finally:
        NODE.clear()
        await node.stop()
        await routes.close()


async def _work() -> None:
    engine = REGISTRY.engine
    assert engine is not None
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, engine.stop)
    while not engine.stopping():
        try:
            await engine.run(LANES)
        except Exception:
            # The one broad catch: the database went away, say. Sessions have their own leases and keep their results.
            log.exception("the ticket engine stopped; it starts again in a second")
            await asyncio.sleep(1)
            await asyncio.to_thread(_try_to_revive)


def _try_to_revive() -> None:
    try:
        revive_database()
    except Exception:
        log.exception("the database could not be started again")
