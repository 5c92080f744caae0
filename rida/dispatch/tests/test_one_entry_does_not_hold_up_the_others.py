"""What the database refuses of one session is set aside, and the group commit of the others is durable."""

from collections.abc import Sequence

import pytest
from django.db import OperationalError
from psycopg.errors import DeadlockDetected

from rida.delivery.ports import Host, Place, Result, Volley, Word
from rida.dispatch.ledger import Ledger
from rida.dispatch.models import OutcomeRow
from rida.dispatch.node import Node
from rida.dispatch.records import Entry
from rida.dispatch.tests import world
from rida.kernel.errors import DatabaseAway, OutcomeRefused
from rida.kernel.reply import Outcome, Reply, Step
from rida.outbox.models import Tranche

pytestmark = pytest.mark.django_db


def five(ledger: Ledger) -> tuple[list[Tranche], list[Volley]]:
    """As many volleys of one message each."""
    made = [world.campaign_to(1) for _ in range(5)]
    by_network = {volley.network_id: volley for volley in ledger.claim(0, 10)}
    return made, [by_network[tranche.network_id] for tranche in made]


def accepted(volley: Volley, text: str = "queued") -> Result:
    return Result(volley.items[0], Outcome.ACCEPTED, Reply(Step.DOT, 250, "2.0.0", text))


def entries(volleys: Sequence[Volley], **odd: Result) -> list[Entry]:
    """All accepted, but for `_n`."""
    return [Entry(volley, False, [odd.get(f"_{n}") or accepted(volley)], ()) for n, volley in enumerate(volleys)]


def node(ledger: Ledger) -> Node:
    return Node(ledger, tolerance_ms=1e9)


def test_a_reply_that_cannot_be_stored_loses_its_words_and_nothing_else() -> None:
    ledger = world.node()
    made, volleys = five(ledger)
    answers = node(ledger)._commit(entries(volleys, _2=accepted(volleys[2], "\ud800")))
    assert answers == [Word(), Word(), Word(fenced=True), Word(), Word()]
    assert [world.outcomes(tranche) for tranche in made] == [{(0, 1): Outcome.ACCEPTED}] * 5
    kept = OutcomeRow.objects.get(tranche=made[2])
    assert (kept.code, kept.reply) == (250, "the reply could not be stored: UnicodeEncodeError")


def test_a_move_to_nowhere_becomes_a_deferral() -> None:
    ledger = world.node()
    made, volleys = five(ledger)
    place = Place("net:elsewhere", "s" * 501, (Host("mx.x.example", ("127.0.0.1",)),))
    reply = Reply(Step.CONNECT, 0, "", "goes to another site now")
    moved = Result(volleys[0].items[0], Outcome.DEFERRED, reply, moved_to=place)
    node(ledger)._commit(entries(volleys, _0=moved))
    assert world.outcomes(made[0]) == {(0, 1): Outcome.DEFERRED}
    assert world.waiting(made[0]) == {0: 2}
    assert [world.outcomes(tranche) for tranche in made[1:]] == [{(0, 1): Outcome.ACCEPTED}] * 4


def test_who_cannot_be_suppressed_is_recorded_as_bounced(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(results: Sequence[Result]) -> None:
        raise KeyError("a mistake of ours")

    ledger = world.node()
    ledger.hear_hard_bounces = refuse
    made, volleys = five(ledger)
    node(ledger)._commit(entries(volleys, _4=world.result(volleys[4].items[0], Outcome.BOUNCED, 550, hard=True)))
    assert world.outcomes(made[4]) == {(0, 1): Outcome.BOUNCED}
    assert f"volley {volleys[4].id}" in caplog.text


def test_what_is_refused_in_plain_words_too_is_told_to_its_session_alone() -> None:
    ledger = world.node()
    made, volleys = five(ledger)
    beyond = Result(volleys[1].items[0], Outcome.ACCEPTED, Reply(Step.DOT, 40_000, "", "beyond a smallint"))
    answers = node(ledger)._commit(entries(volleys, _1=beyond))
    assert [type(answer) for answer in answers] == [Word, OutcomeRefused, Word, Word, Word]
    assert world.outcomes(made[1]) == {}
    assert [world.outcomes(made[n]) for n in (0, 2, 3, 4)] == [{(0, 1): Outcome.ACCEPTED}] * 4


@pytest.mark.parametrize(("deadlock", "calls"), [(True, 3), (False, 1)], ids=["deadlock", "connection lost"])
def test_a_deadlock_is_tried_in_halves_and_a_lost_connection_is_not(
    monkeypatch: pytest.MonkeyPatch, deadlock: bool, calls: int
) -> None:
    batches: list[int] = []

    def commit(batch: Sequence[Entry]) -> tuple[list[Word], int]:
        batches.append(len(batch))
        if len(batches) > 1:
            return [Word()] * len(batch), 0
        raise OperationalError from (DeadlockDetected() if deadlock else ConnectionResetError())

    ledger = world.node()
    _, volleys = five(ledger)
    monkeypatch.setattr("rida.dispatch.node.connection.close", lambda: None)
    monkeypatch.setattr(Ledger, "commit", lambda self, batch: commit(batch))
    answers = node(ledger)._commit(entries(volleys[:2]))
    assert len(batches) == calls
    assert [type(answer) for answer in answers] == [Word if deadlock else DatabaseAway] * 2
