"""From a source's row to a route that sessions can take. A change in the console is heard within seconds."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import close_old_connections

from rida.delivery.ports import Host
from rida.delivery.route import Door, Login, Route, Tls
from rida.dns.resolver import Resolver
from rida.kernel.clock import elapsed_seconds
from rida.kernel.errors import RelayUnknown, RidaError, SettingError
from rida.outbox.route import Realm, our_name, realm_of
from rida.shaping.models import Source
from rida.shaping.routes import DirectSettings, RelaySettings
from rida.shaping.sources import HEARD_WITHIN_SECONDS, password_of
from rida.worker.atlas import WorldAtlas


@dataclass(frozen=True, slots=True)
class _Configured:
    """What the database says of a source, read at `at`. relay: host and port, to be looked up."""

    at: float
    realm: Realm
    door: Door
    relay: tuple[str, int] | None = None
    local_address: str = ""


@dataclass(slots=True)
class SourceRoutes:
    """See delivery.route.Routes. One a process: it keeps a resolver for each realm."""

    clock: Callable[[], float] = elapsed_seconds
    _known: dict[int, _Configured] = field(default_factory=dict)
    _resolvers: dict[tuple[str, int] | None, Resolver] = field(default_factory=dict)

    async def of(self, source_id: int) -> Route:
        found = await self._configured(source_id)
        atlas = WorldAtlas(self._resolver(found.realm), found.realm.mx_port)
        relay = await self._relay(found.realm, *found.relay) if found.relay else ()
        return Route(atlas, found.realm, found.door, relay, found.local_address)

    async def close(self) -> None:
        for resolver in self._resolvers.values():
            await resolver.close()

    async def _configured(self, source_id: int) -> _Configured:
        known = self._known.get(source_id)
        if known is None or self.clock() - known.at > HEARD_WITHIN_SECONDS:
            known = self._known[source_id] = await asyncio.to_thread(_read, source_id, self.clock())
        return known

    async def _relay(self, realm: Realm, host: str, port: int) -> tuple[Host, ...]:
        """By the system's own look-up, /etc/hosts included: a relay is often a neighbour that no DNS knows. Then by the
        resolver that was named for the world.
        """
        addresses = await _by_system(host, port)
        if not addresses and realm.resolver:
            addresses = (await self._resolver(realm).addresses(host)).addresses
        if not addresses:
            raise RelayUnknown(host=host)
        return (Host(host, addresses, port),)

    def _resolver(self, realm: Realm) -> Resolver:
        if realm.resolver not in self._resolvers:
            self._resolvers[realm.resolver] = Resolver(realm.resolver)
        return self._resolvers[realm.resolver]


def _read(source_id: int, at: float) -> _Configured:
    close_old_connections()
    try:
        source = Source.objects.get(pk=source_id)
        return _configure(source, realm_of(source), at)
    finally:
        close_old_connections()


def _configure(source: Source, realm: Realm, at: float) -> _Configured:
    if source.route == Source.Route.SANDBOX:
        return _Configured(at, realm, Door(our_name(), Tls.NONE))
    if source.route == Source.Route.DIRECT:
        direct = DirectSettings.from_json(source.settings)
        return _Configured(at, realm, Door(direct.name or our_name()), local_address=direct.local_address)
    relay = RelaySettings.from_json(source.settings)
    door = Door(
        relay.name or our_name(), Tls(relay.tls), _login(source, relay), relay.authority, relay.messages_per_connection
    )
    return _Configured(at, realm, door, (relay.host, relay.port))


def _login(source: Source, relay: RelaySettings) -> Login | None:
    if not relay.user:
        return None
    try:
        return Login(relay.user, password_of(source))
    except RidaError as error:
        raise SettingError(name=f"the relay “{source.name}”", reason=str(error)) from error


async def _by_system(host: str, port: int) -> tuple[str, ...]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))
