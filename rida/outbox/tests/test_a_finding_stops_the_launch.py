"""A launch of a real campaign: each check of preflight stops it, and nothing leaves that the operator did not see."""

from collections.abc import Callable

import pytest
from pytest_django import Settings

from rida.audience.models import Contact, Topic
from rida.campaign.models import Campaign, Identity
from rida.campaign.services import change_campaign, change_identity
from rida.kernel.clock import now
from rida.kernel.errors import ContentChanged, LaunchBlocked, NobodyToWriteTo, WrongState
from rida.outbox.models import Chunk, Delivery, Launch, Tranche
from rida.outbox.services import examine, launch
from rida.outbox.tests import shop
from rida.preflight.checks import CHECKS
from rida.preflight.models import Report
from rida.preflight.services import blocking
from rida.preflight.tests.cases import BAD, BASE_URL, Bad

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_home(settings: Settings) -> None:
    settings.RIDA_URL = BASE_URL
    shop.person("layla@example.org", shop.CUSTOMER)
    shop.person("nobody@example.org", shop.OPT_IN)


def refusal(campaign: Campaign) -> str:
    """Why the launch is refused; whatever the reason, nothing is queued by it."""
    with pytest.raises(LaunchBlocked) as refused:
        launch(campaign, None, now())
    assert_nothing_queued()
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.DRAFT
    return str(refused.value.params["codes"])


def assert_nothing_queued() -> None:
    for rows in (Launch, Chunk, Tranche, Delivery):
        assert not rows._default_manager.exists(), rows


def test_every_check_has_its_bad_campaign() -> None:
    assert len(BAD) == len(CHECKS)


@pytest.mark.parametrize("rule", BAD)
def test_each_check_stops_a_real_launch(rule: str, settings: Settings) -> None:
    bad: Bad = BAD[rule]
    settings.RIDA_URL = bad.base_url
    made = shop.campaign(bad.campaign, bad.identity)
    stopped = blocking(examine(made, None, now()))
    assert {finding.rule for finding in stopped} == {rule}
    assert refusal(made) == ", ".join(f"{rule} {finding.code}" for finding in stopped)


@pytest.mark.parametrize("rule", BAD)
def test_each_check_lets_the_mended_campaign_go(rule: str, settings: Settings) -> None:
    """The same campaign with the one thing mended: first refused, then launched."""
    bad: Bad = BAD[rule]
    settings.RIDA_URL = bad.base_url
    made = shop.campaign(bad.campaign, bad.identity)
    examine(made, None, now())
    refusal(made)
    settings.RIDA_URL = BASE_URL
    good = shop.campaign()
    made.identity, made.subject, made.body = good.identity, good.subject, good.body
    made.markup, made.message_class, made.ad_label = good.markup, good.message_class, good.ad_label
    made.save()
    assert blocking(examine(made, None, now())) == []
    left = launch(made, None, now())
    assert (left.state, left.chunks) == (Launch.State.RUNNING, 1)
    assert Chunk.objects.filter(launch=left, done=False).count() == 1


def test_attested_people_need_the_label_too() -> None:
    shop.person("attested@example.org", shop.ATTESTED)
    made = shop.campaign({"ad_label": False, "message_class": "dual"})
    examine(made, None, now())
    assert "R20 label_missing" in refusal(made)


def test_people_who_came_after_the_report_are_judged_too() -> None:
    """Where all opted in themselves the label may be left out; a customer's file was imported after the report."""
    Contact.objects.exclude(address="nobody@example.org").delete()
    made = shop.campaign({"ad_label": False})
    assert blocking(examine(made, None, now())) == []
    shop.person("late@example.org", shop.CUSTOMER)
    assert "R20 label_missing" in refusal(made)


def test_a_launch_without_preflight_is_refused() -> None:
    assert refusal(shop.campaign()) == "preflight_missing"


def test_a_launch_to_nobody_is_refused_and_says_so() -> None:
    Contact.objects.all().delete()
    shop.person("stranger@example.org", None)
    made = shop.campaign()
    assert blocking(examine(made, None, now())) == []
    with pytest.raises(NobodyToWriteTo, match="Nobody gave permission for this topic"):
        launch(made, None, now())
    assert_nothing_queued()


def test_a_campaign_without_a_sender_is_refused_and_says_what_is_missing() -> None:
    made = shop.campaign()
    made.identity = None
    made.save()
    examine(made, None, now())
    found = refusal(made)
    assert "R10 from_address_invalid" in found
    assert "R22 postal_address_incomplete" in found


CHANGES: dict[str, Callable[[Campaign], object]] = {
    "subject": lambda made: change_campaign(made, subject="Roses"),
    "preheader": lambda made: change_campaign(made, preheader=""),
    "body": lambda made: change_campaign(made, body="Roses are in, and tulips."),
    "language": lambda made: change_campaign(made, language="ar"),
    "class": lambda made: change_campaign(made, message_class="dual"),
    "label": lambda made: change_campaign(made, ad_label=False),
    "sender's name": lambda made: change_identity(_identity(made), name="Rosa"),
    "sender's address": lambda made: change_identity(_identity(made), from_address="r@flowers.example"),
    "reply-to": lambda made: change_identity(_identity(made), reply_to=""),
    "postal address": lambda made: change_identity(_identity(made), street="13 Garden Street"),
    "topic's name": lambda made: Topic.objects.filter(campaign=made).update(name="News"),
    "another topic": lambda made: change_campaign(made, topic=_other_topic(made)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_content_that_changed_after_the_report_is_not_launched(change: Callable[[Campaign], object]) -> None:
    made = shop.campaign()
    examine(made, None, now())
    change(made)
    with pytest.raises(ContentChanged, match="Run preflight again"):
        launch(made, None, now())
    assert_nothing_queued()


def test_a_look_at_the_new_content_makes_it_launchable_again() -> None:
    made = shop.campaign()
    examine(made, None, now())
    changed = change_campaign(made, subject="Roses")
    examine(changed, None, now())
    left = launch(made, None, now())
    assert left.content["subject"] == "Roses"
    assert bytes(left.content_hash) == bytes(Report.objects.latest("pk").content_hash)


def test_a_campaign_leaves_once() -> None:
    made = shop.campaign()
    examine(made, None, now())
    launch(made, None, now())
    with pytest.raises(WrongState, match="launched"):
        launch(made, None, now())
    assert Launch.objects.count() == 1


@pytest.mark.parametrize(("message_class", "again"), [("commercial", False), ("transactional_relationship", True)])
def test_only_transactional_mail_is_sent_again_when_it_is_in_doubt(message_class: str, again: bool) -> None:
    made = shop.campaign({"message_class": message_class})
    examine(made, None, now())
    assert launch(made, None, now()).resend_doubtful is again


def _identity(made: Campaign) -> Identity:
    assert made.identity
    return made.identity


def _other_topic(made: Campaign) -> Topic:
    return Topic.objects.create(workspace=made.workspace, slug="news", name="News")
