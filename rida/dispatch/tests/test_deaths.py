"""What becomes of a volley whose node died: the reaper, cancel, expiry, regrouping."""

import itertools

import pytest
from django.db import connection

from rida.delivery.tally import Tally
from rida.dispatch.ledger import Ledger
from rida.dispatch.room import NEVER, Limits
from rida.dispatch.settling import settle_all
from rida.dispatch.tests import world
from rida.dispatch.upkeep import heal, regroup
from rida.kernel.clock import milliseconds, now
from rida.kernel.reply import Outcome
from rida.outbox.halting import cancel, pause
from rida.shaping.models import Budget

pytestmark = pytest.mark.django_db
GONE = world.LEASE_MS + world.GRACE_MS + 1


@pytest.fixture(autouse=True)
def _server_has_been_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reaper spares everybody for one lease after the database started; the test's server is young."""
    world.pretend_server_is_old(monkeypatch)


def test_nobody_is_declared_dead_for_one_lease_after_the_database_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that holds results tries again every 15 seconds at the latest (delivery.manners)."""
    monkeypatch.undo()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float * 1000")
        age = int(cursor.fetchone()[0])
    world.campaign_to(2)
    [volley] = world.node().claim(0, 10)
    world.pass_time(GONE)
    assert world.node(lease_ms=age + 60_000, grace_ms=0).reap() == 0
    assert world.node(lease_ms=1, grace_ms=0).reap() == 1
    assert world.volley_row(volley.id).closed


def test_an_unstarted_volley_returns_whole() -> None:
    made = world.campaign_to(3, r=5)
    [_] = world.node().claim(0, 10)
    world.pass_time(GONE)
    assert world.node().reap() == 1
    assert world.waiting(made) == {0: 1, 1: 1, 2: 1}
    assert world.in_hand(made.network_id) == (0, 0, 0)
    assert [len(volley.items) for volley in world.node().claim(0, 10)] == [3]


def test_in_a_started_volley_the_first_open_message_is_doubtful() -> None:
    made = world.campaign_to(4)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.begin(ledger, volley)
    world.record(ledger, volley, world.result(volley.items[0], Outcome.ACCEPTED))
    world.pass_time(GONE)
    assert world.node().reap() == 1
    assert world.outcomes(made) == {(0, 1): Outcome.ACCEPTED, (1, 1): Outcome.DOUBTFUL}
    assert world.waiting(made) == {2: 1, 3: 1}


def test_what_was_halted_is_not_taken_for_what_was_on_the_wire() -> None:
    """A volley may hold two launches; one is paused, the other's message would be the second without an outcome."""
    paused = world.campaign_to(1)
    ledger = world.node()
    [early] = ledger.claim(0, 10)
    ledger.close(early, 0, early.items)
    site = world.Place(paused.network_id, paused.site_id, paused.source_id)
    world.consent(world.tranche(site, world.launch(), 1))
    [volley] = ledger.claim(0, 10)
    assert [item.launch_id == paused.launch_id for item in volley.items] == [True, False]
    pause(paused.launch)
    tally = Tally(volley)
    tally.hear(world.begin(ledger, volley))
    assert tally.next() is None


def test_the_doubtful_one_that_its_node_told_is_the_only_one() -> None:
    """The connection ended with it, so nothing after it can have been sent."""
    made = world.campaign_to(3)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.begin(ledger, volley)
    world.record(ledger, volley, world.result(volley.items[0], Outcome.DOUBTFUL, 0))
    world.pass_time(GONE)
    world.node().reap()
    assert world.outcomes(made) == {(0, 1): Outcome.DOUBTFUL}
    assert world.waiting(made) == {1: 1, 2: 1}
    assert world.volley_row(volley.id).n == 1


def test_a_dead_nodes_permits_count_from_the_end_of_its_lease() -> None:
    world.campaign_to(4)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.begin(ledger, volley)
    world.record(ledger, volley, world.result(volley.items[0], Outcome.ACCEPTED))
    world.pass_time(GONE)
    lease_until = world.volley_row(volley.id).lease_until
    world.node().reap()
    row = world.volley_row(volley.id)
    assert (row.n, row.counts_until) == (2, lease_until + world.WINDOW_MS)


def test_transactional_mail_of_a_dead_node_is_doubtful_and_resent() -> None:
    made = world.tranche(world.place(), world.launch(resend_doubtful=True), 2)
    world.consent(made)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.begin(ledger, volley)
    world.pass_time(GONE)
    world.node().reap()
    assert world.waiting(made) == {0: 2, 1: 1}


def test_a_renewed_volley_is_not_reaped() -> None:
    world.campaign_to(2)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.pass_time(world.LEASE_MS - 10_000)
    assert ledger.renew([volley.id]) == {volley.id}
    world.pass_time(20_000)
    assert world.node().reap() == 0


