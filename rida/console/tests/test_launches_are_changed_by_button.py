"""What a button changes is changed by POST; what cannot be taken back is asked for first."""

import pytest
from django.urls import reverse

from rida.console.tests.house import NOW, Shop, shop
from rida.outbox.models import Launch
from rida.shaping.sources import sandbox_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def rosa() -> Shop:
    return shop("Rosa", "rosa@flowers.example")


@pytest.fixture
def launch(rosa: Shop) -> Launch:
    return Launch.objects.create(
        workspace=rosa.workspace, campaign=rosa.campaign, kind=Launch.Kind.BULK, content={}, content_hash=b"", terms={},
        give_up_at=0, launched_at=NOW, source=sandbox_source(),
    )  # fmt: skip


def test_cancelling_is_asked_for_first(rosa: Shop, launch: Launch) -> None:
    cancel = reverse("launch_change", args=[launch.pk, "cancel"])
    page = rosa.client.get(reverse("launch", args=[launch.pk])).content.decode()
    assert f'href="{cancel}"' in page and f'action="{cancel}"' not in page
    assert "cannot go on" in rosa.client.get(cancel).content.decode()
    launch.refresh_from_db()
    assert launch.state == Launch.State.RUNNING
    rosa.client.post(cancel)
    launch.refresh_from_db()
    assert launch.state == Launch.State.CANCELLED
    assert rosa.client.get(cancel).headers["Location"] == reverse("launch", args=[launch.pk])


def test_who_logs_in_again_after_pressing_a_button_gets_the_page_with_the_button(rosa: Shop, launch: Launch) -> None:
    for asked, page in (
        (reverse("launch_change", args=[launch.pk, "pause"]), reverse("launch", args=[launch.pk])),
        (reverse("campaign_test", args=[rosa.campaign.pk]), reverse("campaign_preview", args=[rosa.campaign.pk])),
        (reverse("campaign_launch", args=[rosa.campaign.pk]), reverse("preflight", args=[rosa.campaign.pk])),
        (reverse("logout"), reverse("login")),
    ):
        assert rosa.client.get(asked).headers["Location"] == page
    launch.refresh_from_db()
    assert launch.state == Launch.State.RUNNING and rosa.campaign.launches.count() == 1
    assert rosa.client.get(reverse("login")).headers["Location"] == reverse("home")  # still inside
