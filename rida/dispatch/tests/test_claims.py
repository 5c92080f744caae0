"""What a claim takes, in what order, and what it never takes."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from rida.delivery.ports import Volley
from rida.dispatch.ledger import Ledger
from rida.dispatch.room import NEVER, Limits
from rida.dispatch.tests import world
from rida.dispatch.upkeep import due_shards
from rida.kernel.clock import milliseconds, now
from rida.kernel.reply import Outcome
from rida.outbox.halting import cancel, pause, resume
from rida.shaping.models import Budget
from rida.shaping.services import hold

pytestmark = pytest.mark.django_db


def test_a_claim_takes_a_volley_of_each_due_network() -> None:
    first, second = world.campaign_to(20), world.campaign_to(3)
    volleys = world.node().claim(0, 10)
    assert {volley.network_id: len(volley.items) for volley in volleys} == {first.network_id: 5, second.network_id: 3}


def test_bulk_mail_in_hand_stops_at_c_less_the_reserve() -> None:
    made = world.campaign_to(30)
    ledger = world.node()
    taken = [len(volley.items) for _ in range(5) for volley in ledger.claim(0, 10)]
    assert taken == [5, 4]
    assert world.in_hand(made.network_id) == (9, 9, 2)
    assert world.next_due(made.network_id) == NEVER


def test_urgent_mail_may_use_the_reserve() -> None:
    made = world.campaign_to(30, r=10, c=100, v=10)
    ledger = world.node()
    assert [len(volley.items) for volley in ledger.claim(0, 10)] == [9]
    urgent = world.tranche(world.Place(made.network_id, made.site_id, made.source_id), world.launch(), 5, urgent=True)
    world.consent(urgent)
    assert [(len(volley.items), volley.urgent) for volley in ledger.claim(0, 10)] == [(1, True)]
    assert ledger.claim(0, 10) == []


def test_urgent_mail_goes_first() -> None:
    made = world.campaign_to(30)
    urgent = world.tranche(world.Place(made.network_id, made.site_id, made.source_id), world.launch(), 2, urgent=True)
    world.consent(urgent)
    [volley] = world.node().claim(0, 10)
    assert [item.key.tranche_id for item in volley.items] == [urgent.pk] * 2


def test_retries_go_before_new_mail() -> None:
    world.campaign_to(30)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    ledger.close(volley, 0, volley.items)
    [again] = ledger.claim(0, 10)
    assert [item.key for item in again.items] == [item.key for item in volley.items]


def test_people_without_permission_are_withheld_and_use_no_permit() -> None:
    made = world.tranche(world.place(), world.launch(), 5)
    world.consent(made, [1, 3])
    [volley] = world.node().claim(0, 10)
    assert [item.key.n for item in volley.items] == [1, 3]
    assert world.outcomes(made) == {(n, 1): Outcome.WITHHELD for n in (0, 2, 4)}
    assert world.in_hand(made.network_id) == (2, 2, 1)


def test_nobody_with_permission_means_no_volley_and_no_permit() -> None:
    made = world.tranche(world.place(), world.launch(), 3)
    assert world.node().claim(0, 10) == []
    assert len(world.outcomes(made)) == 3
    assert world.in_hand(made.network_id) == (0, 0, 0)


def test_a_claim_finds_who_agreed_behind_thousands_who_did_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """By fives a tick, 3,000 who left would keep the others waiting for ten minutes."""
    made = world.tranche(world.place(), world.launch(), 3_002)
    world.consent(made, [3_000, 3_001])
    ledger, rounds = world.node(), [0]
    claim = Ledger._claim

    def counted(self: Ledger, shard: int, networks_at_most: int) -> tuple[list[Volley], int]:
        rounds[0] += 1
        return claim(self, shard, networks_at_most)

    monkeypatch.setattr(Ledger, "_claim", counted)
    monkeypatch.setattr("rida.dispatch.ledger._LOOK_SECONDS", 60)
    [volley] = ledger.claim(0, 10)
    assert [item.key.n for item in volley.items] == [3_000, 3_001]
    assert world.outcomes(made) == {(n, 1): Outcome.WITHHELD for n in range(3_000)}
    assert world.in_hand(made.network_id) == (2, 2, 1)
    assert rounds[0] <= 3


def test_a_claim_does_not_look_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world.tranche(world.place(), world.launch(), 20)
    monkeypatch.setattr("rida.dispatch.ledger._LOOK_SECONDS", 0)
    monkeypatch.setattr("rida.dispatch.ledger._LOOK_AHEAD", 4)
    assert world.node().claim(0, 10) == []
    assert len(world.outcomes(made)) == 9
    assert world.next_due(made.network_id) <= milliseconds(now())


def test_looking_ahead_leaves_the_tranche_of_what_moved_here_alone() -> None:
    """Its cursor is under the lock of another network."""
    made = world.tranche(world.place(), world.launch(), 20)
    world.set_budget(made.network_id, next_due=NEVER)
    elsewhere = world.place()
    with connection.cursor() as cursor:
        world.retry(elsewhere, made.launch, 0, due=1)
        cursor.execute("UPDATE dispatch_retry SET tranche_id = %s", [made.pk])
    world.set_budget(elsewhere.network_id, next_due=0)
    assert world.node().claim(0, 10) == []
    made.refresh_from_db()
    assert (made.next_n, len(world.outcomes(made))) == (0, 1)


@pytest.mark.parametrize("halt", [pause, cancel])
def test_a_halted_launch_is_not_claimed_not_even_its_retries(halt: object) -> None:
    made = world.campaign_to(10)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    ledger.close(volley, 0, volley.items)
    halt(made.launch)  # type: ignore[operator]
    assert ledger.claim(0, 10) == []


def test_a_resumed_launch_goes_on() -> None:
    made = world.campaign_to(10)
    ledger = world.node()
    pause(made.launch)
    assert ledger.claim(0, 10) == []
    assert world.next_due(made.network_id) == NEVER
    resume(made.launch)
    assert len(ledger.claim(0, 10)) == 1


def test_a_network_on_hold_is_left_alone_until_then() -> None:
    made = world.campaign_to(10)
    until = now() + timedelta(minutes=30)
    hold(made.network, until, "the operator said so", "alice", now())
    world.set_budget(made.network_id, next_due=0)
    assert world.node().claim(0, 10) == []
    assert world.next_due(made.network_id) == milliseconds(until)


def test_a_full_window_sleeps_until_its_first_permit_runs_out() -> None:
    made = world.campaign_to(10, r=5)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.begin(ledger, volley)
    ledger.close(volley, len(volley.items), ())
    closed = world.volley_row(volley.id)
    assert ledger.claim(0, 10) == []
    assert world.next_due(made.network_id) == closed.counts_until
    assert due_shards(ahead_ms=1_000) == []
    world.pass_time(world.WINDOW_MS)
    assert len(ledger.claim(0, 10)) == 1


def test_what_never_reached_the_wire_gives_its_permits_back() -> None:
    world.campaign_to(10, r=5)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    ledger.close(volley, 2, volley.items[2:])
    [next_volley] = ledger.claim(0, 10)
    assert len(next_volley.items) == 3


def test_a_source_with_limits_of_its_own_sends_no_more_than_they_allow() -> None:
    made = world.campaign_to(10)
    site = world.Place(made.network_id, made.site_id, made.source_id)
    world.own_budget(site, Limits(r=2, c=10, k=10, v=5))
    ledger = world.node()
    assert [len(volley.items) for volley in ledger.claim(0, 10)] == [2]
    assert ledger.claim(0, 10) == []


def test_limits_of_a_source_begin_with_what_it_has_in_hand() -> None:
    """From zero, the closes of the open volleys would bring the row to -5, and the source would get five more."""
    made = world.campaign_to(30)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.own_budget(world.Place(made.network_id, made.site_id, made.source_id), Limits(r=100, c=6, k=10, v=5))
    row = Budget.objects.filter(source=made.source_id)
    assert row.values_list("in_hand", "bulk_in_hand", "volleys_open").get() == (5, 5, 1)
    assert ledger.claim(0, 10) == []  # five of six are in hand, and the sixth is kept for urgent mail
    ledger.close(volley, 5, ())
    assert row.values_list("in_hand", "bulk_in_hand", "volleys_open").get() == (0, 0, 0)
    world.own_budget(world.Place(made.network_id, made.site_id, made.source_id), Limits(r=100, c=6, k=10, v=2))
    assert [len(again.items) for again in ledger.claim(0, 10)] == [2]


def test_a_paced_network_gives_small_volleys_and_rests_between() -> None:
    made = world.campaign_to(10, pace_per_second=0.1)
    ledger = world.node()
    assert [len(volley.items) for volley in ledger.claim(0, 10)] == [3]
    assert ledger.claim(0, 10) == []
    assert world.next_due(made.network_id) > milliseconds(now()) + 25_000


def test_no_more_connections_than_k() -> None:
    world.campaign_to(10, k=1)
    ledger = world.node()
    assert len(ledger.claim(0, 10)) == 1
    assert ledger.claim(0, 10) == []


def test_an_exchange_closes_and_claims_at_once() -> None:
    made = world.campaign_to(12)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.begin(ledger, volley)
    other = ledger.exchange(volley, 5)
    assert other
    assert [item.key.n for item in other.items] == [5, 6, 7, 8, 9]
    assert world.volley_row(volley.id).closed
    assert world.in_hand(made.network_id) == (5, 5, 1)


def test_an_exchange_that_finds_nothing_leaves_the_volley_open() -> None:
    made = world.campaign_to(5)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    assert ledger.exchange(volley, 5) is None
    assert not world.volley_row(volley.id).closed
    assert world.in_hand(made.network_id) == (5, 5, 1)


def test_an_exchange_stays_on_its_site() -> None:
    made = world.campaign_to(5)
    neighbour = world.site(made.network_id)
    elsewhere = world.tranche(world.Place(made.network_id, neighbour, made.source_id), world.launch(), 5)
    world.consent(elsewhere)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    assert ledger.exchange(volley, 5) is None


def test_workspaces_never_share_a_volley() -> None:
    made = world.campaign_to(2)
    charlie = world.workspace("charlie")
    site = world.Place(made.network_id, made.site_id, made.source_id)
    other = world.tranche(site, world.launch(workspace=charlie), 2)
    world.consent(other)
    ledger = world.node()
    found = [{item.workspace_id for item in volley.items} for _ in range(2) for volley in ledger.claim(0, 10)]
    assert sorted(map(list, found)) == sorted([[made.workspace_id], [charlie.pk]])


@pytest.mark.django_db(transaction=True)
def test_room_is_computed_after_the_lock_is_held() -> None:
    """The race that one statement for lock and sum would lose: a claim that waited for the lock must see the permits of
    the claim it waited for."""
    made = world.campaign_to(20, r=6, v=5)
    first, second = world.node(), world.node()
    [volley] = first.claim(0, 10)
    other = world.open_more(second, made)
    found: list[object] = []
    waiter = threading.Thread(target=lambda: found.append(_exchange(second, other)))
    with transaction.atomic():
        connection.cursor().execute("SELECT FROM shaping_budget WHERE network_id = %s FOR UPDATE", [made.network_id])
        waiter.start()
        world.wait_until_blocked()
        # Meanwhile permits were used up by a node that committed while the other one waited for the lock.
        world.closed_volley(world.Place(made.network_id, made.site_id, made.source_id), 6, world.FOREVER)
    waiter.join(10)
    assert found == [None]
    assert len(volley.items) == 5


def _exchange(ledger: Ledger, volley: Volley) -> object:
    try:
        return ledger.exchange(volley, 0)
    finally:
        connection.close()
