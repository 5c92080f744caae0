"""One volley over one connection, and the next ones of the same site after it.

The order of the promises (design §4): locate → connect → begin durable → for each message: lease, MAIL … 354, lease,
final dot, outcome durable → exchange for another volley, or hang up, and only then close. Whatever goes wrong, the
socket is closed first, results are kept until the ledger has them, and what has no outcome goes back.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from rida.delivery.classify import classify
from rida.delivery.dial import Dialler
from rida.delivery.lease import lease_of
from rida.delivery.manners import Manners
from rida.delivery.ports import Host, Item, Ledger, Letter, NoPlace, Press, Refusal, Result, Volley, Word
from rida.delivery.route import Door, Route, Routes
from rida.delivery.smtp import Client, Turn
from rida.delivery.smtp_auth import secrets_of
from rida.delivery.smtp_letter import objection, wire_form
from rida.delivery.tally import Tally
from rida.delivery.trace import Trace
from rida.delivery.wire import Wire
from rida.kernel.clock import elapsed_seconds
from rida.kernel.errors import OutcomeRefused, RidaError, SettingError, StorageError
from rida.kernel.reply import Judgement, Outcome, Reply, Scope, Step

logger = logging.getLogger(__name__)
_ENDS_CONNECTION = (Scope.CONNECTION, Scope.NETWORK)


@dataclass(frozen=True, slots=True)
class House:
    """The ports of one process."""

    ledger: Ledger
    press: Press
    routes: Routes


class Session:
    """Runs once. `volley` is the open one; it changes when the connection is used again."""

    def __init__(
        self, volley: Volley, house: House, manners: Manners, clock: Callable[[], float] = elapsed_seconds
    ) -> None:
        self.volley = volley
        self.house = house
        self._manners = manners
        self._clock = clock
        self._lease = lease_of(volley)
        self._tally = Tally(volley)
        self._wire: Wire | None = None
        self._trace: Trace | None = None
        self._current: Item | None = None
        self._accepted = 0
        self._stopping = False

    # --- from the engine --------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """No further message; the one in hand is finished."""
        self._stopping = True

    def abort(self, why: str) -> None:
        """Hang up now; a message after its final dot becomes doubtful."""
        self._stopping = True
        if self._wire is not None:
            self._wire.abort(why)

    def hear_renewal(self, asked: Collection[int], granted: Collection[int], asked_at: float) -> None:
        """Lengthen the lease, or fence: asked but not granted. A volley exchanged meanwhile was not asked about."""
        if self.volley.id in granted:
            self._lease.renewed(asked_at)
        elif self.volley.id in asked:
            self._fence()

    @property
    def fenced(self) -> bool:
        return self._lease.fenced

    def _fence(self) -> None:
        self._lease.fence()
        self.abort("the lease is lost")

    # --- the run ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """To the end, whatever happens. Returns when the volley is closed in the ledger."""
        try:
            await self._serve()
        except asyncio.CancelledError:
            self.abort("the process ends")
            raise
        except Exception as error:  # noqa: BLE001 - the one place where everything is set aside instead of lost
            self._set_aside(error)
        await self._hang_up()
        await self._settle()

    async def _serve(self) -> None:
        route = await self._route()
        if route is None or not await self._connect(route, await self._locate(route)):
            return
        while await self._send_volley() and await self._exchange(route):
            await self._locate(route)

    async def _route(self) -> Route | None:
        """How this source's mail leaves. None: somebody must mend its settings; the mail waits, with the reason."""
        try:
            return await self.house.routes.of(self.volley.source_id)
        except SettingError as error:
            self._tally.defer(self._tally.open, Reply(Step.CONNECT, 0, "", str(error)))
            return None

    async def _locate(self, route: Route) -> tuple[Host, ...]:
        """The hosts to connect to; what lives in another site now is recorded, and nothing of it is sent."""
        hosts: tuple[Host, ...] = ()
        # A volley often has one domain, and naming its place costs as much as rendering a letter.
        domains = dict.fromkeys(item.domain for item in self._tally.open)
        places = {domain: await route.atlas.locate(domain) for domain in domains}
        for item in self._tally.open:
            place = places[item.domain]
            if isinstance(place, NoPlace):
                self._nowhere(item, place)
            elif place.site != self.volley.site:
                reply = Reply(Step.CONNECT, 0, "", f"mail for {item.domain} goes to another site now: {place.site}")
                self._tally.conclude(item, Outcome.DEFERRED, reply, moved_to=place)
            else:
                hosts = place.hosts
        if self._tally.held:
            await self._record()
        return route.relay or hosts

    def _nowhere(self, item: Item, place: NoPlace) -> None:
        outcome = Outcome.BOUNCED if place.permanent else Outcome.DEFERRED
        # Codes of RFC 3463 for our own finding: bad destination system, directory server failure.
        reply = Reply(Step.CONNECT, 0, "5.1.2" if place.permanent else "4.4.3", place.reason)
        self._tally.conclude(item, outcome, reply, hard=place.permanent)

    async def _connect(self, route: Route, hosts: tuple[Host, ...]) -> bool:
        if not self._tally.open or not self._willing():
            return False
        self._trace = Trace(secrets_of(route.door.login)) if self._is_read else None
        met = await Dialler(route, self._manners, self._new_wire, self._willing, self._trace).dial(hosts)
        if isinstance(met, Wire):
            return True
        if self._willing():
            self._tally.defer(self._tally.open, met)
        return False

    def _new_wire(self, door: Door) -> Wire:
        self._wire = Wire(Client(door, self._trace), self._lease, self._clock)
        return self._wire

    @property
    def _is_read(self) -> bool:
        return any(item.traced for item in self.volley.items)

    def _willing(self) -> bool:
        return not self._stopping and not self._lease.ended(self._clock())

    # --- one volley -------------------------------------------------------------------------------------------------

    async def _send_volley(self) -> bool:
        """All of it, one after another; whether the connection and the node can go on."""
        if self._tally.open:
            self._hear(await self.house.ledger.begin(self.volley))
        while item := self._tally.next():
            if not await self._ready():
                return False
            self._current = item
            if self._trace is not None:
                self._trace.turn_to_message(listens=item.traced)
            if not await self._send(item):
                return False
        return not self._tally.open

    async def _ready(self) -> bool:
        """The connection stands, the transaction before is closed, the lease holds: MAIL may go out now."""
        wire = self._on_line()
        if wire.client.needs_reset and wire.client.usable:
            wire.client.reset()
            await wire.turn(self._manners.patience.envelope)
        if not self._willing() or self._quota_left() <= 0:
            return False
        if not wire.open or not wire.client.usable:
            self._give_up_rest(wire.client.lost("the server closed the connection between two messages"))
            return False
        return True

    async def _send(self, item: Item) -> bool:
        """One message, its outcome durable; whether the next may follow."""
        made = self._make(item)
        if isinstance(made, Letter):
            reply = await self._converse(made)
            if reply is None:
                self._current = None
                return False
        elif isinstance(made, Refusal):
            self._conclude(item, Outcome.WITHHELD, Reply(Step.DATA, 0, "", made.reason))
            await self._record()
            return True
        else:
            reply = made
        return await self._judge(item, reply)

    def _make(self, item: Item) -> Letter | Refusal | Reply:
        try:
            made = self.house.press.render(item)
        except RidaError as error:
            return Refusal(str(error))
        if not isinstance(made, Letter):
            return made
        return objection(made, self._on_line().client.capabilities) or made

    async def _converse(self, letter: Letter) -> Reply | None:
        """MAIL to the answer of the final dot. None: our time was up before the dot, nothing was delivered."""
        wire, patience = self._on_line(), self._manners.patience
        body = wire_form(letter.content)
        if not self._willing():
            return None
        self._tally.attempted += 1
        wire.client.envelope(letter)
        heard = await wire.turn(patience.envelope)
        if heard is Turn.GO_AHEAD and wire.client.usable:
            # Between this question and the write nothing may wait (engine facts W2).
            if self._lease.ended(self._clock()):
                wire.abort("the lease ended before the final dot")
                return None
            wire.client.body(body)
            heard = await wire.turn(patience.dot, patience.block)
        if isinstance(heard, Turn):
            heard = wire.client.lost("the server spoke out of turn")
        if heard.code == 0 and heard.step is not Step.DOT and self._lease.ended(self._clock()):
            return None
        return heard

    async def _judge(self, item: Item, reply: Reply) -> bool:
        wire, judgement = self._on_line(), classify(reply)
        self._conclude(item, judgement.outcome, reply, hard=judgement.hard)
        self._accepted += judgement.outcome is Outcome.ACCEPTED
        over = judgement.scope in _ENDS_CONNECTION or not wire.client.usable or not wire.open
        if over:
            self._leave_rest(judgement, reply)
        await self._record(go_on=not over)
        return not over

    def _leave_rest(self, judgement: Judgement, reply: Reply) -> None:
        """After the reply that ended the connection: a slower network defers all, else see _give_up_rest."""
        if judgement.scope is Scope.NETWORK:
            self._tally.defer(self._tally.coming, reply)
        elif judgement.outcome is Outcome.DEFERRED:
            self._give_up_rest(reply)

    def _give_up_rest(self, reply: Reply) -> None:
        """A connection that served somebody may be opened again at once; one that served nobody must wait."""
        if not self._accepted:
            self._tally.defer(self._tally.coming, reply)

    async def _exchange(self, route: Route) -> bool:
        """Another volley on the same connection, in one transaction: of this site; for a relay, of any."""
        wire = self._on_line()
        if (
            self._quota_left() < len(self.volley.items)
            or not self._willing()
            or not wire.open
            or not wire.client.usable
        ):
            return False
        following = await self.house.ledger.exchange(self.volley, self._tally.attempted, any_network=bool(route.relay))
        if following is None:
            return False
        self.volley, self._tally = following, Tally(following)
        self._lease = wire.lease = lease_of(following)
        self._trace_on(route, wire)
        return True

    def _trace_on(self, route: Route, wire: Wire) -> None:
        """The next volley may be of another sender: nothing of the messages before is left."""
        if not self._is_read:
            self._trace = None
        elif self._trace is None:
            self._trace = Trace(secrets_of(route.door.login))
            self._trace.note("open_already")
        if self._trace is not None:
            self._trace.turn_to_message(listens=False)
        wire.client.trace = self._trace

    # --- the ledger -------------------------------------------------------------------------------------------------

    async def _record(self, *, go_on: bool = True) -> None:
        coming = self._tally.coming if go_on else ()
        self._hear(await self.house.ledger.record(self.volley, self._results(), coming))
        self._tally.held.clear()

    def _results(self) -> tuple[Result, ...]:
        if self._trace is None:
            return tuple(self._tally.held)
        said = self._trace.lines
        return tuple(replace(each, dialogue=said) if each.item.traced else each for each in self._tally.held)

    def _hear(self, word: Word) -> None:
        self._tally.hear(word)
        if word.fenced:
            self._fence()

    def _conclude(self, item: Item, outcome: Outcome, reply: Reply, *, hard: bool = False) -> None:
        self._tally.conclude(item, outcome, reply, hard=hard)
        self._current = None

    # --- the end ----------------------------------------------------------------------------------------------------

    def _set_aside(self, error: Exception) -> None:
        """Stop at once. A message that was in hand waits for its next try, or is doubtful if its dot was written."""
        ours = not isinstance(error, StorageError)
        logger.error("volley %d was interrupted: %s", self.volley.id, error, exc_info=ours)
        self.abort("the session was interrupted")
        why = f"set aside after an error of ours: {type(error).__name__}"
        if self._current is not None:
            reply = self._on_line().client.lost(why)
            self._conclude(self._current, classify(reply).outcome, reply)
        if ours and not self._tally.attempted:
            # Deferred, not returned: what trips us at every try must not come back at once, for ever.
            self._tally.defer(self._tally.open, Reply(Step.CONNECT, 0, "", why))

    async def _hang_up(self) -> None:
        if self._wire is None:
            return
        if self._lease.ended(self._clock()):
            self._wire.abort("the lease ended: the place is another's")
        await self._wire.hang_up(self._manners.patience.farewell)

    async def _settle(self) -> None:
        """Record what is held and close, for as long as it takes: the ledger accepts late outcomes."""
        pause = self._manners.record_pause_seconds
        while not await self._settled():
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._manners.record_pause_longest_seconds)

    async def _settled(self) -> bool:
        ledger, tally = self.house.ledger, self._tally
        try:
            if tally.held:
                await ledger.record(self.volley, self._results(), ())
                tally.held.clear()
            await ledger.close(self.volley, tally.attempted, tally.open)
        except OutcomeRefused as error:
            # Not closed: when the lease ends, the reaper calls doubtful what nobody can record.
            logger.error("volley %d is left to the reaper: %s; %s", self.volley.id, error, "; ".join(self.unsettled()))
        except Exception as error:  # noqa: BLE001 - whatever it is, dropping results would lose or double mail
            logger.warning("volley %d: %d results wait for the ledger: %s", self.volley.id, len(tally.held), error)
            return False
        return True

    def unsettled(self) -> tuple[str, ...]:
        """For the log of a process that must end now: what the ledger was never told."""
        return tuple(
            f"{r.item.key.tranche_id}/{r.item.key.n} {r.outcome.name} {r.reply.code}" for r in self._tally.held
        )

    def _quota_left(self) -> int:
        """How many more messages this connection may carry."""
        client = self._on_line().client
        return (client.quota or self.volley.messages_per_connection) - client.mails_sent

    def _on_line(self) -> Wire:
        assert self._wire is not None, "asked only after _connect"
        return self._wire
