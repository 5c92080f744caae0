"""A test keeps its dialogue, and once it arrived its workspace's departure is tested."""

from datetime import timedelta

import pytest

from rida.delivery.ports import Volley
from rida.delivery.trace import By, Line
from rida.dispatch.ledger import Ledger
from rida.dispatch.models import Dialogue
from rida.dispatch.tests import world
from rida.kernel.clock import now
from rida.kernel.reply import Outcome
from rida.outbox.models import Launch
from rida.shaping.models import Departure, Source

pytestmark = pytest.mark.django_db
SAID = (Line(By.US, "QUIT"), Line(By.NOTE, "content", {"bytes": 3}))


def departure(**fields: object) -> Departure:
    source = Source.objects.get(pk=world.source())
    return Departure.objects.create(workspace=world.workspace(), source=source, chosen_at=now(), **fields)


def claimed(kind: str = Launch.Kind.TEST) -> tuple[Ledger, Volley]:
    made = world.tranche(world.place(), world.launch(kind=kind), 1)
    world.consent(made)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    world.begin(ledger, volley)
    return ledger, volley


def ended(outcome: Outcome, kind: str = Launch.Kind.TEST) -> None:
    ledger, volley = claimed(kind)
    for _ in range(2):
        world.record(ledger, volley, world.result(volley.items[0], outcome, dialogue=SAID))


def is_tested() -> bool:
    return Departure.objects.get().tested_at is not None


def test_only_tests_are_traced() -> None:
    assert claimed()[1].items[0].traced
    assert not claimed(Launch.Kind.BULK)[1].items[0].traced


def test_the_dialogue_is_kept_once() -> None:
    ended(Outcome.DEFERRED)
    kept = Dialogue.objects.get()
    assert [Line.from_json(line) for line in kept.lines] == list(SAID)
    assert (kept.attempt, kept.workspace) == (1, world.workspace())


def test_a_test_that_arrived_counts_for_the_way_it_took() -> None:
    departure(changed_at=now() - timedelta(minutes=1))
    ended(Outcome.DEFERRED)
    assert not is_tested()
    ended(Outcome.ACCEPTED)
    assert is_tested()


def test_other_mail_proves_nothing() -> None:
    departure(changed_at=now() - timedelta(minutes=1))
    ended(Outcome.ACCEPTED, Launch.Kind.BULK)
    assert not is_tested()


def test_a_test_from_before_the_way_was_changed_proves_nothing() -> None:
    departure(changed_at=now() + timedelta(minutes=1))
    ended(Outcome.ACCEPTED)
    assert not is_tested()


def test_a_test_by_another_way_proves_nothing() -> None:
    made = departure(changed_at=now() - timedelta(minutes=1))
    Departure.objects.filter(pk=made.pk).update(source=world.another_source())
    ended(Outcome.ACCEPTED)
    assert not is_tested()
