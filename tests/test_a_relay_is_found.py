"""Where a relay's address comes from: the machine itself, else the resolver that was named for the world."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from rida.dns.tests.zone import served
from rida.kernel.errors import RelayUnknown
from rida.shaping.models import Source
from rida.worker.routes import SourceRoutes

pytestmark = pytest.mark.django_db(transaction=True)
ZONE = {"smtp.relay.test A": ["192.0.2.25"], "smtp.relay.test AAAA": ["2001:db8::25"], "mute.test FAIL": [""]}


@pytest.fixture(autouse=True)
def _world(settings: Any) -> Iterator[None]:
    with served(ZONE) as server:
        settings.RIDA_RESOLVER = server.address
        yield


def addresses(host: str) -> tuple[str, ...]:
    row = {"host": host, "port": 587, "tls": "required"}
    source = Source.objects.create(name=host, route=Source.Route.RELAY, settings=row)

    async def ask() -> tuple[str, ...]:
        routes = SourceRoutes()
        try:
            [found] = (await routes.of(source.pk)).relay
            return found.addresses
        finally:
            await routes.close()

    return asyncio.run(ask())


def test_a_neighbour_that_no_dns_knows() -> None:
    assert "127.0.0.1" in addresses("localhost")


def test_a_name_of_the_resolver_for_the_world() -> None:
    assert addresses("smtp.relay.test") == ("192.0.2.25", "2001:db8::25")


@pytest.mark.parametrize("host", ["nobody.test", "mute.test"])
def test_a_name_that_nobody_knows(host: str) -> None:
    with pytest.raises(RelayUnknown, match=f"no address of the relay {host}"):
        addresses(host)
