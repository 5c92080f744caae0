"""The two realms in which a route finds its way: the sandbox on this machine, and the world.

A realm is whose DNS is asked and whom one may connect to. The same domain has another place in each.
"""

import socket
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network

from asgiref.sync import async_to_sync
from django.conf import settings

from rida.dns.resolver import Resolver
from rida.kernel.errors import SettingError
from rida.outbox.freezing import LocatedDomains
from rida.shaping.models import Source
from rida.shaping.places import locate_domains
from rida.town.card import read_card


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Whom it asks, and the port its receivers listen on."""

    resolver: tuple[str, int]
    mx_port: int

    def may_connect(self, address: str) -> bool:
        """Loopback only: nothing leaves a machine that nobody configured (design §8)."""
        return ip_address(address).is_loopback


@dataclass(frozen=True, slots=True)
class World:
    """resolver: None for the system's own. lab_nets: networks of a laboratory that may be reached too."""

    resolver: tuple[str, int] | None
    mx_port: int
    lab_nets: tuple[str, ...] = ()

    def may_connect(self, address: str) -> bool:
        """Global addresses: an MX that names 127.0.0.1 or 10.0.0.1 must not make us speak to our own house."""
        found = ip_address(address)
        if any(found in ip_network(net) for net in self.lab_nets):
            return True
        return found.is_global and not found.is_multicast


Realm = Sandbox | World


def realm_of(source: Source) -> Realm:
    """Raises SettingError for a sandbox without a town."""
    return sandbox() if source.route == Source.Route.SANDBOX else world()


def sandbox() -> Sandbox:
    """The town of this home, whoever is asked about the world; without one RIDA_RESOLVER and RIDA_MX_PORT, which stand
    for a town elsewhere. Raises SettingError if there is neither.
    """
    if card := read_card(settings.HOME / "town"):
        return Sandbox(card.resolver, card.port)
    if settings.RIDA_RESOLVER:
        return Sandbox(_loopback(settings.RIDA_RESOLVER), settings.RIDA_MX_PORT)
    raise SettingError(name="RIDA_RESOLVER", reason="no town runs in this home; start it with “rida up”")


def world() -> World:
    return World(settings.RIDA_RESOLVER, settings.RIDA_MX_PORT, settings.RIDA_LAB_NETS)


def our_name() -> str:
    """This machine's, where a source has none of its own."""
    return socket.getfqdn() or "localhost"


def locate(domains: Collection[str], source: Source, now: datetime) -> LocatedDomains:
    """Each domain's site, or why it has none. Asks DNS; call it outside transactions and off the event loop."""

    async def ask() -> LocatedDomains:
        resolver = Resolver(realm_of(source).resolver)
        try:
            return await locate_domains(domains, source.realm, resolver, now)
        finally:
            await resolver.close()

    return async_to_sync(ask)()


def _loopback(server: tuple[str, int]) -> tuple[str, int]:
    # The system's resolver would make the sandbox speak to the world: somebody must have named one on this machine.
    if not ip_address(server[0]).is_loopback:
        raise SettingError(name="RIDA_RESOLVER", reason="the sandbox asks a resolver on this machine only")
    return server
