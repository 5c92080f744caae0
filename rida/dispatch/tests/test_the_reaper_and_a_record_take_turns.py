"""One comes before the other, never between the other's look and its deed."""

import pytest
from django.db import transaction

from rida.dispatch.tests import world
from rida.kernel.reply import Outcome

pytestmark = pytest.mark.django_db(transaction=True)
GONE = world.LEASE_MS + world.GRACE_MS + 1


@pytest.fixture(autouse=True)
def _server_has_been_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world.pretend_server_is_old(monkeypatch)


def test_what_is_recorded_while_the_reaper_waits_is_neither_doubted_nor_given_back() -> None:
    """Its snapshot was older than the outcome, and it took the row's lock after the outcome was durable."""
    made = world.campaign_to(2)
    ledger, other = world.node(), world.node()
    [volley] = ledger.claim(0, 10)
    world.begin(ledger, volley)
    world.pass_time(GONE)
    with transaction.atomic():
        world.record(ledger, volley, *(world.result(item, Outcome.ACCEPTED) for item in volley.items))
        reaper = world.Beside(other.reap)
        world.wait_until_blocked()
    assert reaper.end() == 1
    assert world.outcomes(made) == {(0, 1): Outcome.ACCEPTED, (1, 1): Outcome.ACCEPTED}
    assert world.waiting(made) == {}


def test_what_the_reaper_gave_back_is_not_deferred_by_a_record_that_waited_for_it() -> None:
    """A record that saw the volley open would hide how the next volley ends: both are of the first try."""
    made = world.campaign_to(1)
    frozen, other = world.node(), world.node()
    [volley] = frozen.claim(0, 10)
    world.pass_time(GONE)
    with transaction.atomic():
        assert other.reap() == 1
        deferred = world.result(volley.items[0], Outcome.DEFERRED, 451)
        record = world.Beside(lambda: world.record(frozen, volley, deferred))
        world.wait_until_blocked()
    record.end()
    assert world.outcomes(made) == {}
    assert world.waiting(made) == {0: 1}


def test_a_renewal_and_a_close_do_not_wait_for_a_record() -> None:
    """They are on the hot path too, of other sessions of the same group commit."""
    world.campaign_to(1)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    with transaction.atomic():
        world.record(ledger, volley, world.result(volley.items[0], Outcome.ACCEPTED))
        assert world.Beside(lambda: ledger.renew([volley.id])).end() == {volley.id}
        world.Beside(lambda: ledger.close(volley, 1, ())).end()
