"""The ledger's transactions: which statements of `ledger.sql` run together, and where permission is asked.

Synchronous, on Django's connection of the calling thread, so that the questions to `permission` are part of the same
transaction. Times are ms. `Timing` holds the durations; the promise is in docs/ledger.md.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, takewhile
from typing import Any

from django.db import transaction

from rida.delivery.ports import Item, Key, Result, Volley, Word
from rida.dispatch.records import (
    Entry,
    Move,
    Row,
    keep_tests,
    login_refused,
    move,
    moves_at_once,
    moves_of,
    wake_late,
    withhold,
)
from rida.dispatch.rules import Timing, next_attempt
from rida.dispatch.statements import fetch as _rows
from rida.dispatch.statements import run as _run
from rida.kernel.clock import elapsed_seconds, now
from rida.kernel.reply import Outcome, Reply, Step
from rida.outbox.models import Launch
from rida.permission.rules import Terms
from rida.permission.services import Ask, heads, verdicts
from rida.shaping.networks import messages_per_connection

_LOOK_SECONDS = 0.5
_LOOK_AHEAD = 2_000
"""People a claim asks permission about beyond those it picked, when all of those are refused: some 20 ms."""
_UNSENT = Reply(Step.MAIL, 0, "", "the lease ended before the final dot")


@dataclass(frozen=True, slots=True)
class LaunchFacts:
    """What does not change in a launch, read once a process."""

    terms: Terms
    profiles: tuple[str, ...]
    give_up_at: int
    traced: bool
    """A test: what is said is kept with its outcome."""


@dataclass(slots=True)
class Ledger:
    """One node's hands on the ledger. `node` is random per process: a restarted program is another node."""

    node: str
    timing: Timing
    hear_hard_bounces: Callable[[Sequence[Result]], None] = lambda _: None
    """Called in the recording transaction: a dead mailbox is suppressed with the outcome that says so, or not at all.
    Feedback is a later stage, so the worker puts it here."""
    _launches: dict[int, LaunchFacts] = field(default_factory=dict)
    _heads: dict[int, dict[Key, int]] = field(default_factory=dict)
    """Newest permission event of each person at the claim, by open volley of this node."""

    # --- claim ------------------------------------------------------------------------------------------------------

    def claim(self, shard: int, networks_at_most: int) -> list[Volley]:
        """Volleys of due networks of one shard, at most one a network.

        Where everybody is refused it looks further, for half a second: else an idle shard would end its drain, and
        thousands who left would go by fives a tick.
        """
        until = elapsed_seconds() + _LOOK_SECONDS
        while True:
            volleys, refused = self._claim(shard, networks_at_most)
            if volleys or not refused or elapsed_seconds() > until:
                return volleys

    def _claim(self, shard: int, networks_at_most: int) -> tuple[list[Volley], int]:
        asked_at = elapsed_seconds()
        with transaction.atomic():
            networks = [row[0] for row in _rows("lock_due", shard=shard, limit=networks_at_most)]
            return self._open(networks, asked_at) if networks else ([], 0)

    def exchange(self, volley: Volley, attempted: int, *, any_network: bool = False) -> Volley | None:
        """Close a finished volley and open another for the same connection; None: nothing changed at all.

        any_network: the connection leads to a relay, which takes mail for every network.
        """
        asked_at = elapsed_seconds()
        with transaction.atomic():
            opened: list[Volley] = []
            if self._close(volley, attempted, []):
                opened, _ = self._open([volley.network_id], asked_at, volley.site_id, volley.source_id)
                if not opened and any_network:
                    opened = self._open_elsewhere(volley, asked_at)
            if not opened:
                # A closed volley must not have an open connection: take the close back, the session hangs up first.
                transaction.set_rollback(True)
        if not opened:
            return None
        self._heads.pop(volley.id, None)
        return opened[0]

    def _open_elsewhere(self, volley: Volley, asked_at: float) -> list[Volley]:
        """For a relay's connection: the next network that has mail for this source."""
        found = _rows("lock_next", network=volley.network_id, source=volley.source_id)
        return self._open([row[0] for row in found], asked_at, source=volley.source_id)[0] if found else []

    def _open(
        self, networks: Sequence[int], asked_at: float, site: int | None = None, source: int | None = None
    ) -> tuple[list[Volley], int]:
        """Volleys, and how many people were refused on the way."""
        _rows("lock_sources", networks=networks)
        _rows("lock_allowances", networks=networks, only_source=source)
        picked = _rows("pick", networks=networks, only_site=site, only_source=source)
        allowed, newest = self._ask(picked)
        opened = self._insert(allowed)
        self._look_ahead([row for row in picked if row[0] not in opened])
        _run("refresh_due", networks=networks)
        volleys = [self._volley(opened[row[0][0]], row, asked_at, newest) for row in allowed if row[0][0] in opened]
        return volleys, len(picked) - sum(map(len, allowed))

    def _ask(self, picked: Sequence[Row]) -> tuple[list[list[Row]], dict[Key, int]]:
        """Permission's answer to what was picked: allowed rows by network; the refused get their outcome here."""
        answers = verdicts([self._question(row[6], row[12], row[10]) for row in picked], now())
        refused = [(row, answer.reason) for row, answer in zip(picked, answers, strict=True) if not answer.allowed]
        withhold((Key(row[7], row[8]), row[9], reason, None) for row, reason in refused)
        by_network: dict[int, list[Row]] = defaultdict(list)
        newest = {}
        for row, answer in zip(picked, answers, strict=True):
            if answer.allowed:
                by_network[row[0]].append(row)
                newest[Key(row[7], row[8])] = answer.head
        return list(by_network.values()), newest

    def _look_ahead(self, refused: Sequence[Row]) -> None:
        """Pass over those who are refused too and come next in the same tranches."""
        if not refused:
            return
        tranches = sorted({row[7] for row in refused})
        networks = [row[0] for row in refused]
        rows = _rows("ahead", tranches=tranches, networks=networks, limit=_LOOK_AHEAD // len(tranches))
        answers = verdicts([self._question(row[2], row[3], row[4]) for row in rows], now())
        for tranche_id, answered in groupby(zip(rows, answers, strict=True), key=lambda pair: pair[0][0]):
            run = list(takewhile(lambda pair: not pair[1].allowed, answered))
            withhold((Key(tranche_id, row[1]), 1, answer.reason, None) for row, answer in run)
            _run("pass_over", tranche=tranche_id, count=len(run))

    def _insert(self, groups: Sequence[Sequence[Row]]) -> dict[int, int]:
        """network id: volley id"""
        if not groups:
            return {}
        volleys = [
            {
                "network_id": rows[0][0],
                "site_id": rows[0][2],
                "source_id": rows[0][4],
                "urgent": rows[0][5],
                "workspace_id": rows[0][6],
                "tranche_ids": [row[7] for row in rows],
                "ns": [row[8] for row in rows],
                "attempts": [row[9] for row in rows],
            }
            for rows in groups
        ]
        lease, window = self.timing.lease_ms, self.timing.window_ms
        return dict(_rows("open", volleys=json.dumps(volleys), node=self.node, lease=lease, window=window))

    def _volley(self, volley_id: int, rows: Sequence[Row], asked_at: float, newest: Mapping[Key, int]) -> Volley:
        items = tuple(_item(row, traced=self._facts(row[10]).traced) for row in rows)
        self._heads[volley_id] = {item.key: newest[item.key] for item in items}
        network_id, network, site_id, site, source_id, urgent = rows[0][:6]
        return Volley(
            id=volley_id,
            network_id=network_id,
            network=network,
            site_id=site_id,
            site=site,
            source_id=source_id,
            urgent=urgent,
            items=items,
            claimed_at=asked_at,
            lease_seconds=self.timing.lease_ms / 1000,
            messages_per_connection=messages_per_connection(network),
        )

    # --- record -----------------------------------------------------------------------------------------------------

    def commit(self, batch: Sequence[Entry]) -> tuple[list[Word], int]:
        """Group commit: starts and outcomes of many sessions durable together; the last word for each, and the
        database's time (ms) to hold the node's clock against."""
        results = [(entry.volley.id, result) for entry in batch for result in entry.results]
        begins = [entry.volley.id for entry in batch if entry.begins]
        with transaction.atomic():
            # Before everything else: whoever makes the same rows waits for us, and may hold what we want next.
            moves = moves_of(batch)
        with transaction.atomic():
            self._hear_hard(results)
            if moves:
                _rows("lock_networks", networks=[move.site.network_id for move in moves.values()])
            over = _hold([*begins, *(volley_id for volley_id, _ in results)])
            fenced = over | self._start(begins)
            late = self._record(results, moves)
            withheld = self._ask_again(batch)
            halted = self._halted(batch)
            database_now = _rows("now")[0][0]
        wake_late(late)
        words = [
            Word(
                withheld=frozenset(item.key for item in entry.coming if item.key in withheld),
                halted=frozenset(item.key for item in entry.coming if item.launch_id in halted),
                fenced=entry.volley.id in fenced,
            )
            for entry in batch
        ]
        return words, database_now

    def _start(self, volley_ids: Sequence[int]) -> set[int]:
        """Volleys that could not be started: their lease is gone."""
        if not volley_ids:
            return set()
        started = {row[0] for row in _rows("start", volleys=volley_ids, node=self.node)}
        return set(volley_ids) - started

    def _hear_hard(self, results: Sequence[tuple[int, Result]]) -> None:
        """First of all: a test send holds the person's permission while it waits for a budget."""
        if hard := [result for _, result in results if result.hard]:
            # By workspace: each is locked to the end of this commit, and other nodes are at it too.
            self.hear_hard_bounces(sorted(hard, key=lambda result: result.item.workspace_id))

    def _record(self, results: Sequence[tuple[int, Result]], moves: Mapping[Key, Move]) -> list[Row]:
        """Networks (with a moment) to be woken after the commit. The caller holds the volleys."""
        at_once = [(volley_id, result) for volley_id, result in results if moves_at_once(result, moves)]
        ended = [(volley_id, result) for volley_id, result in results if not moves_at_once(result, moves)]
        late = _rows("record", **self._columns(ended, moves)) if ended else []
        move(at_once, moves)
        if refused := [(volley_id, result.reply) for volley_id, result in results if login_refused(result)]:
            # At the end, because allowances are locked after budgets; and departures after them.
            _run("hold_sources", volleys=[volley_id for volley_id, _ in refused], reason=refused[0][1].text[:400])
        if traced := [result for _, result in ended if result.item.traced]:
            keep_tests(traced)
        return late

    def _columns(self, results: Sequence[tuple[int, Result]], moves: Mapping[Key, Move]) -> dict[str, list[Any]]:
        at = _rows("now")[0][0]
        return {
            "volley_ids": [volley_id for volley_id, _ in results],
            "tranche_ids": [result.item.key.tranche_id for _, result in results],
            "ns": [result.item.key.n for _, result in results],
            "attempts": [result.item.attempt for _, result in results],
            "kinds": [int(result.outcome) for _, result in results],
            "steps": [str(result.reply.step) for _, result in results],
            "codes": [result.reply.code for _, result in results],
            "enhanced": [result.reply.enhanced[:12] for _, result in results],
            "replies": [result.reply.text.replace("\0", "")[:2000] for _, result in results],
            "dues": [self._due(result, at) for _, result in results],
            "to_sites": [moves[result.item.key].site.pk if result.moved_to else None for _, result in results],
        }

    def _due(self, result: Result, at: int) -> int | None:
        if result.outcome is not Outcome.DEFERRED:
            return None
        give_up_at = self._facts(result.item.launch_id).give_up_at
        return next_attempt(result.item.attempt, give_up_at, at, self.timing.retry_waits_ms)

    def _ask_again(self, batch: Sequence[Entry]) -> set[Key]:
        """Of the messages to come, those whose permission changed since the claim and is gone: withheld here."""
        coming = [(entry.volley.id, item) for entry in batch for item in entry.coming]
        newest = heads({(item.workspace_id, item.address_hash) for _, item in coming})
        changed = [
            (volley_id, item)
            for volley_id, item in coming
            if newest[item.workspace_id, item.address_hash] != self._heads.get(volley_id, {}).get(item.key)
        ]
        if not changed:
            return set()
        asks = [self._question(item.workspace_id, item.address_hash, item.launch_id) for _, item in changed]
        refused = [
            (item, answer.reason, volley_id)
            for (volley_id, item), answer in zip(changed, verdicts(asks, now()), strict=True)
            if not answer.allowed
        ]
        withhold((item.key, item.attempt, reason, volley_id) for item, reason, volley_id in refused)
        return {item.key for item, _, _ in refused}

    def _halted(self, batch: Sequence[Entry]) -> set[int]:
        launches = {item.launch_id for entry in batch for item in entry.coming}
        return {row[0] for row in _rows("halted", launches=list(launches))} if launches else set()

    # --- close ------------------------------------------------------------------------------------------------------

    def close(self, volley: Volley, attempted: int, returned: Sequence[Item]) -> None:
        """The socket is closed; so many messages reached the wire, `returned` did not and wait again."""
        late: list[Row] = []
        with transaction.atomic():
            closed_in = self._close(volley, attempted, returned)
            if not closed_in:
                # The reaper doubted what never reached its final dot: say so. It ignores the rest, which it gave back.
                _hold([volley.id])
                late = self._record([(volley.id, Result(item, Outcome.DEFERRED, _UNSENT)) for item in returned], {})
            _run("refresh_due", networks=list({volley.network_id, *closed_in}))
            _run("wake_waiting", source=volley.source_id)
        wake_late(late)
        self._heads.pop(volley.id, None)

    def _close(self, volley: Volley, attempted: int, returned: Sequence[Item]) -> list[int]:
        """Its network, another one if it was regrouped; empty: the reaper was here before."""
        _rows("lock_networks", networks=[volley.network_id])
        _rows("lock_sources", networks=[volley.network_id])
        closed = _rows(
            "close",
            volley=volley.id,
            attempted=attempted,
            window=self.timing.window_ms,
            tranche_ids=[item.key.tranche_id for item in returned],
            ns=[item.key.n for item in returned],
            attempts=[item.attempt for item in returned],
        )
        return [row[0] for row in closed]

    def renew(self, volley_ids: Collection[int]) -> frozenset[int]:
        """Lengthen leases that are not over yet; those that were."""
        lease, window = self.timing.lease_ms, self.timing.window_ms
        rows = _rows("renew", volleys=list(volley_ids), node=self.node, lease=lease, window=window)
        return frozenset(row[0] for row in rows)

    def reap(self) -> int:
        """Close the volleys of nodes that died or fenced themselves; how many. One transaction each."""
        return sum(self._reap(volley_id, network_id) for volley_id, network_id in self._overdue())

    def _overdue(self) -> list[Row]:
        return _rows("overdue", grace=self.timing.grace_ms, lease=self.timing.lease_ms)

    def _reap(self, volley_id: int, network_id: int) -> int:
        with transaction.atomic():
            _rows("lock_networks", networks=[network_id])
            _rows("lock_sources", networks=[network_id])
            if not _rows("lock_dead", volley=volley_id, grace=self.timing.grace_ms):
                return 0
            closed = _rows("reap", volley=volley_id, window=self.timing.window_ms)
            _run("refresh_due", networks=list({network_id, *(row[0] for row in closed)}))
        return len(closed)

    # --- facts ------------------------------------------------------------------------------------------------------

    def _question(self, workspace_id: int, address_hash: bytes, launch_id: int) -> Ask:
        facts = self._facts(launch_id)
        return Ask(workspace_id, bytes(address_hash), facts.terms, facts.profiles)

    def _facts(self, launch_id: int) -> LaunchFacts:
        if launch_id not in self._launches:
            launch = Launch.objects.get(pk=launch_id)
            terms = Terms.from_json(launch.terms)
            is_test = launch.kind == Launch.Kind.TEST
            self._launches[launch_id] = LaunchFacts(terms, tuple(launch.terms["profiles"]), launch.give_up_at, is_test)
        return self._launches[launch_id]


def _hold(volley_ids: Collection[int]) -> set[int]:
    """Nobody takes these volleys away until the transaction ends; those whose lease was over before."""
    rows = _rows("hold_volleys", volleys=list(volley_ids)) if volley_ids else []
    return {volley_id for volley_id, over in rows if over}


def _item(row: Row, *, traced: bool) -> Item:
    merge = row[13] if isinstance(row[13], dict) else json.loads(row[13])
    return Item(Key(row[7], row[8]), row[9], row[10], row[6], row[11], bytes(row[12]), merge, traced)
