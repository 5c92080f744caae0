"""`rida send`, `forecast`, `status` and `person`: what a terminal is told, and what leaves."""

import json
from collections.abc import Callable

import click
import pytest
from pytest_django import Settings

from rida.cli.reading import show_forecast, show_person, show_status
from rida.cli.sending import send_campaign
from rida.dns.location import Found, MailHost
from rida.kernel.address import parse
from rida.kernel.clock import now
from rida.kernel.errors import AddressError, LaunchBlocked, NoSuchThing
from rida.outbox.models import Launch
from rida.permission.rules import Grade, Kind
from rida.permission.services import Act, record
from rida.shaping.places import assign
from tests import house

pytestmark = pytest.mark.django_db
LAYLA = "layla@example.org"
Said = Callable[[], str]


@pytest.fixture(autouse=True)
def _a_known_domain(settings: Settings) -> None:
    settings.RIDA_RESOLVER = ("127.0.0.1", 9)
    host = MailHost("mx.example.org", 10, ("192.0.2.1",))
    assign("example.org", Found("example.org", (host,), implicit=False, ttl=3600), now())
    house.sign_up(LAYLA)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().out


def answer(monkeypatch: pytest.MonkeyPatch, yes: bool) -> None:
    monkeypatch.setattr(click, "confirm", lambda _question: yes)


def test_a_good_campaign_is_launched_after_its_price_was_told(said: Said) -> None:
    send_campaign(house.campaign().pk, ask=False)
    text, [made] = said(), Launch.objects.all()
    assert "1 recipients, done after about 0.0 hours." in text
    assert "it could cost up to $53,088 ($53,088 each)." in text
    assert f"Launched as number {made.pk}." in text


def test_no_is_no(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, False)
    send_campaign(house.campaign().pk, ask=True)
    assert not Launch.objects.exists() and "Launched" not in said()


def test_what_stops_it_is_told_in_sentences_and_asked_no_more(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, True)
    made = house.campaign(subject="Re: flowers for {{ nobody }}", body="")
    with pytest.raises(LaunchBlocked, match="R70, R84"):
        send_campaign(made.pk, ask=True)
    text = said()
    assert "stops  R70" in text and "stops  R84" in text
    assert "false_reply" not in text and "merge_name_unknown" not in text
    assert not Launch.objects.exists()


def test_a_campaign_that_is_not_there_is_told_so() -> None:
    with pytest.raises(NoSuchThing, match="There is no campaign"):
        send_campaign(4711, ask=False)


def test_the_forecast_names_each_network(said: Said) -> None:
    show_forecast(house.campaign().pk)
    assert "192.0.2.0/24" in said().splitlines()[0]


def test_status_counts_what_is_on_its_way(said: Said) -> None:
    show_status(as_json=False)
    assert said() == "Nothing is being sent.\n"
    made = house.launched()
    house.write_out(made)
    show_status(as_json=True)
    found = json.loads(said())
    assert (found["launch"], found["state"], found["queued"], found["waiting"]) == (made.pk, "running", 1, 1)


def test_a_person_is_told_by_their_events(said: Said) -> None:
    act = Act(Kind.WITHDRAWN, "news", "", Grade.E0, now(), {"by": "post"})
    record(house.workspace().pk, parse(LAYLA), act, now())
    show_person(LAYLA, "")
    first, *others = said().splitlines()
    assert "granted for “news” on the ground of single_opt_in (E2" in first
    assert any("withdrawn" in line for line in others)
    show_person("stranger@example.org", "")
    assert said().startswith("Nothing is known of stranger@example.org")
    with pytest.raises(AddressError):
        show_person("no address", "")