def test_the_reaper_looks_again_under_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The race: overdue when listed, closed by its node before the reaper got the lock."""
    made = world.campaign_to(2)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    monkeypatch.setattr(Ledger, "_overdue", lambda self: [(volley.id, volley.network_id)])
    assert world.node().reap() == 0
    ledger.close(volley, 0, volley.items)
    assert world.node().reap() == 0
    assert world.in_hand(made.network_id) == (0, 0, 0)


def test_a_close_after_the_reaper_changes_nothing() -> None:
    made = world.campaign_to(2)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.begin(ledger, volley)
    world.pass_time(GONE)
    world.node().reap()
    ledger.close(volley, 1, ())
    assert world.in_hand(made.network_id) == (0, 0, 0)
    assert world.waiting(made) == {1: 1}
    assert ledger.exchange(volley, 0) is None


def test_a_late_deferral_after_the_reaper_wakes_the_network() -> None:
    made = world.campaign_to(1)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.begin(ledger, volley)
    world.pass_time(GONE)
    world.node().reap()
    assert world.next_due(made.network_id) == NEVER
    world.record(ledger, volley, world.result(volley.items[0], Outcome.DEFERRED, 451))
    assert world.outcomes(made) == {(0, 1): Outcome.DEFERRED}
    assert world.waiting(made) == {0: 2}
    assert world.next_due(made.network_id) < NEVER


def test_a_network_that_sleeps_past_its_retries_is_woken() -> None:
    made = world.campaign_to(1)
    world.set_budget(made.network_id, next_due=NEVER)
    world.retry(world.Place(made.network_id, made.site_id, made.source_id), made.launch, 0, due=1)
    heal()
    assert world.next_due(made.network_id) <= milliseconds(now())


def test_cancel_gives_everything_unsent_its_outcome() -> None:
    made = world.campaign_to(12)
    ledger = world.node()
    [first] = ledger.claim(0, 10)
    world.record(ledger, first, world.result(first.items[0], Outcome.DEFERRED, 451))
    cancel(made.launch)
    ledger.close(first, 1, first.items[1:])
    settle_all()
    final = {n: outcome for (n, _), outcome in world.outcomes(made).items() if outcome.final}
    assert final == dict.fromkeys(range(12), Outcome.CANCELLED)
    made.launch.refresh_from_db()
    assert (made.launch.state, made.launch.finished_at is not None) == ("cancelled", True)


def test_settling_many_leaves_the_rest_to_the_next_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else no drain and no rescue would be submitted until the last of a million cancelled copies has its outcome."""
    made = world.campaign_to(12)
    cancel(made.launch)
    clock = itertools.count()
    monkeypatch.setattr("rida.dispatch.settling._SLICE", 2)
    monkeypatch.setattr("rida.dispatch.settling.elapsed_seconds", lambda: next(clock))
    settle_all(seconds=3)
    assert len(world.outcomes(made)) == 4
    made.launch.refresh_from_db()
    assert made.launch.finished_at is None
    settle_all(seconds=100)
    assert len(world.outcomes(made)) == 12
    made.launch.refresh_from_db()
    assert made.launch.finished_at is not None


def test_what_waits_past_the_time_to_give_up_expires() -> None:
    made = world.tranche(world.place(), world.launch(give_up_at=milliseconds(now()) - 1), 3)
    settle_all()
    assert world.outcomes(made) == {(n, 1): Outcome.EXPIRED for n in range(3)}


def test_a_regrouped_site_takes_everything_along() -> None:
    made = world.campaign_to(12)
    ledger = world.node()
    [used] = ledger.claim(0, 10)
    ledger.close(used, 5, ())
    [in_hand] = ledger.claim(0, 10)
    other = world.place(r=10)
    regroup(made.site_id, made.network_id, other.network_id)
    assert world.in_hand(made.network_id) == (0, 0, 0)
    assert world.in_hand(other.network_id) == (5, 5, 1)
    ledger.close(in_hand, 5, ())
    # 10 of 10 are used in the last hour, all of them by volleys of the old network.
    world.set_budget(other.network_id, next_due=0)
    assert ledger.claim(0, 10) == []
    assert Budget.objects.get(network=other.network_id).in_hand == 0


def test_a_volley_that_was_regrouped_wakes_its_new_network_when_it_closes() -> None:
    made = world.campaign_to(30)
    ledger = world.node()
    volleys = [volley for _ in range(2) for volley in ledger.claim(0, 10)]
    other = world.place()
    regroup(made.site_id, made.network_id, other.network_id)
    assert world.next_due(other.network_id) == NEVER  # nine of nine are in hand
    for volley in volleys:
        ledger.close(volley, len(volley.items), ())
    assert world.next_due(other.network_id) <= milliseconds(now())
    assert len(ledger.claim(0, 10)) == 1


def test_a_regrouped_volley_counts_at_its_source_too() -> None:
    made = world.campaign_to(5)
    other = world.place()
    for network_id in (made.network_id, other.network_id):
        world.own_budget(world.Place(network_id, made.site_id, made.source_id), Limits(r=100, c=10, k=10, v=5))
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    regroup(made.site_id, made.network_id, other.network_id)
    rows = Budget.objects.filter(source=made.source_id).order_by("id")
    assert [(row.in_hand, row.bulk_in_hand, row.volleys_open) for row in rows] == [(0, 0, 0), (5, 5, 1)]
    ledger.close(volley, 5, ())
    assert [(row.in_hand, row.bulk_in_hand, row.volleys_open) for row in rows.all()] == [(0, 0, 0), (0, 0, 0)]
