"""From a sign-up to the last outcome: a real worker process, real sockets, the town's receivers as witnesses."""

import email
import os
import re
import signal
import time
from collections.abc import Iterator
from email import policy
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from rida.audience.models import Attribute
from rida.dispatch.models import OutcomeRow
from rida.feedback.services import leave
from rida.kernel.address import parse
from rida.kernel.clock import now
from rida.kernel.reply import Outcome
from rida.outbox.halting import cancel, pause, resume
from rida.outbox.links import Copy
from rida.permission.services import history
from rida.reports.queries import totals
from rida.town.beside import beside
from rida.town.counters import Kind
from rida.town.events import read_events
from rida.town.plan import DROPS, Mood, default
from rida.town.server import Town
from tests import house

pytestmark = pytest.mark.django_db(transaction=True)
PLAN = default().with_moods(cut_line=DROPS, date_palm=Mood(step_seconds=0.1))


@pytest.fixture
def town(tmp_path: Path, settings: object) -> Iterator[Town]:
    with beside(PLAN, tmp_path / "town") as made:
        settings.RIDA_RESOLVER = made.resolver  # type: ignore[attr-defined]
        settings.RIDA_MX_PORT = made.port  # type: ignore[attr-defined]
        yield made


def test_a_reminder_arrives_as_it_was_written_and_one_click_stops_the_next(town: Town, client: Client) -> None:
    house.sign_up("layla@rose-mail.example", name="ليلى حداد", locale="ar")
    made = house.launched()
    with house.worker(town.card):
        house.write_out(made)
        house.until(lambda: house.finished(made))
    [found] = town.inboxes.letters("layla@rose-mail.example")
    whole = town.inboxes.letter(found.id)
    assert whole
    letter = email.message_from_bytes(whole.content, policy=policy.default)
    assert letter["Subject"] == "Flowers for ليلى"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for name in ("List-Id", "Feedback-ID", "Message-ID", "Date", "From", "To"):
        assert len(letter.get_all(name) or ()) == 1, name
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert "12 Rose Street" in plain.get_content()

    link = re.fullmatch(r"<http://testserver(/u/.+)>", letter["List-Unsubscribe"])
    assert link
    assert client.post(link[1], {"List-Unsubscribe": "One-Click"}).status_code == 200
    house.sign_up("samir@rose-mail.example")
    again = house.launched(name="Another")
    house.write_out(again)
    assert (again.queued, again.excluded) == (1, {"withdrawn": 1})


def test_every_copy_gets_its_outcome_whatever_the_network_says(town: Town) -> None:
    house.sign_up(
        "a@rose-mail.example", "gone1@rose-mail.example", "b@olive-post.example", "c@cut-line.example",
        "d@takes-no-mail.example", "e@no-such-domain.example", "f@mina-cafe.example",
    )  # fmt: skip
    made = house.launched()
    with house.worker(town.card, retry_seconds="1,2,3"):
        house.write_out(made)
        house.until(lambda: house.finished(made), 30)
    total = totals(made.pk)
    assert (total.queued, total.accepted, total.bounced, total.doubtful) == (5, 3, 1, 1)
    assert made.excluded == {"null_mx": 1, "no_domain": 1}
    assert total.deferred_attempts >= 1  # the greylist
    kinds = [line.kind for line in history(house.workspace().pk, parse("gone1@rose-mail.example"))]
    assert "suppressed" in kinds


def test_a_rehearsal_bars_nobody_in_the_world(town: Town) -> None:
    """The town plays that mailboxes are gone by their names; of its own it knows, of the world's it cannot."""
    people = ("gone@rose-mail.example", "gone.west@a-real-shop.com")
    house.sign_up(*people)
    made = house.launched()
    with house.worker(town.card):
        house.write_out(made)
        house.until(lambda: house.finished(made))
    assert totals(made.pk).bounced == 2
    barred = [[line.kind for line in history(house.workspace().pk, parse(person))][1:] for person in people]
    assert barred == [["suppressed"], []]


def test_domains_that_dns_cannot_answer_for_wait_instead_of_being_lost(town: Town) -> None:
    house.sign_up("a@broken-dns.example")
    made = house.launched(give_up_hours=6 / 3600)
    with house.worker(town.card, retry_seconds="1"):
        house.write_out(made)
        house.until(lambda: house.finished(made), 40)
    total = totals(made.pk)
    assert (total.queued, total.expired) == (1, 1)
    assert total.deferred_attempts >= 1


