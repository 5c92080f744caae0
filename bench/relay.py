"""A route into the world for measurements: a sender vouched for by DNS, and a relay on this machine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rida.town.plan import Plan

_ADDRESS = "127.0.0.1"
_DOMAIN = "warda-flowers.example"


def _way() -> Any:
    from rida.campaign.records import Kind, Way

    return Way(Kind.RELAY, "mail.warda-flowers.example", (_ADDRESS,), _ADDRESS)


def vouched_for(plan: "Plan", workspaces: Sequence[Any]) -> "Plan":
    """The same town, whose DNS holds the records of these senders."""
    from tests import house

    for workspace in workspaces:
        plan = house.real_sender(plan, _way(), workspace)
    return plan


def open_relay(workspace: Any, port: int) -> None:
    """The workspace departs by it, approved; the relay sets no limit that would bind."""
    from django.conf import settings

    from rida.accounts.models import User
    from rida.kernel.clock import now
    from rida.shaping.routes import Caps, RelaySettings
    from rida.shaping.sources import approve, choose, save_relay
    from tests import house

    house.asked_of(settings.RIDA_RESOLVER, _way(), workspace)
    owner = User.objects.filter(is_owner=True).first() or User.objects.create_user("o@bench.example", is_owner=True)
    way = RelaySettings(
        _ADDRESS, port, "none", name="mail.warda-flowers.example", addresses=(_ADDRESS,), messages_per_connection=1_000
    )
    source = save_relay("sink", way, "", Caps(connections=200), owner, now())
    choose(workspace, source, owner, now())
    approve(workspace, owner, now())


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
