"""A delivery whose MX names another network moves there: one copy, in one place, whatever happens to who moved it."""

import pytest
from django.db import connection

from rida.delivery.ports import Host, Item, Place, Result, Volley
from rida.dispatch.ledger import Ledger
from rida.dispatch.tests import world
from rida.kernel.clock import milliseconds, now
from rida.kernel.reply import Outcome, Reply, Step
from rida.shaping.models import Budget

pytestmark = pytest.mark.django_db
GONE = world.LEASE_MS + world.GRACE_MS + 1


@pytest.fixture(autouse=True)
def _server_has_been_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world.pretend_server_is_old(monkeypatch)


def moved(item: Item, network: str = "net:new") -> Result:
    place = Place(network, f"{network} mx.x.example", (Host("mx.x.example", ("127.0.0.1",)),))
    return Result(item, Outcome.DEFERRED, Reply(Step.CONNECT, 0, "", "goes to another site now"), moved_to=place)


def claim_there(ledger: Ledger, network: str = "net:new") -> Volley:
    [volley] = ledger.claim(Budget.objects.get(network__key=network).shard, 10)
    return volley


def end_lease(volley: Volley) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE dispatch_volley SET lease_until = lease_until - %s WHERE id = %s", [GONE, volley.id])


def test_a_moved_delivery_waits_at_its_new_place_with_the_same_try() -> None:
    made = world.campaign_to(2)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.record(ledger, volley, moved(volley.items[0]))
    assert world.waiting(made) == {0: 1}
    assert [item.key for item in claim_there(world.node()).items] == [volley.items[0].key]


def test_the_reaper_leaves_alone_what_is_in_hand_at_its_new_place() -> None:
    made = world.campaign_to(3)
    dies, other = world.node(), world.node()
    [volley] = dies.claim(0, 10)
    world.record(dies, volley, moved(volley.items[0]))
    world.begin(dies, volley)
    claim_there(other)
    end_lease(volley)
    assert other.reap() == 1
    assert world.outcomes(made) == {(1, 1): Outcome.DOUBTFUL}
    assert world.waiting(made) == {2: 1}


def test_a_move_told_twice_adds_no_copy() -> None:
    made = world.campaign_to(1)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.record(ledger, volley, moved(volley.items[0]))
    claim_there(world.node())
    world.record(ledger, volley, moved(volley.items[0]))
    assert world.waiting(made) == {}


def test_a_node_frozen_while_it_asked_dns_moves_nothing_any_more() -> None:
    made = world.campaign_to(1)
    frozen, other = world.node(), world.node()
    [volley] = frozen.claim(0, 10)
    world.pass_time(GONE)
    other.reap()
    assert len(other.claim(0, 10)) == 1
    world.record(frozen, volley, moved(volley.items[0]))
    assert world.waiting(made) == {}


def test_who_moves_again_is_deferred_with_a_growing_pause() -> None:
    """A host that rotates between networks with a ttl of nothing would be asked round for ever."""
    made = world.campaign_to(1)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.record(ledger, volley, moved(volley.items[0]))
    ledger.close(volley, 0, ())
    for attempt, wait in enumerate(ledger.timing.retry_waits_ms, 1):
        here, there = ("net:new", "net:next") if attempt % 2 else ("net:next", "net:new")
        volley = claim_there(ledger, here)
        world.record(ledger, volley, moved(volley.items[0], there))
        ledger.close(volley, 0, ())
        assert world.outcomes(made)[0, attempt] == Outcome.DEFERRED
        assert world.waiting(made) == {0: attempt + 1}
        due = Budget.objects.get(network__key=there).next_due
        assert abs(due - milliseconds(now()) - wait) < 5_000
        world.pass_time(wait)


def test_who_moves_again_gives_up_in_the_end() -> None:
    made = world.tranche(world.place(), world.launch(give_up_at=milliseconds(now()) + 1_000), 1)
    world.consent(made)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.record(ledger, volley, moved(volley.items[0]))
    volley = claim_there(ledger)
    world.record(ledger, volley, moved(volley.items[0], "net:next"))
    assert world.outcomes(made) == {(0, 1): Outcome.DEFERRED, (0, 2): Outcome.EXPIRED}
