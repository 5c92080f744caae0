"""From a site's hosts to a connection that has greeted us, or the reply that tells why not.

Silence (refused, timed out, hung up) tries the next address, and so does a 5xx greeting, which means “no mail service
on this host” (RFC 7504). A 4xx greeting is the site speaking about its load: the volley waits, and does not knock next
door.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from rida.delivery.manners import Manners
from rida.delivery.ports import Guard, Host
from rida.delivery.wire import Wire
from rida.kernel.reply import Reply, Step


async def dial(
    hosts: Sequence[Host], guard: Guard, manners: Manners, new_wire: Callable[[], Wire], willing: Callable[[], bool]
) -> Wire | Reply:
    """A wire that is ready for an envelope, or the last reply. One socket at a time, closed before the next is opened.

    willing: asked before each attempt (lease, stop).
    """
    said = Reply(Step.CONNECT, 0, "", "no address to connect to")
    for host, address in islice(_addresses(hosts), manners.addresses_tried):
        if not willing():
            break
        if not guard.may_connect(address):
            said = Reply(Step.CONNECT, 0, "", f"guard refused {address}: this route may not connect there")
            continue
        met = await _greet(host, address, manners, new_wire, willing)
        if isinstance(met, Wire):
            return met
        said = met
        if 400 <= said.code < 500:
            break
    return said


def _addresses(hosts: Sequence[Host]) -> Iterator[tuple[Host, str]]:
    return ((host, address) for host in hosts for address in host.addresses)


async def _greet(
    host: Host, address: str, manners: Manners, new_wire: Callable[[], Wire], willing: Callable[[], bool]
) -> Wire | Reply:
    try:
        async with asyncio.timeout(manners.patience.connect):
            _, wire = await asyncio.get_running_loop().create_connection(new_wire, address, host.port)
    except TimeoutError:
        return Reply(Step.CONNECT, 0, "", f"{host.name} [{address}] did not answer in time")
    except OSError as error:
        return Reply(Step.CONNECT, 0, "", f"{host.name} [{address}]: {error.strerror or error}")
    if not willing():
        wire.abort("nobody wants the connection any more")
    heard = await wire.turn(manners.patience.greeting)
    if isinstance(heard, Reply):
        await wire.hang_up(manners.patience.farewell)
        return heard
    return wire
