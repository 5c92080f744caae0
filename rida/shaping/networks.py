"""Which network a domain's mail goes to, and by which site, named from its MX hosts alone. Pure.

The same hosts give the same names, in whatever order DNS lists them. Domains with names of their own for shared servers
(vanity MX) meet in one network, because addresses decide where no provider is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Protocol

from rida.shaping.limits import NOTHING, effective
from rida.shaping.providers import named, provider_of

PROVIDER, NET = "provider:", "net:"
_PREFIX_LENGTH = {4: 24, 6: 48}
OPPORTUNISTIC = "opportunistic"
"""TLS where it is offered, certificates not looked at (RFC 7435)."""
_LONGEST = 500
"""Of a site's key. A domain may list 16 hosts of 255 letters each."""


class MailHost(Protocol):
    """An MX host as DNS gave it: lower preference first, addresses possibly none."""

    @property
    def name(self) -> str: ...
    @property
    def preference(self) -> int: ...
    @property
    def addresses(self) -> Sequence[str]: ...


class Located(Protocol):
    """A domain's mail hosts, at least one of them with an address (rida.dns.location.Found)."""

    @property
    def hosts(self) -> Sequence[MailHost]: ...


@dataclass(frozen=True, slots=True)
class NetworkName:
    """key: what the ledger knows it by. name: for people. provider: id in providers.toml, or empty."""

    key: str
    name: str
    provider: str = ""


def name_network(found: Located) -> NetworkName:
    """The provider, if all hosts are one's; else the /24 (IPv6: /48) of the best host's lowest address."""
    if provider := provider_of([host.name for host in found.hosts]):
        return NetworkName(f"{PROVIDER}{provider.id}", provider.name, provider.id)
    best = _best(found)
    prefix = ip_network((best, _PREFIX_LENGTH[best.version]), strict=False)
    return name_from_key(f"{NET}{prefix}", _first_host(found, best))


def name_from_key(key: str, host: str) -> NetworkName:
    """A network of which only the key is known, and one host in it."""
    provider_id = key.removeprefix(PROVIDER)
    if provider_id != key:
        provider = named(provider_id)
        return NetworkName(key, provider.name if provider else provider_id, provider_id)
    prefix = key.removeprefix(NET)
    return NetworkName(key, f"{host} ({prefix})"[:200] if prefix != key else key)


def messages_per_connection(key: str) -> int:
    """After so many messages a connection to this network is closed. key: the network's."""
    provider = named(key.removeprefix(PROVIDER)) if key.startswith(PROVIDER) else None
    return effective(prior=provider.prior if provider else NOTHING).messages_per_connection


def name_site(found: Located, tls: str = OPPORTUNISTIC) -> str:
    """The network, all host names, and the TLS policy.

    The network is part of it: when the hosts move to other addresses, the site becomes another, and what waited for the
    old one moves instead of leaving under the wrong network's limits.
    """
    hosts = ",".join(sorted({host.name for host in found.hosts}))
    head, tail = f"{name_network(found).key} ", f" tls={tls}"
    return f"{head}{_shortened(hosts, _LONGEST - len(head) - len(tail))}{tail}"


def renamed(site: str) -> NetworkName | None:
    """The provider who is known by now to have all the hosts of a site whose key says otherwise.

    None too where the key cannot tell: it was shortened, or its provider is gone and only DNS knows the addresses.
    """
    network, _, rest = site.partition(" ")
    hosts = rest.partition(" ")[0]
    provider = provider_of(hosts.split(",")) if hosts and "#" not in hosts else None
    if provider is None or network == f"{PROVIDER}{provider.id}":
        return None
    return NetworkName(f"{PROVIDER}{provider.id}", provider.name, provider.id)


def _best(found: Located) -> IPv4Address | IPv6Address:
    """The lowest address among the best hosts that have any, IPv4 first: servers list theirs in changing order."""
    reachable = [host for host in found.hosts if host.addresses]
    preference = min(host.preference for host in reachable)
    addresses = [ip_address(text) for host in reachable if host.preference == preference for text in host.addresses]
    return min(addresses, key=lambda address: (address.version, int(address)))


def _first_host(found: Located, address: IPv4Address | IPv6Address) -> str:
    return min(host.name for host in found.hosts if address in map(ip_address, host.addresses))


def _shortened(hosts: str, room: int) -> str:
    if len(hosts) <= room:
        return hosts
    digest = sha256(hosts.encode()).hexdigest()[:32]
    return f"{hosts[: room - len(digest) - 1]}#{digest}"
