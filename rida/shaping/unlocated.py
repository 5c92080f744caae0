"""Where deliveries wait whose domain DNS could not locate at launch. A session asks again before it connects, and moves
them to their network; until then they count against this one's budget, which keeps the questions slow."""

from dataclasses import dataclass
from datetime import datetime

from rida.shaping.models import Site
from rida.shaping.places import assign_place

KEY = "unlocated"


@dataclass(frozen=True, slots=True)
class _Nameless:
    name: str = KEY


@dataclass(frozen=True, slots=True)
class _Nowhere:
    network: str = KEY
    site: str = KEY
    hosts: tuple[_Nameless, ...] = (_Nameless(),)


def unlocated_site(now: datetime) -> Site:
    """The one site of the network `unlocated`, made if need be."""
    return assign_place(_Nowhere(), now)
