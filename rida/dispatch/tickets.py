"""The ledger's work for the engine: drain a shard, and two ticks that look after everything."""

from django.conf import settings

from rida.dispatch.node import Node
from rida.dispatch.settling import settle_all
from rida.dispatch.upkeep import due_shards, heal, wake_waiting
from rida.kernel.engine import REGISTRY, submit, ticket

_DRAIN_SECONDS = 4.0
_TICK_SECONDS = 1

NODE: list[Node] = []
"""The node of this process, set by the worker; empty elsewhere, where no drain runs."""


@ticket("drain", lane="drain")
async def drain(shard: int) -> None:
    """Send what a shard has due. One node at a time has a shard; if two ever had it, row locks keep the promise."""
    engine = REGISTRY.engine
    assert engine is not None
    await NODE[0].drain(shard, _DRAIN_SECONDS, engine.stopping)


@ticket("tick", lane="tick", every_seconds=_TICK_SECONDS)
def tick() -> None:
    """Once a second over all nodes: tickets for due shards, and launches that ended."""
    wake_waiting()
    for shard in due_shards(ahead_ms=_TICK_SECONDS * 1000):
        submit("drain", f"shard:{shard}", shard=shard)
    heal()
    settle_all()


@ticket("rescue", lane="tick", every_seconds=_TICK_SECONDS)
async def rescue() -> None:
    """Once a second over all nodes: take over dead nodes' volleys and tickets."""
    engine = REGISTRY.engine
    assert engine is not None
    await engine.recover(settings.RIDA_NODE_SILENCE_SECONDS)
    await NODE[0].reap()
