"""What is done to networks beside the sessions: who is due, who is woken, who moves, who gets limits of their own."""

from dataclasses import asdict

from django.db import transaction

from rida.dispatch.room import Limits
from rida.dispatch.statements import fetch as _rows
from rida.dispatch.statements import run as _run
from rida.shaping.models import Budget


def due_shards(ahead_ms: int) -> list[int]:
    """Shards with a network that is due, or will be within so long."""
    return [row[0] for row in _rows("due_shards", ahead=ahead_ms)]


def wake_waiting() -> None:
    """Networks whose source has something left again, because time passed or a limit rose."""
    _run("wake_waiting", source=None)


def heal() -> None:
    """Wake networks that sleep past a due retry."""
    _run("forgotten")


def limit_source(network_id: int, source_id: int, limits: Limits) -> None:
    """Limits of a source's own at one network: a second budget row, or other figures in the one there is.

    The only maker of such rows. Under the network's lock it starts with what is in hand: from zero, the closes of open
    volleys would bring it below, and the source would get that much more.
    """
    with transaction.atomic():
        _rows("lock_networks", networks=[network_id])
        _rows("lock_sources", networks=[network_id])
        in_hand, bulk, volleys = _rows("held_by_source", network=network_id, source=source_id)[0]
        whole = Budget.objects.get(network=network_id, source=None)
        held = {"in_hand": in_hand, "bulk_in_hand": bulk, "volleys_open": volleys}
        Budget.objects.update_or_create(
            network_id=network_id, source_id=source_id, defaults={**asdict(limits), **held, "shard": whole.shard}
        )
        _run("refresh_due", networks=[network_id])


def regroup(site_id: int, from_network: int, to_network: int) -> None:
    """Move a site to another network with everything it has in hand and has used (design §4.8)."""
    both = [from_network, to_network]
    with transaction.atomic():
        _rows("lock_networks", networks=both)
        _rows("lock_sources", networks=both)
        _rows("lock_site_volleys", site=site_id, from_network=from_network)
        _run("regroup", site=site_id, from_network=from_network, to_network=to_network)
        _run("refresh_due", networks=both)
