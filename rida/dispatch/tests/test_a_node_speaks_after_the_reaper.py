"""A node was frozen, or cut off from the database, past its lease: what it says then, and what it must not undo."""

import pytest

from rida.delivery.ports import Item, Result
from rida.dispatch.settling import settle_all
from rida.dispatch.tests import world
from rida.kernel.reply import Outcome, Reply, Step

pytestmark = pytest.mark.django_db
GONE = world.LEASE_MS + world.GRACE_MS + 1


@pytest.fixture(autouse=True)
def _server_has_been_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world.pretend_server_is_old(monkeypatch)


def unreachable(item: Item) -> Result:
    """No connection: deferred before anything reached the wire."""
    return Result(item, Outcome.DEFERRED, Reply(Step.CONNECT, 0, "", "did not answer in time"))


def test_a_late_deferral_does_not_hide_how_the_next_volley_ended() -> None:
    made = world.campaign_to(2)
    cut_off, other = world.node(), world.node()
    [volley] = cut_off.claim(0, 10)
    world.pass_time(GONE)
    other.reap()
    [again] = other.claim(0, 10)
    world.begin(other, again)
    world.record(cut_off, volley, *map(unreachable, volley.items))
    world.record(other, again, *(world.result(item, Outcome.ACCEPTED) for item in again.items))
    assert world.outcomes(made) == {(0, 1): Outcome.ACCEPTED, (1, 1): Outcome.ACCEPTED}
    assert world.waiting(made) == {}


def test_a_late_deferral_does_not_swallow_the_next_one() -> None:
    """Both are of the first try: the second would find its row taken, and the delivery would wait nowhere."""
    made = world.campaign_to(1)
    cut_off, other = world.node(), world.node()
    [volley] = cut_off.claim(0, 10)
    world.pass_time(GONE)
    other.reap()
    world.record(cut_off, volley, *map(unreachable, volley.items))
    [again] = other.claim(0, 10)
    world.record(other, again, world.result(again.items[0], Outcome.DEFERRED, 451))
    other.close(again, 1, ())
    settle_all()
    assert world.waiting(made) == {0: 2}


def test_a_late_deferral_adds_no_try_beside_the_one_under_way() -> None:
    made = world.tranche(world.place(), world.launch(resend_doubtful=True), 1)
    world.consent(made)
    frozen, other = world.node(), world.node()
    [volley] = frozen.claim(0, 10)
    world.begin(frozen, volley)
    world.pass_time(GONE)
    other.reap()
    [resent] = other.claim(0, 10)
    world.record(frozen, volley, world.result(volley.items[0], Outcome.DEFERRED, 451))
    assert [item.attempt for item in resent.items] == [2]
    assert world.waiting(made) == {}


def test_a_late_deferral_opens_a_finished_launch_again() -> None:
    made = world.campaign_to(1)
    frozen = world.node()
    [volley] = frozen.claim(0, 10)
    world.begin(frozen, volley)
    world.pass_time(GONE)
    world.node().reap()
    settle_all()
    made.launch.refresh_from_db()
    assert made.launch.state == "finished"
    world.record(frozen, volley, world.result(volley.items[0], Outcome.DEFERRED, 451))
    settle_all()
    made.launch.refresh_from_db()
    assert (made.launch.state, made.launch.finished_at) == ("running", None)
    world.pass_time(frozen.timing.retry_waits_ms[0])
    assert [len(again.items) for again in world.node().claim(0, 10)] == [1]


def test_what_the_node_knows_to_be_unsent_is_not_left_in_doubt() -> None:
    """Frozen before the final dot: the reaper cannot know, the node can."""
    made = world.campaign_to(2)
    frozen = world.node()
    [volley] = frozen.claim(0, 10)
    world.begin(frozen, volley)
    world.pass_time(GONE)
    world.node().reap()
    frozen.close(volley, 1, volley.items)
    assert world.outcomes(made) == {(0, 1): Outcome.DEFERRED}
    assert world.waiting(made) == {0: 2, 1: 1}


def test_a_node_that_records_for_a_reaped_volley_is_told_to_stop() -> None:
    """What was given back may be in another node's hands, so nothing more of it may go on the wire."""
    world.campaign_to(3)
    frozen, other = world.node(), world.node()
    [volley] = frozen.claim(0, 10)
    world.begin(frozen, volley)
    accepted = world.result(volley.items[0], Outcome.ACCEPTED)
    assert not world.record(frozen, volley, accepted, coming=volley.items[1:]).fenced
    world.pass_time(GONE)
    other.reap()
    assert world.record(frozen, volley, accepted, coming=volley.items[1:]).fenced


def test_a_node_whose_lease_is_over_is_told_to_stop_before_the_reaper_comes() -> None:
    world.campaign_to(3)
    frozen = world.node()
    [volley] = frozen.claim(0, 10)
    world.begin(frozen, volley)
    world.pass_time(world.LEASE_MS + 1)
    assert world.record(frozen, volley, world.result(volley.items[0], Outcome.ACCEPTED)).fenced
