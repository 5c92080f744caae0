"""From a site's hosts to a connection that has greeted us, or the reply that tells why not.

Silence (refused, timed out, hung up) tries the next address, and so does a 5xx greeting, which means “no mail service
on this host” (RFC 7504). A 4xx greeting is the site speaking about its load: the volley waits, and does not knock next
door. Where any certificate will do, a handshake that fails is followed by one try in plain text, on a new connection:
opportunistic encryption must never lose mail that would have gone without it (RFC 7435 §3).
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from rida.delivery.manners import Manners
from rida.delivery.ports import Host
from rida.delivery.route import Door, Route, Tls
from rida.delivery.smtp import Turn
from rida.delivery.tls import context_for
from rida.delivery.trace import Trace
from rida.delivery.wire import Wire
from rida.kernel.reply import Reply, Step


@dataclass(frozen=True, slots=True)
class Dialler:
    """new_wire: a wire for this door. willing: asked before each attempt (lease, stop). trace: who writes it down."""

    route: Route
    manners: Manners
    new_wire: Callable[[Door], Wire]
    willing: Callable[[], bool]
    trace: Trace | None = None

    async def dial(self, hosts: Sequence[Host]) -> Wire | Reply:
        """A wire that is ready for an envelope, or the last reply. One socket at a time, closed before the next."""
        said = Reply(Step.CONNECT, 0, "", "no address to connect to")
        for host, address in islice(_addresses(hosts), self.manners.addresses_tried):
            if not self.willing():
                break
            if not self.route.guard.may_connect(address):
                said = Reply(Step.CONNECT, 0, "", f"guard refused {address}: this route may not connect there")
                self._write_down(said)
                continue
            met = await self._meet(host, address)
            if isinstance(met, Wire):
                return met
            said = met
            if 400 <= said.code < 500:
                break
        return said

    async def _meet(self, host: Host, address: str) -> Wire | Reply:
        door = self.route.door
        met = self._write_down(await self._greet(host, address, door))
        undone = isinstance(met, Reply) and met.step is Step.STARTTLS and not met.code
        if undone and door.tls is Tls.OPPORTUNISTIC and self.willing():
            return self._write_down(await self._greet(host, address, replace(door, tls=Tls.NONE)))
        return met

    def _write_down(self, met: Wire | Reply) -> Wire | Reply:
        if self.trace is not None and isinstance(met, Reply) and not met.code:
            self.trace.note("failed", why=met.text)
        return met

    async def _greet(self, host: Host, address: str, door: Door) -> Wire | Reply:
        wire = await self._connect(host, address, door)
        if isinstance(wire, Reply):
            return wire
        if not self.willing():
            wire.abort("nobody wants the connection any more")
        failure = await self._encrypt(wire, host, door) if door.tls is Tls.IMPLICIT else ""
        heard = None if failure else await wire.turn(self.manners.patience.greeting)
        if heard is Turn.ENCRYPT:
            failure = await self._encrypt(wire, host, door)
            heard = None if failure else await wire.turn(self.manners.patience.greeting)
        if heard is None:
            return Reply(Step.STARTTLS, 0, "", f"{host.name} [{address}]: {failure}")
        if isinstance(heard, Reply):
            await wire.hang_up(self.manners.patience.farewell)
            return heard
        return wire

    async def _encrypt(self, wire: Wire, host: Host, door: Door) -> str:
        return await wire.encrypt(context_for(door), host.name, self.manners.patience.greeting)

    async def _connect(self, host: Host, address: str, door: Door) -> Wire | Reply:
        loop = asyncio.get_running_loop()
        local = (self.route.local_address, 0) if self.route.local_address else None
        try:
            async with asyncio.timeout(self.manners.patience.connect):
                _, wire = await loop.create_connection(
                    lambda: self._wire_to(host, door), address, host.port, local_addr=local
                )
        except TimeoutError:
            return Reply(Step.CONNECT, 0, "", f"{host.name} [{address}] did not answer in time")
        except OSError as error:
            return Reply(Step.CONNECT, 0, "", f"{host.name} [{address}]: {error.strerror or error}")
        return wire

    def _wire_to(self, host: Host, door: Door) -> Wire:
        wire = self.new_wire(door)
        wire.host = host.name
        return wire


def _addresses(hosts: Sequence[Host]) -> Iterator[tuple[Host, str]]:
    return ((host, address) for host in hosts for address in host.addresses)