def test_pause_and_cancel_take_effect_within_a_second(town: Town, tmp_path: Path) -> None:
    house.sign_up(*(f"p{number}@date-palm.example" for number in range(60)))
    made = house.launched()
    with house.worker(town.card):
        house.write_out(made)
        house.until(lambda: totals(made.pk).accepted >= 3)
        pause(made)
        time.sleep(1)
        seen = _accepted(tmp_path)
        time.sleep(2)
        assert _accepted(tmp_path) == seen
        resume(made)
        house.until(lambda: _accepted(tmp_path) > seen)
        cancel(made)
        house.until(lambda: house.finished(made))
    total = totals(made.pk)
    assert total.accepted + total.cancelled == total.queued == 60
    assert total.cancelled > 0
    assert made.state == "cancelled"


def test_someone_who_leaves_while_the_mail_goes_out_gets_none(town: Town, tmp_path: Path) -> None:
    house.sign_up(*(f"p{number}@date-palm.example" for number in range(40)))
    made = house.launched()
    with house.worker(town.card):
        house.write_out(made)
        house.until(lambda: totals(made.pk).accepted >= 2)
        last = made.tranche_set.get().delivery_set.order_by("-n").first()
        assert last is not None
        leave(Copy(last.workspace_id, last.tranche_id, last.n, bytes(last.address_hash)), "page", now())
        house.until(lambda: house.finished(made), 40)
    assert totals(made.pk).withheld == 1
    assert last.address not in {event.recipient for event in read_events(tmp_path / "town")}


def test_a_killed_worker_loses_nothing(town: Town, tmp_path: Path) -> None:
    house.sign_up(*(f"p{number}@date-palm.example" for number in range(30)))
    made = house.launched()
    house.write_out(made)
    with house.worker(town.card, lease_seconds=2, node_silence_seconds=3) as first:
        house.until(lambda: totals(made.pk).accepted >= 3)
        os.killpg(first.pid, signal.SIGKILL)
    with house.worker(town.card, lease_seconds=2, node_silence_seconds=3):
        house.until(lambda: house.finished(made), 60)
    total = totals(made.pk)
    assert total.accepted + total.doubtful == total.queued == 30
    received = [event.message_id for event in read_events(tmp_path / "town") if event.kind is Kind.ACCEPTED]
    assert len(received) == len(set(received))
    assert total.doubtful <= 3  # one an open volley


def test_a_message_that_cannot_be_made_for_one_person_is_withheld_for_that_person(town: Town) -> None:
    Attribute.objects.create(workspace=house.workspace(), name="shop", kind="text")
    # Preflight looks at five people; this one is not among them.
    house.sign_up(*(f"good{number}@rose-mail.example" for number in range(6)))
    house.sign_up("bad@rose-mail.example", attributes={"shop": "Rose\r\nBcc: everybody@rose-mail.example"})
    made = house.launched(subject="Flowers from {{ attributes.shop | default('us') }}")
    with house.worker(town.card):
        house.write_out(made)
        house.until(lambda: house.finished(made))
    total = totals(made.pk)
    assert (total.accepted, total.withheld) == (6, 1)
    [row] = OutcomeRow.objects.filter(kind=int(Outcome.WITHHELD))
    assert row.reply == "header_line_break"


def test_the_database_may_go_away_in_the_middle(town: Town, tmp_path: Path) -> None:
    """Every connection of the worker is cut, again and again, as a restart would."""
    house.sign_up(*(f"p{number}@date-palm.example" for number in range(30)))
    made = house.launched()
    house.write_out(made)
    with house.worker(town.card, log="CRITICAL"):
        house.until(lambda: totals(made.pk).accepted >= 2)
        for _ in range(4):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            time.sleep(0.5)
        house.until(lambda: house.finished(made), 60)
    total = totals(made.pk)
    assert total.accepted == total.queued == 30
    received = [event.message_id for event in read_events(tmp_path / "town") if event.kind is Kind.ACCEPTED]
    assert sorted(set(received)) == sorted(received)


def _accepted(tmp_path: Path) -> int:
    return sum(event.kind is Kind.ACCEPTED for event in read_events(tmp_path / "town"))
