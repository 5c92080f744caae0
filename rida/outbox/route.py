"""How mail leaves while nothing else is configured: the sandbox, with its own resolver, into the town on loopback."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from asgiref.sync import async_to_sync
from django.conf import settings

from rida.dns.resolver import Resolver
from rida.kernel.errors import SettingError
from rida.outbox.freezing import LocatedDomains
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


def sandbox() -> Sandbox:
    """RIDA_RESOLVER and RIDA_MX_PORT, else the town that runs in this home. Raises SettingError if there is none."""
    if settings.RIDA_RESOLVER:
        return Sandbox(_loopback(settings.RIDA_RESOLVER), settings.RIDA_MX_PORT)
    card = read_card(settings.HOME / "town")
    if card is None:
        raise SettingError(name="RIDA_RESOLVER", reason="no town runs in this home; start it with “rida up”")
    return Sandbox(card.resolver, card.port)


def locate(domains: Collection[str], now: datetime) -> LocatedDomains:
    """Each domain's site, or why it has none. Asks DNS; call it outside transactions and off the event loop."""

    async def ask() -> LocatedDomains:
        resolver = Resolver(sandbox().resolver)
        try:
            return await locate_domains(domains, resolver, now)
        finally:
            await resolver.close()

    return async_to_sync(ask)()


def _loopback(server: tuple[str, int]) -> tuple[str, int]:
    # The system's resolver would make the sandbox speak to the world: somebody must have named one on this machine.
    if not ip_address(server[0]).is_loopback:
        raise SettingError(name="RIDA_RESOLVER", reason="the sandbox asks a resolver on this machine only")
    return server
