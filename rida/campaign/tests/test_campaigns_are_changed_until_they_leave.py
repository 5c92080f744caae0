"""Identities and campaigns in the database."""

from datetime import UTC, datetime

import pytest

from rida.accounts.models import Workspace
from rida.audience.models import Topic
from rida.campaign.content import Draft
from rida.campaign.models import Campaign
from rida.campaign.services import change_campaign, change_identity, create_campaign, create_identity, draft_of
from rida.campaign.tests.drafts import SENDER, draft
from rida.kernel.errors import NotAllowed, WrongState

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def workspace(slug: str) -> Workspace:
    return Workspace.objects.create(name=slug, slug=slug)


def campaign_of(home: Workspace) -> Campaign:
    good = draft().to_json()
    sender, slug, name = good.pop("sender"), good.pop("topic_slug"), good.pop("topic_name")
    identity = create_identity(home, **sender)
    topic = Topic.objects.create(workspace=home, slug=slug, name=name)
    return create_campaign(home, name="May", identity=identity, topic=topic, **good)


def test_a_campaign_reads_as_its_draft() -> None:
    assert draft_of(campaign_of(workspace("rosa"))) == draft()


def test_a_campaign_without_sender_and_topic_is_a_draft_too() -> None:
    assert draft_of(create_campaign(workspace("rosa"), name="May")) == Draft()


def test_spaces_around_a_field_of_the_sender_do_not_count() -> None:
    made = campaign_of(workspace("rosa"))
    assert made.identity is not None
    change_identity(made.identity, street=f"  {SENDER.street} ")
    assert draft_of(Campaign.objects.get(pk=made.pk)) == draft()


def test_a_changed_campaign_has_another_hash() -> None:
    made = campaign_of(workspace("rosa"))
    assert draft_of(change_campaign(made, subject="Other")).hash() != draft_of(made).hash()


def test_a_launched_campaign_is_not_changed_any_more() -> None:
    made = campaign_of(workspace("rosa"))
    Campaign.objects.filter(pk=made.pk).update(state=Campaign.State.LAUNCHED)
    with pytest.raises(WrongState):
        change_campaign(made, subject="Other")


def test_nothing_of_another_workspace_can_be_used() -> None:
    rosas, charlies = campaign_of(workspace("rosa")), workspace("charlie")
    for field in ("identity", "topic"):
        with pytest.raises(NotAllowed):
            create_campaign(charlies, name="x", **{field: getattr(rosas, field)})
        with pytest.raises(NotAllowed):
            change_campaign(create_campaign(charlies, name="x"), **{field: getattr(rosas, field)})


def test_a_moved_sender_has_to_confirm_the_address_anew() -> None:
    made = create_identity(workspace("rosa"), **draft().to_json()["sender"], address_confirmed_at=NOW)
    assert change_identity(made, name="Rosa", city=SENDER.city).address_confirmed_at == NOW
    assert change_identity(made, city="Shelbyville").address_confirmed_at is None
    assert change_identity(made, city="Springfield", address_confirmed_at=NOW).address_confirmed_at == NOW


def test_only_fields_that_are_there_to_be_set_are_set() -> None:
    home = workspace("rosa")
    with pytest.raises(TypeError):
        create_campaign(home, name="x", state="launched")
    with pytest.raises(TypeError):
        create_identity(home, workspace_id=3)
