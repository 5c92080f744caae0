"""R62 on a whole launch: a real campaign on a real route, its DNS answered by the town on loopback."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from rida.accounts.models import User
from rida.campaign.models import Campaign
from rida.campaign.records import Kind, Way
from rida.kernel.clock import now
from rida.kernel.errors import LaunchBlocked
from rida.outbox import authentication, dkim
from rida.outbox.models import Launch
from rida.outbox.services import examine, launch
from rida.preflight import node
from rida.preflight.opinion import Exhibit, Opinion
from rida.preflight.services import blocking, findings_of
from rida.shaping.routes import Caps, RelaySettings
from rida.shaping.sources import save_relay
from rida.town.beside import beside
from rida.town.plan import default
from rida.town.server import Town
from tests import house

pytestmark = pytest.mark.django_db(transaction=True)
WAY = Way(Kind.RELAY, "mail.warda-flowers.example", ("127.0.0.1",), "localhost")


@pytest.fixture(autouse=True)
def town(tmp_path: Path, settings: Any) -> Iterator[Town]:
    """With the sender's records; its readers are signed up, and the owner let the workspace out by a relay."""
    with beside(house.real_sender(default(), WAY), tmp_path / "town") as made:
        settings.RIDA_RESOLVER, settings.RIDA_LAB_NETS = made.resolver, ("127.0.0.0/8",)
        settings.RIDA_URL = "https://news.warda-flowers.example"
        house.asked_of(made.resolver, WAY)
        house.sign_up("layla@rose-mail.example", name="ليلى حدّاد")
        depart()
        yield made


def depart() -> None:
    owner = User.objects.create_user("rosa@warda.example", is_owner=True)
    way = RelaySettings(WAY.relay, 2525, name=WAY.helo, addresses=WAY.addresses)
    source = save_relay("relay", way, "", Caps(), owner, now())
    house.depart(source, owner)


def codes(campaign: Campaign) -> list[str]:
    return [finding.code for finding in findings_of(examine(campaign, None, now())) if finding.rule == "R62"]


def refusal(campaign: Campaign) -> str:
    with pytest.raises(LaunchBlocked) as refused:
        launch(campaign, None, now())
    assert not Launch.objects.exists()
    return str(refused.value.params["codes"])


def test_what_both_believe_leaves() -> None:
    campaign = house.campaign()
    assert codes(campaign) == []
    assert launch(campaign, None, now()).state == Launch.State.RUNNING


def test_a_signature_that_does_not_hold_stops_the_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of our own, which no look at DNS would find."""
    real = dkim.see
    monkeypatch.setattr(dkim, "see", lambda fields, body: real(fields, body + b"more\r\n"))
    campaign = house.campaign()
    found = [finding for finding in blocking(examine(campaign, None, now())) if finding.rule == "R62"]
    assert [(each.code, each.params["verifier"], each.params["dkim"]) for each in found] == [
        ("message_not_believed", "dkimpy", "fail"),
        ("message_not_believed", "mailauth", "fail"),
    ]
    assert refusal(campaign) == "R62 message_not_believed, R62 message_not_believed"


def test_a_launch_asks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = house.campaign()
    assert codes(campaign) == []
    real = dkim.see
    monkeypatch.setattr(dkim, "see", lambda fields, body: real(fields, body + b"more\r\n"))
    assert "R62 message_not_believed" in refusal(campaign)


def test_without_node_one_verifier_is_missing_and_mail_may_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "find_node", lambda: None)
    campaign = house.campaign()
    (found,) = [each for each in findings_of(examine(campaign, None, now())) if each.rule == "R62"]
    assert (found.code, found.blocks) == ("verifier_missing", False)
    assert found.params == {"verifier": "mailauth", "reason": "verifier_not_installed"}
    assert launch(campaign, None, now()).state == Launch.State.RUNNING


def test_a_change_while_it_is_verified_stops_the_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator looks at B, the verifiers at A."""
    campaign = house.campaign()
    assert codes(campaign) == []
    Campaign.objects.filter(pk=campaign.pk).update(subject="Roses")
    stale = Campaign.objects.get(pk=campaign.pk)
    examine(stale, None, now())
    stale.subject = campaign.subject
    assert refusal(stale) == "R62 other_content_verified"


def test_verifiers_see_what_would_leave_and_no_transaction_waits_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Exhibit] = []

    def look(exhibit: Exhibit, server: tuple[str, int] | None, *, host: str) -> tuple[Opinion, ...]:
        assert not connection.in_atomic_block
        seen.append(exhibit)
        good = Opinion("dkimpy", "pass", "pass", "pass")
        return good, replace(good, verifier="mailauth")

    monkeypatch.setattr(authentication, "opinions_on", look)
    campaign = house.campaign()
    examine(campaign, None, now())
    launch(campaign, None, now())
    assert len(seen) == 2
    for exhibit in seen:
        assert (exhibit.helo, exhibit.addresses) == (WAY.helo, WAY.addresses)
        assert all(raw.startswith(b"DKIM-Signature:") for raw, _ in exhibit.messages)
        assert all(sender.endswith("@bounce.warda-flowers.example") for _, sender in exhibit.messages)
        assert any(b"layla@rose-mail.example" in raw for raw, _ in exhibit.messages)
