"""A route into the world for measurements and storms: a sender vouched for by DNS, and a relay on this machine.

Imports stages late: whoever uses this opens its house first.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rida.shaping.routes import Caps, RelaySettings
    from rida.town.plan import Plan

_ADDRESS = "127.0.0.1"
_DOMAIN = "warda-flowers.example"


def _way() -> Any:
    from rida.campaign.records import Kind, Way

    return Way(Kind.RELAY, "mail.warda-flowers.example", (_ADDRESS,), _ADDRESS)


def open_relay(workspaces: Sequence[Any], relay: "RelaySettings", password: str, caps: "Caps") -> int:
    """These workspaces depart by it, approved; the source's id."""
    from django.conf import settings

    from rida.accounts.models import User
    from rida.kernel.clock import now
    from rida.shaping.sources import save_relay
    from tests import house

    owner = User.objects.create_user("owner@warda-flowers.example", is_owner=True)
    named = replace(relay, name=_way().helo, addresses=(_ADDRESS,))
    source = save_relay("relay", named, password, caps, owner, now())
    assert settings.RIDA_RESOLVER is not None
    for workspace in workspaces:
        house.asked_of(settings.RIDA_RESOLVER, _way(), workspace)
        house.depart(source, owner, workspace)
    return source.pk


@contextmanager
def dns(folder: Path, plan: "Plan", workspaces: Sequence[Any]) -> Iterator[None]:
    """The town's, for us and our children: it names the recipients' networks and vouches for these senders."""
    from django.conf import settings

    from rida.town.beside import beside
    from tests import house

    for workspace in workspaces:
        plan = house.real_sender(plan, _way(), workspace)
    with beside(plan, folder) as town:
        settings.RIDA_RESOLVER = town.resolver
        os.environ["RIDA_RESOLVER"] = "{}:{}".format(*town.resolver)
        yield


@contextmanager
def signing(workspace: Any, signed: bool) -> Iterator[None]:
    """Not signed: the key is out of sight while the workers print. Preflight lets nothing unsigned into the world."""
    from rida.campaign.models import SenderDomain

    key = SenderDomain.objects.filter(workspace=workspace)
    if not signed:
        key.update(name="out-of-sight.example")
    try:
        yield
    finally:
        key.update(name=_DOMAIN)


def length_of(launch_id: int) -> int:
    """Bytes of one copy as it goes to the wire."""
    from rida.outbox.copies import Copies
    from rida.outbox.models import Delivery
    from rida.outbox.render import Rendered

    one = Delivery.objects.filter(tranche__launch=launch_id).order_by("pk")[0]
    made = Copies().render(launch_id, one.tranche_id, one.n, one.address, bytes(one.address_hash), one.merge)
    assert isinstance(made, Rendered), made
    return len(made.content)
