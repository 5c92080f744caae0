"""Pause, resume and cancel against a real worker in full swing; the town's receivers say when which message came."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from rida.outbox.halting import cancel, pause, resume
from rida.outbox.models import Launch
from rida.reports.queries import totals
from rida.town.beside import beside
from rida.town.counters import Kind as Seen
from rida.town.events import read_events
from rida.town.plan import Mood, default
from rida.town.server import Town
from tests import house

pytestmark = pytest.mark.django_db(transaction=True)
STEADY = Mood(step_seconds=0.02)
PLAN = default().with_moods(date_palm=STEADY, rose_mail=STEADY, harbour_hosting=STEADY)
DOMAINS = ("date-palm.example", "rose-mail.example", "mina-cafe.example")
EACH = 60
SECOND = 1_000_000_000


@pytest.fixture
def town(tmp_path: Path, settings: Settings) -> Iterator[Town]:
    with beside(PLAN, tmp_path / "town") as made:
        settings.RIDA_RESOLVER, settings.RIDA_MX_PORT = made.resolver, made.port
        yield made


@pytest.fixture
def running(town: Town, tmp_path: Path) -> Iterator[Launch]:
    """A launch to three networks, with the first messages gone."""
    house.sign_up(*(f"p{n}@{domain}" for domain in DOMAINS for n in range(EACH)))
    made = house.launched()
    house.write_out(made)
    with house.worker(town.card):
        house.until(lambda: len(started(tmp_path)) > 10)
        yield made


def started(folder: Path) -> list[int]:
    """When each message began to arrive, by the machine's monotonic clock, ns."""
    return [event.at_ns for event in read_events(folder / "town") if event.kind is Seen.MAIL]


def rest() -> int:
    """Past the second that everybody gets, and long enough after it to see who did not stop. Returns its end, ns."""
    end = time.monotonic_ns() + SECOND
    time.sleep(1.6)
    return end


def _until_more_than(known: int, folder: Path) -> None:
    house.until(lambda: len(started(folder)) > known)


def test_after_a_pause_nothing_starts_and_a_resume_goes_on_at_once(running: Launch, tmp_path: Path) -> None:
    for _ in range(3):
        pause(running)
        end = rest()
        before = started(tmp_path)
        assert max(before) < end
        assert totals(running.pk).waiting > 0
        resumed_at = time.monotonic_ns()
        resume(running)
        _until_more_than(len(before), tmp_path)
        assert started(tmp_path)[len(before)] - resumed_at < SECOND


def test_after_a_cancel_nothing_starts_and_everything_has_its_outcome(running: Launch, tmp_path: Path) -> None:
    cancel(running)
    end = rest()
    house.until(lambda: house.finished(running), 5)
    assert max(started(tmp_path)) < end
    total = totals(running.pk)
    assert total.cancelled > 0
    assert total.accepted + total.cancelled == total.queued == EACH * len(DOMAINS)
    assert len(started(tmp_path)) == total.accepted
