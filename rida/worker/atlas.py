"""Where a domain's mail goes now, by DNS, in shaping's words."""

from dataclasses import dataclass

from rida.delivery.ports import Host, NoPlace, Place
from rida.dns.location import NotFound, find
from rida.dns.resolver import Resolver
from rida.shaping.networks import name_network, name_site


@dataclass(slots=True)
class WorldAtlas:
    """See delivery.ports.Atlas."""

    resolver: Resolver
    port: int

    async def locate(self, domain: str) -> Place | NoPlace:
        found = await find(self.resolver, domain)
        if isinstance(found, NotFound):
            return NoPlace(found.permanent, str(found.reason))
        hosts = tuple(Host(host.name, host.addresses, self.port) for host in found.hosts if host.addresses)
        return Place(name_network(found).key, name_site(found), hosts)
