"""Only an owner opens a way into the world, and approves it after a test; a changed door is tested anew."""

from collections.abc import Callable

import pytest

from rida.accounts.models import User, Workspace
from rida.campaign.models import SenderDomain
from rida.kernel.clock import milliseconds, now
from rida.kernel.errors import DomainNotProved, NotAllowed, NotTested, PasswordInClear
from rida.shaping import sources
from rida.shaping.models import Allowance, Departure, Source
from rida.shaping.routes import Caps, DirectSettings, RelaySettings

pytestmark = pytest.mark.django_db
RELAY = RelaySettings("relay.example", user="rosa")


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("rosa@warda.example", is_owner=True)


@pytest.fixture
def workspace() -> Workspace:
    return Workspace.objects.create(name="Warda", slug="warda")


@pytest.fixture
def relay(owner: User, workspace: Workspace) -> Source:
    made = sources.save_relay("relay", RELAY, "tulips", Caps(), owner, now())
    sources.choose(workspace, made, owner, now())
    return made


def tested() -> None:
    Departure.objects.update(tested_at=now())


def proved(workspace: Workspace) -> None:
    SenderDomain.objects.create(
        workspace=workspace, name="warda.example", bounce_domain="bounce.warda.example", selector="s", sealed_key=b"",
        created_at=now(), proved_at=now(), last_report={"old": True}, last_checked_at=now(),
    )  # fmt: skip


def test_others_change_nothing(workspace: Workspace, relay: Source) -> None:
    editor, at = User.objects.create_user("ed@warda.example"), now()
    tries: list[Callable[[], object]] = [
        lambda: sources.save_relay("relay", RELAY, "", Caps(), editor, at),
        lambda: sources.save_direct("direct", DirectSettings("mail.warda.example"), editor, at),
        lambda: sources.choose(workspace, sources.sandbox_source(), editor, at),
        lambda: sources.approve(workspace, editor, at),
    ]
    for change in tries:
        with pytest.raises(NotAllowed):
            change()
    assert sources.source_of(workspace) == relay


def test_approval_waits_for_a_test_and_a_proof(workspace: Workspace, relay: Source, owner: User) -> None:
    with pytest.raises(NotTested):
        sources.approve(workspace, owner, now())
    tested()
    with pytest.raises(DomainNotProved):
        sources.approve(workspace, owner, now())
    proved(workspace)
    sources.approve(workspace, owner, now())
    assert Departure.objects.get().approved_by == owner
    assert [entry.verb for entry in sources.history_of(workspace)] == ["source.approve", "source.choose"]


def test_another_door_is_tested_again_and_stays_approved(workspace: Workspace, relay: Source, owner: User) -> None:
    proved(workspace)
    tested()
    sources.approve(workspace, owner, now())
    sources.save_relay("relay", RelaySettings("other.example", user="rosa"), "", Caps(), owner, now())
    found = Departure.objects.get()
    assert found.tested_at is None and found.approved_at is not None and found.changed_at > found.chosen_at
    domain = SenderDomain.objects.get()
    assert (domain.last_report, domain.last_checked_at) == (None, None) and domain.proved_at is not None


def test_other_caps_need_no_other_test(workspace: Workspace, relay: Source, owner: User) -> None:
    tested()
    kept = RelaySettings.from_json(relay.settings)
    sources.save_relay("relay", kept, "", Caps(hour=50), owner, now())
    assert Departure.objects.get().tested_at is not None
    assert sources.caps_of(relay) == Caps(hour=50) and sources.password_of(relay) == "tulips"


def test_a_password_does_not_travel_in_clear(owner: User) -> None:
    with pytest.raises(PasswordInClear):
        sources.save_relay("relay", RelaySettings("relay.example", tls="none", user="rosa"), "x", Caps(), owner, now())


def test_a_refused_login_is_told_in_the_relays_words(relay: Source) -> None:
    assert sources.held_because(relay, now()) == ""
    until = milliseconds(now()) + 60_000
    Allowance.objects.filter(source=relay).update(hold_until=until, hold_reason="Authentication failed")
    assert sources.held_because(relay, now()) == "Authentication failed"


def test_names_are_used_once(relay: Source) -> None:
    assert (sources.free_name("relay"), sources.free_name("other")) == ("relay 2", "other")
    assert sources.real_sources() == [relay]
