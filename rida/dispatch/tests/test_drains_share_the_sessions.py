"""Sixteen drains of one node together open no more sessions than it has."""

import asyncio
from typing import Any

import pytest

from rida.dispatch.node import CLAIM_NETWORKS, Node
from rida.dispatch.tests import world


class FewSessions:
    """As delivery's engine, with sessions that never end."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.busy = 0

    @property
    def free_sessions(self) -> int:
        return max(0, self._most - self.busy)

    def start(self, volley: Any) -> None:
        self.busy += 1


def test_room_is_reserved_before_the_claim_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    async def claim(self: Node, work: Any, shard: int, networks: int) -> list[None]:
        asked.append(networks)
        await asyncio.sleep(0.01)
        return [None] * networks

    async def story() -> int:
        node = Node(world.node(), tolerance_ms=1e9)
        engine: Any = FewSessions(50)
        node.engine = engine
        await asyncio.gather(*(node.drain(shard, 0.1, lambda: False) for shard in range(16)))
        return int(engine.busy)

    monkeypatch.setattr(Node, "_in_thread", claim)
    assert asyncio.run(story()) == 50
    assert asked == [CLAIM_NETWORKS, CLAIM_NETWORKS, 10]


def test_a_claim_that_finds_less_than_it_asked_for_gives_the_rest_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(self: Node, work: Any, *arguments: object) -> list[None]:
        return []

    async def story() -> int:
        node = Node(world.node(), tolerance_ms=1e9)
        engine: Any = FewSessions(50)
        node.engine = engine
        await node.drain(0, 0.1, lambda: False)
        return node._free_sessions()

    monkeypatch.setattr(Node, "_in_thread", nothing)
    assert asyncio.run(story()) == 50
