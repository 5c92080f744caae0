"""The town at work: its DNS, its receivers, its books, from `async with` to the end."""

import asyncio
import struct
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from rida.town.card import TOTALS_NAME, TownCard, card_of, remove_card, write_card, write_json
from rida.town.counters import Tally
from rida.town.desk import Desk
from rida.town.events import FLUSH_SECONDS, EventLog
from rida.town.inbox import Inboxes, Postman
from rida.town.names import Names
from rida.town.plan import Network, Plan
from rida.town.receiver import Receiver
from rida.town.sockets import listen, listen_dns

_TOTALS_SECONDS = 0.5


class Town:
    """folder: where mail, log and card lie. port, dns_port: 0 takes free ones. window_seconds: of the live maxima."""

    def __init__(
        self, plan: Plan, folder: Path, port: int = 0, dns_port: int = 0, *, window_seconds: float = 3600.0
    ) -> None:
        self.plan, self.folder = plan, folder
        self.inboxes = Inboxes(folder)
        self.card: TownCard
        self._wanted = (port, dns_port)
        self._window_seconds = window_seconds
        self._desks: dict[str, Desk] = {}
        self._doors: dict[str, set[Receiver]] = {}
        self._servers: list[asyncio.Server] = []
        self._udp: asyncio.BaseTransport | None = None
        self._askers: set[asyncio.Transport] = set()
        self._log: EventLog | None = None
        self._books: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        return self.card.port

    @property
    def resolver(self) -> tuple[str, int]:
        """For `Resolver(server=…)`."""
        return self.card.resolver

    def tally(self, network: str) -> Tally:
        """The live figures."""
        return self._desks[network].tally

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        remove_card(self.folder)
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        write_card(self.folder, self.card)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        remove_card(self.folder)
        await self._close()

    async def _open(self) -> None:
        port, dns_port = self._wanted
        dns_port = await self._open_dns(dns_port)
        log = self._log = EventLog(self.folder)
        postman = Postman(self.folder)
        for index, network in enumerate(self.plan.networks):
            extra = self.plan.implicit_mx if index == 0 else ()
            self._desks[network.name] = Desk(
                *(network, time.monotonic_ns, self._window_seconds, log, postman, extra),
                takes_the_rest=network.name == self.plan.rest,
            )
        port = await self._open_receivers(port)
        self._books = asyncio.create_task(self._keep_books(log))
        self.card = card_of(self.plan, port, dns_port)

    async def _open_receivers(self, port: int) -> int:
        owners = [(network, host) for network in self.plan.networks if network.mood.listens for host in network.hosts]
        sockets, port = listen([host.address for _, host in owners], port)
        loop = asyncio.get_running_loop()
        for (network, _), sock in zip(owners, sockets, strict=True):
            self._servers.append(await loop.create_server(self._receiver_of(network), sock=sock, backlog=1024))
        return port

    def _receiver_of(self, network: Network) -> Callable[[], Receiver]:
        desk, doors = self._desks[network.name], self._doors.setdefault(network.name, set())
        return lambda: Receiver(desk, doors)

    async def _open_dns(self, port: int) -> int:
        names, loop = Names(self.plan), asyncio.get_running_loop()
        udp, tcp, port = listen_dns(port)
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _UdpNames(names), sock=udp)
        self._servers.append(await loop.create_server(lambda: _TcpNames(names, self._askers), sock=tcp))
        return port

    async def _keep_books(self, log: EventLog) -> None:
        """The log goes to the kernel every 50 ms; totals to their file twice a second."""
        totals_at = 0.0
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            log.flush()
            if time.monotonic() >= totals_at:
                self._write_totals()
                totals_at = time.monotonic() + _TOTALS_SECONDS

    def _write_totals(self) -> None:
        write_json(self.folder / TOTALS_NAME, {name: desk.tally.row() for name, desk in self._desks.items()})

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        if self._udp:
            self._udp.close()
        for receiver in self._receivers():
            receiver.hang_up()
        for asker in self._askers:
            asker.abort()
        await asyncio.gather(*(receiver.gone.wait() for receiver in self._receivers()))  # their CLOSE is in the log
        if self._books:
            self._books.cancel()
            self._write_totals()
        if self._log:
            self._log.close()

    def _receivers(self) -> list[Receiver]:
        return [receiver for doors in self._doors.values() for receiver in doors]


class _UdpNames(asyncio.DatagramProtocol):
    def __init__(self, names: Names) -> None:
        self._names = names

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        answer = self._names.answer(data, udp=True)
        if answer:
            self._transport.sendto(answer, peer)


class _TcpNames(asyncio.Protocol):
    """Two octets of length before each message (RFC 1035 §4.2.2)."""

    def __init__(self, names: Names, askers: set[asyncio.Transport]) -> None:
        self._names, self._askers = names, askers
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._askers.add(self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._askers.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 2:
            (length,) = struct.unpack_from("!H", self._buffer)
            if len(self._buffer) < 2 + length:
                return
            question, self._buffer = self._buffer[2 : 2 + length], self._buffer[2 + length :]
            answer = self._names.answer(question, udp=False)
            if answer is None:
                self._transport.close()
                return
            self._transport.write(struct.pack("!H", len(answer)) + answer)
