"""Every address of the console is tried by a stranger, by nobody, and by those whose role is too small."""

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from rida.accounts.models import Role
from rida.audience.models import Import
from rida.console.tests.house import Shop, colleague, shop
from rida.console.urls import urlpatterns
from rida.kernel.clock import now
from rida.outbox.models import Launch
from rida.shaping.models import Budget, HoldEntry, Network
from rida.shaping.sources import sandbox_source

pytestmark = pytest.mark.django_db
OPEN = {"login", "logout", "first"}
OF_THE_INSTALLATION = {"networks", "network_hold", "network_release", "town", "town_letter", "town_html"}
PAGES = [page for page in urlpatterns if page.name not in OPEN]


def _things(own: Shop) -> dict[str, object]:
    """A value for every name that stands in an address."""
    job = Import.objects.create(
        workspace=own.workspace, file_name="a.csv", file_sha256=b"", topic=own.topic, created_at=now()
    )
    launch = Launch.objects.create(
        source=sandbox_source(),
        workspace=own.workspace, campaign=own.campaign, kind=Launch.Kind.BULK, content={}, content_hash=b"", terms={},
        give_up_at=0, launched_at=now(),
    )  # fmt: skip
    network = Network.objects.create(key="net:192.0.2.0/24", name="cedar")
    Budget.objects.create(network=network, shard=0)
    return {
        "campaign_id": own.campaign.pk, "identity_id": own.identity.pk, "contact_id": own.person.pk,
        "import_id": job.pk, "launch_id": launch.pk, "network_id": network.pk, "change": "pause",
        "letter_id": "cedar/a@b.example/00000001", "token": "x",
    }  # fmt: skip


def _address(page: URLPattern, things: dict[str, object]) -> str:
    return reverse(str(page.name), kwargs={name: things[name] for name in page.pattern.converters})


def test_a_stranger_finds_nothing_of_another_workspace() -> None:
    alice, bob = shop("Alice", "alice@alice.example"), shop("Bob", "bob@bob.example")
    things, tried = _things(alice), 0
    for page in PAGES:
        for ask in (bob.client.get, bob.client.post):
            answer = ask(_address(page, things))
            if page.pattern.converters and page.name not in OF_THE_INSTALLATION:
                tried += 1
                assert answer.status_code in {404, 405}, (page.name, answer.status_code)
            assert b"Alice" not in answer.getvalue(), page.name
    assert tried >= 20
    assert Launch.objects.get(campaign=alice.campaign).state == Launch.State.RUNNING


def test_a_campaign_takes_no_sender_or_topic_of_another_workspace() -> None:
    alice, bob = shop("Alice", "alice@alice.example"), shop("Bob", "bob@bob.example")
    given = {"name": "x", "language": "en", "markup": "markdown", "identity": alice.identity.pk}
    answer = bob.client.post(reverse("campaign", args=[bob.campaign.pk]), given)
    assert answer.status_code == 200 and answer.context["form"].errors["identity"]
    bob.campaign.refresh_from_db()
    assert bob.campaign.identity_id == bob.identity.pk


def test_nobody_gets_the_login_page() -> None:
    things = _things(shop("Alice", "alice@alice.example"))
    for page in PAGES:
        answer = Client().get(_address(page, things))
        assert answer.status_code == 405 or answer.headers["Location"].startswith("/login"), page.name


def test_a_viewer_changes_nothing() -> None:
    alice = shop("Alice", "alice@alice.example")
    things, viewer = _things(alice), colleague(alice.workspace, Role.VIEWER)
    before = {"name": "changed", "language": "en", "markup": "markdown"}
    for page in PAGES:
        answer = viewer.post(_address(page, things), before)
        assert answer.status_code in {200, 403, 404}, (page.name, answer.status_code)
    alice.campaign.refresh_from_db()
    assert alice.campaign.name != "changed" and alice.campaign.launches.count() == 1
    assert Launch.objects.get(campaign=alice.campaign).state == Launch.State.RUNNING
    assert not HoldEntry.objects.exists()


def test_only_owners_of_the_installation_hold_networks_and_read_the_sandbox() -> None:
    alice = shop("Alice", "alice@alice.example")
    things, editor = _things(alice), colleague(alice.workspace, Role.EDITOR)
    for name in OF_THE_INSTALLATION - {"networks", "network_release"}:
        page = next(each for each in PAGES if each.name == name)
        assert editor.get(_address(page, things)).status_code == 403, name
    held = alice.client.post(reverse("network_hold", args=[things["network_id"]]), {"reason": "too many complaints"})
    assert held.status_code == 302 and Budget.objects.get().hold_reason == "too many complaints"
    alice.client.post(reverse("network_release", args=[things["network_id"]]))
    assert Budget.objects.get().hold_until == 0
