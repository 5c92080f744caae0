"""What DNS said, as data. Pure.

Whatever goes wrong is an answer too: nobody catches exceptions to learn that a domain is gone. `ttl` says for how many
more seconds the answer may be used.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from itertools import groupby
from random import Random


class Status(StrEnum):
    FOUND = "found"
    NO_DATA = "no_data"
    """The name exists, without a record of this kind."""
    NO_DOMAIN = "no_domain"
    """NXDOMAIN, or a name that no server could hold (RFC 1035 §2.3.4)."""
    FAILED = "failed"
    """No usable answer came (timeout, SERVFAIL, REFUSED): ask again later."""


@dataclass(frozen=True, slots=True, order=True)
class MxHost:
    preference: int
    name: str


@dataclass(frozen=True, slots=True)
class MxAnswer:
    """hosts: by preference, then name, so that equal answers are equal values.

    implicit: there is no MX record, so the domain itself is the host (RFC 5321 §5.1). null: the domain says that it
    takes no mail (RFC 7505); then `hosts` is empty.
    """

    status: Status
    hosts: tuple[MxHost, ...] = ()
    implicit: bool = False
    null: bool = False
    ttl: float = 0.0
    reason: str = ""

    def groups(self) -> list[tuple[str, ...]]:
        """Host names of equal preference together, best first."""
        return [tuple(host.name for host in group) for _, group in groupby(self.hosts, lambda host: host.preference)]

    def shuffled(self, rng: Random) -> tuple[str, ...]:
        """All host names, best first, each group in random order: RFC 5321 §5.1 wants the load spread."""
        return tuple(name for group in self.groups() for name in rng.sample(group, len(group)))


@dataclass(frozen=True, slots=True)
class AddressAnswer:
    """addresses: IPv4 first (IPv6 senders are judged more strictly), in the order of the server."""

    status: Status
    addresses: tuple[str, ...] = ()
    ttl: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """texts: one a record, its strings joined (RFC 7208 §3.3). Bytes that are not UTF-8 become U+FFFD."""

    status: Status
    texts: tuple[str, ...] = ()
    ttl: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PointerAnswer:
    """names: what the reverse name points to, sorted, so that equal answers are equal values."""

    status: Status
    names: tuple[str, ...] = ()
    ttl: float = 0.0
    reason: str = ""


Answer = MxAnswer | AddressAnswer | TextAnswer | PointerAnswer


def reverse_name(address: str) -> str:
    """Where an address says who it is: `7.2.0.192.in-addr.arpa`, or below `ip6.arpa`. Raises ValueError."""
    return ip_address(address).reverse_pointer
