"""Steps of recording, each a part of the group commit that calls it: moves, what is withheld, what a test said."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rida.delivery.ports import Item, Key, Result, Volley
from rida.dispatch.statements import fetch as _rows
from rida.dispatch.statements import run as _run
from rida.kernel.reply import Outcome, Step
from rida.outbox.models import Tranche
from rida.shaping.models import Site
from rida.shaping.places import assign_places

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One session's part of a group commit. `begins`: the volley starts with this commit."""

    volley: Volley
    begins: bool
    results: Sequence[Result]
    coming: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Move:
    """Where a delivery goes whose MX names another site now. first: it was where its launch had put it.

    Who moves again is deferred: servers that rotate between networks would send a delivery round for ever.
    """

    site: Site
    first: bool


def moves_of(batch: Sequence[Entry]) -> dict[Key, Move]:
    """Where deliveries go whose MX names another site now; the rows are made if need be."""
    moved = [(entry.volley, result) for entry in batch for result in entry.results if result.moved_to]
    if not moved:
        return {}
    sites = assign_places([result.moved_to for _, result in moved if result.moved_to])
    tranches = Tranche.objects.filter(pk__in={result.item.key.tranche_id for _, result in moved})
    home = dict(tranches.values_list("pk", "site"))
    return {
        result.item.key: Move(site, home.get(result.item.key.tranche_id) == volley.site_id)
        for (volley, result), site in zip(moved, sites, strict=True)
    }


def moves_at_once(result: Result, moves: Mapping[Key, Move]) -> bool:
    return bool(result.moved_to) and moves[result.item.key].first


def move(moved: Sequence[tuple[int, Result]], moves: Mapping[Key, Move]) -> None:
    """Under the locks of the sites' networks."""
    if not moved:
        return
    networks = _rows(
        "move",
        volley_ids=[volley_id for volley_id, _ in moved],
        tranche_ids=[result.item.key.tranche_id for _, result in moved],
        ns=[result.item.key.n for _, result in moved],
        attempts=[result.item.attempt for _, result in moved],
        sites=[moves[result.item.key].site.pk for _, result in moved],
    )
    _run("wake", networks=[network_id for (network_id,) in networks])


def wake_late(late: Sequence[Row]) -> None:
    if late:
        _run("wake_at", networks=[row[0] for row in late], dues=[row[1] for row in late])


def login_refused(result: Result) -> bool:
    """The relay does not take our password: every further try would bring the account nearer to being locked."""
    return result.reply.step is Step.AUTH and result.reply.code // 100 == 5


def keep_tests(results: Sequence[Result]) -> None:
    """What was said, for the page; and that a test arrived, which the first launch into the world waits for."""
    spoken = [result for result in results if result.dialogue]
    if not spoken:
        return  # only tests are written down: nobody else pays for them
    _run(
        "keep_dialogues",
        tranche_ids=[result.item.key.tranche_id for result in spoken],
        ns=[result.item.key.n for result in spoken],
        attempts=[result.item.attempt for result in spoken],
        dialogues=[json.dumps([line.to_json() for line in result.dialogue]) for result in spoken],
    )
    if arrived := [result.item.launch_id for result in spoken if result.outcome is Outcome.ACCEPTED]:
        _run("tested", launches=arrived)


def withhold(refused: Iterable[tuple[Key, int, str, int | None]]) -> None:
    rows = list(refused)
    if not rows:
        return
    _run(
        "withhold",
        tranche_ids=[key.tranche_id for key, _, _, _ in rows],
        ns=[key.n for key, _, _, _ in rows],
        attempts=[attempt for _, attempt, _, _ in rows],
        reasons=[reason for _, _, reason, _ in rows],
        volley_ids=[volley_id for _, _, _, volley_id in rows],
    )
