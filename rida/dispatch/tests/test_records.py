"""What a group commit makes durable, and the last word it brings."""

import pytest

from rida.delivery.ports import Result
from rida.dispatch.models import OutcomeRow
from rida.dispatch.settling import settle_all
from rida.dispatch.tests import world
from rida.kernel.clock import milliseconds, now
from rida.kernel.reply import Outcome, Reply, Step
from rida.outbox.halting import pause

pytestmark = pytest.mark.django_db


def test_an_accepted_message_is_settled() -> None:
    made = world.campaign_to(2)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.begin(ledger, volley)
    world.record(ledger, volley, *(world.result(item, Outcome.ACCEPTED) for item in volley.items))
    assert world.outcomes(made) == {(0, 1): Outcome.ACCEPTED, (1, 1): Outcome.ACCEPTED}
    assert world.waiting(made) == {}


def test_a_deferred_message_waits_for_its_next_try() -> None:
    made = world.campaign_to(1)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.record(ledger, volley, world.result(volley.items[0], Outcome.DEFERRED, 451))
    ledger.close(volley, 1, ())
    assert world.waiting(made) == {0: 2}
    first_wait = ledger.timing.retry_waits_ms[0]
    assert abs(world.next_due(made.network_id) - milliseconds(now()) - first_wait) < 5_000


def test_a_replayed_commit_adds_nothing() -> None:
    made = world.campaign_to(1)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    deferred = world.result(volley.items[0], Outcome.DEFERRED, 451)
    world.record(ledger, volley, deferred)
    ledger.close(volley, 1, ())
    world.pass_time(ledger.timing.retry_waits_ms[0])
    [again] = ledger.claim(0, 10)
    world.record(ledger, volley, deferred)
    assert world.waiting(made) == {}
    assert [item.attempt for item in again.items] == [2]
    assert OutcomeRow.objects.filter(tranche=made).count() == 1


def test_a_delivery_that_was_deferred_too_long_expires() -> None:
    made = world.tranche(world.place(), world.launch(give_up_at=milliseconds(now()) + 1_000), 1)
    world.consent(made)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.record(ledger, volley, world.result(volley.items[0], Outcome.DEFERRED, 451))
    assert world.outcomes(made) == {(0, 1): Outcome.DEFERRED, (0, 2): Outcome.EXPIRED}
    assert world.waiting(made) == {}


def test_an_unsubscribe_after_the_claim_is_not_sent() -> None:
    made = world.campaign_to(3)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.withdraw(volley.items[1])
    word = world.record(ledger, volley, world.result(volley.items[0], Outcome.ACCEPTED), coming=volley.items[1:])
    assert word.withheld == {volley.items[1].key}
    assert world.outcomes(made) == {(0, 1): Outcome.ACCEPTED, (1, 1): Outcome.WITHHELD}


def test_an_unsubscribe_before_the_first_message_is_heard_at_the_start() -> None:
    world.campaign_to(2)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.withdraw(volley.items[0])
    assert world.begin(ledger, volley).withheld == {volley.items[0].key}


def test_a_pause_reaches_a_session_with_its_next_commit() -> None:
    made = world.campaign_to(3)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    pause(made.launch)
    word = world.record(ledger, volley, world.result(volley.items[0], Outcome.ACCEPTED), coming=volley.items[1:])
    assert word.halted == {item.key for item in volley.items[1:]}


def test_a_volley_whose_lease_is_over_cannot_start() -> None:
    world.campaign_to(3)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.pass_time(world.LEASE_MS + 1)
    assert world.begin(ledger, volley).fenced
    assert ledger.renew([volley.id]) == frozenset()


def test_only_the_node_that_claimed_may_start_and_renew() -> None:
    world.campaign_to(3)
    owner, stranger = world.node(), world.node()
    [volley] = owner.claim(0, 10)
    assert world.begin(stranger, volley).fenced
    assert stranger.renew([volley.id]) == frozenset()
    assert owner.renew([volley.id]) == {volley.id}


def test_doubt_is_final_for_bulk_mail_until_the_truth_comes() -> None:
    made = world.campaign_to(1)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.record(ledger, volley, world.result(volley.items[0], Outcome.DOUBTFUL, 0))
    ledger.close(volley, 1, ())
    assert world.waiting(made) == {}
    assert world.outcomes(made) == {(0, 1): Outcome.DOUBTFUL}
    world.record(ledger, volley, world.result(volley.items[0], Outcome.ACCEPTED))
    assert world.outcomes(made) == {(0, 1): Outcome.ACCEPTED}


def test_transactional_mail_in_doubt_is_sent_again() -> None:
    made = world.tranche(world.place(), world.launch(resend_doubtful=True), 1)
    world.consent(made)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.record(ledger, volley, world.result(volley.items[0], Outcome.DOUBTFUL, 0))
    assert world.waiting(made) == {0: 2}


def test_a_late_acceptance_takes_a_pending_resend_back() -> None:
    made = world.tranche(world.place(), world.launch(resend_doubtful=True), 1)
    world.consent(made)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.record(ledger, volley, world.result(volley.items[0], Outcome.DOUBTFUL, 0))
    world.record(ledger, volley, world.result(volley.items[0], Outcome.ACCEPTED))
    assert world.waiting(made) == {}


def test_replies_that_hold_nul_bytes_are_kept_without_them() -> None:
    made = world.campaign_to(1)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    reply = Reply(Step.RCPT, 550, "5.1.1", "no\0 such user" + "x" * 5_000)
    world.record(ledger, volley, Result(volley.items[0], Outcome.BOUNCED, reply))
    kept = OutcomeRow.objects.get(tranche=made)
    assert kept.reply.startswith("no such user")
    assert len(kept.reply) == 2_000


def test_a_launch_whose_every_copy_has_an_outcome_is_finished() -> None:
    made = world.campaign_to(1)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.record(ledger, volley, world.result(volley.items[0], Outcome.BOUNCED, 550))
    settle_all()
    made.launch.refresh_from_db()
    assert made.launch.state == "running"  # its volley is still open
    ledger.close(volley, 1, ())
    settle_all()
    made.launch.refresh_from_db()
    assert (made.launch.state, made.launch.finished_at is not None) == ("finished", True)
