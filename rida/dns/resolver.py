"""Asks DNS on the send path: c-ares through aiodns, with a cache of ours in front.

Names are A-labels. c-ares keeps answers too (their remaining ttl comes through, so both caches agree), but it neither
remembers that a domain is gone nor says for how long: the negative ttl is ours.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiodns
import pycares

from rida.dns.answers import AddressAnswer, MxAnswer, MxHost, PointerAnswer, Status, TextAnswer
from rida.dns.cache import Cache
from rida.kernel.clock import elapsed_seconds

NEGATIVE_SECONDS = 300.0
"""RFC 2308 §5 allows up to three hours; mail to a domain that has just been set up should not wait so long."""
FAILED_SECONDS = 5.0
"""RFC 2308 §7 allows five minutes. Long enough that a dead server is not asked for every message."""
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 86_400.0
MOST_TEXTS = 1_000
"""Names whose texts are kept. Only our users' own domains are asked for them, and one answer may hold 64 KiB."""

# NOSEARCH: resolv.conf's search list must never turn a gone domain into somebody else's. NO_DFLT_SVR: with no server
# configured, fail instead of asking whatever listens on 127.0.0.1.
_FLAGS = pycares.ARES_FLAG_NOSEARCH | pycares.ARES_FLAG_EDNS | pycares.ARES_FLAG_NO_DFLT_SVR
_STATUS = {
    pycares.errno.ARES_ENODATA: Status.NO_DATA,
    pycares.errno.ARES_ENOTFOUND: Status.NO_DOMAIN,
    pycares.errno.ARES_EBADNAME: Status.NO_DOMAIN,
}
_GRAVITY = [Status.FOUND, Status.NO_DATA, Status.NO_DOMAIN, Status.FAILED]


@dataclass(frozen=True, slots=True)
class _Section:
    """The answer to one question. records: pycares' dataclass of the kind that was asked for."""

    status: Status
    ttl: float
    records: Sequence[Any] = ()
    reason: str = ""


class Resolver:
    """server: the one to ask, `(address, port)`; without it those of the system. size: names kept of each kind."""

    def __init__(
        self,
        server: tuple[str, int] | None = None,
        *,
        clock: Callable[[], float] = elapsed_seconds,
        size: int = 20_000,
        timeout_seconds: float = 2.0,
        tries: int = 3,
    ) -> None:
        self._server = server
        self._timeout, self._tries = timeout_seconds, tries
        self._channel: aiodns.DNSResolver | None = None
        self._mx = Cache(self._ask_mx, clock, size)
        self._addresses = Cache(self._ask_addresses, clock, size)
        self._texts = Cache(self._ask_text, clock, min(size, MOST_TEXTS))
        self._pointers = Cache(self._ask_pointer, clock, size)

    async def mx(self, domain: str) -> MxAnswer:
        """Raises ValueError for a name that is not ASCII, as do the others."""
        return await self._mx.get(_spelled(domain))

    async def addresses(self, host: str) -> AddressAnswer:
        return await self._addresses.get(_spelled(host))

    async def txt(self, name: str) -> TextAnswer:
        return await self._texts.get(_spelled(name))

    async def ptr(self, name: str) -> PointerAnswer:
        """name: as `reverse_name` makes it."""
        return await self._pointers.get(_spelled(name))

    async def close(self) -> None:
        for cache in (self._mx, self._addresses, self._texts, self._pointers):
            await cache.close()
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask_mx(self, domain: str) -> MxAnswer:
        said = await self._ask(domain, "MX")
        if said.status is Status.NO_DATA:
            return MxAnswer(Status.FOUND, (MxHost(0, domain),), implicit=True, ttl=said.ttl)
        # A root host beside real ones is a mistake of theirs (RFC 7505 §3); the real ones count.
        hosts = sorted({MxHost(r.priority, _spelled(r.exchange)) for r in said.records if r.exchange.rstrip(".")})
        null = said.status is Status.FOUND and not hosts
        return MxAnswer(said.status, tuple(hosts), null=null, ttl=said.ttl, reason=said.reason)

    async def _ask_addresses(self, host: str) -> AddressAnswer:
        four, six = await asyncio.gather(self._ask(host, "A"), self._ask(host, "AAAA"))
        found = tuple(record.addr for record in (*four.records, *six.records))
        # Short-lived when one half failed: the other half serves meanwhile, and alone it is no proof of absence.
        ttl = min(four.ttl, six.ttl)
        if found:
            return AddressAnswer(Status.FOUND, found, ttl)
        worse = max(four, six, key=lambda section: _GRAVITY.index(section.status))
        return AddressAnswer(worse.status, ttl=ttl, reason=worse.reason)

    async def _ask_text(self, name: str) -> TextAnswer:
        said = await self._ask(name, "TXT")
        texts = tuple(record.data.decode("utf-8", "replace") for record in said.records)
        return TextAnswer(said.status, texts, said.ttl, said.reason)

    async def _ask_pointer(self, name: str) -> PointerAnswer:
        said = await self._ask(name, "PTR")
        names = tuple(sorted({_spelled(record.dname) for record in said.records if record.dname.isascii()}))
        return PointerAnswer(said.status, names, said.ttl, said.reason)

    async def _ask(self, name: str, kind: str) -> _Section:
        try:
            result = await self._open().query_dns(name, kind)
        except aiodns.error.DNSError as error:
            return _not_found(error)
        wanted = aiodns.query_type_map[kind]
        # Records of other kinds are the CNAMEs on the way: their ttl counts, their data does not.
        records = [record.data for record in result.answer if record.type == wanted]
        ttl = min((record.ttl for record in result.answer), default=NEGATIVE_SECONDS)
        status = Status.FOUND if records else Status.NO_DATA
        return _Section(status, min(max(float(ttl), SHORTEST_SECONDS), LONGEST_SECONDS), records)

    def _open(self) -> aiodns.DNSResolver:
        # Opened at the first question, because aiodns binds to the running loop.
        if self._channel is None:
            servers = [_with_port(*self._server)] if self._server else None
            self._channel = aiodns.DNSResolver(servers, timeout=self._timeout, tries=self._tries, flags=_FLAGS)
        return self._channel


def _not_found(error: aiodns.error.DNSError) -> _Section:
    code = error.args[0]
    status = _STATUS.get(code, Status.FAILED)
    ttl = FAILED_SECONDS if status is Status.FAILED else NEGATIVE_SECONDS
    return _Section(status, ttl, reason=pycares.errno.errorcode.get(code, str(code)))


def _with_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _spelled(name: str) -> str:
    """One spelling for one name. A name with other letters than ASCII is a mistake of the caller, not of DNS."""
    if not name.isascii():
        raise ValueError("a DNS name must be given in A-labels")
    return name.rstrip(".").lower()
