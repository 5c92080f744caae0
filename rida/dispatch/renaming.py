"""A provider was learnt: the servers that we knew by their addresses are its, and what they have had counts there.

Without it their mail would move to a network whose window is empty, and the same servers would get twice R in an hour.
"""

from rida.dispatch.upkeep import regroup
from rida.shaping.models import Site
from rida.shaping.networks import renamed
from rida.shaping.places import make_network


def follow_providers() -> int:
    """Regroup every site whose hosts belong to another network by now; how many. Asks no DNS."""
    sites = Site.objects.order_by("pk").values_list("pk", "key", "network_id", "network__key")
    moves = [
        (site_id, before, name)
        for site_id, key, before, network in sites.iterator()
        if (name := renamed(key)) and name.key != network
    ]
    for site_id, before, name in moves:
        regroup(site_id, before, make_network(name).pk)
    return len(moves)
