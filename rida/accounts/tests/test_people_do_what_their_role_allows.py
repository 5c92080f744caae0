"""Roles, memberships, the audit trail, and logins that go wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from rida.accounts.models import AuditEntry, LoginFailure, Membership, User, Workspace
from rida.accounts.rules import LOGIN_FAILURES, LOGIN_REST, Verb, may
from rida.accounts.services import failed_login, may_try_login, membership, note, require, workspace_of
from rida.kernel.errors import NotAllowed

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ROSA = "rosa@flowers.example"


@pytest.mark.parametrize(
    ("role", "verbs"),
    [
        ("viewer", {Verb.LOOK}),
        ("editor", {Verb.LOOK, Verb.WRITE, Verb.LAUNCH}),
        ("owner", {Verb.LOOK, Verb.WRITE, Verb.LAUNCH, Verb.RULE}),
        ("unheard-of", set()),
    ],
)
def test_what_a_role_may_do(role: str, verbs: set[Verb]) -> None:
    assert {verb for verb in Verb if may(role, verb)} == verbs


def member(role: str, name: str = "alice") -> tuple[User, Workspace]:
    user = User.objects.create_user(f"{name}@else.example", "a long password")
    workspace = Workspace.objects.create(name=name, slug=name)
    Membership.objects.create(user=user, workspace=workspace, role=role)
    return user, workspace


@pytest.mark.django_db
def test_a_verb_is_required_of_the_role_in_that_workspace() -> None:
    viewer, workspace = member("viewer")
    require(viewer, workspace, Verb.LOOK)
    with pytest.raises(NotAllowed):
        require(viewer, workspace, Verb.WRITE)


@pytest.mark.django_db
def test_an_owner_elsewhere_is_a_stranger_here() -> None:
    _, alices = member("owner")
    charlie, charlies = member("owner", "charlie")
    assert membership(charlie, alices) is None
    assert workspace_of(charlie) == charlies
    with pytest.raises(NotAllowed):
        require(charlie, alices, Verb.LOOK)


@pytest.mark.django_db
def test_a_user_works_in_their_first_workspace_and_nobody_has_one_without_a_membership() -> None:
    user, first = member("editor")
    later = Workspace.objects.create(name="later", slug="later")
    Membership.objects.create(user=user, workspace=later, role="owner")
    assert workspace_of(user) == first
    assert workspace_of(User.objects.create_user("nobody@else.example")) is None


@pytest.mark.django_db
def test_the_audit_trail_says_who_did_what_to_what() -> None:
    user, workspace = member("editor")
    note(workspace, user, "campaign.launch", "Mother's Day " + "x" * 300)
    entry = AuditEntry.objects.get()
    assert (entry.workspace, entry.user, entry.verb) == (workspace, user, "campaign.launch")
    assert entry.subject.startswith("Mother's Day") and len(entry.subject) == 200


@pytest.mark.django_db
def test_an_address_rests_after_too_many_wrong_passwords_and_no_other_does() -> None:
    for _ in range(LOGIN_FAILURES):
        assert may_try_login(ROSA, NOW)
        failed_login(ROSA, NOW)
    assert not may_try_login(" Rosa@Flowers.example", NOW)
    assert may_try_login("layla@flowers.example", NOW)


@pytest.mark.django_db
def test_the_rest_ends_and_old_failures_are_forgotten() -> None:
    for _ in range(LOGIN_FAILURES):
        failed_login(ROSA, NOW)
    assert not may_try_login(ROSA, NOW + LOGIN_REST - timedelta(seconds=1))
    assert may_try_login(ROSA, NOW + LOGIN_REST)
    failed_login("layla@flowers.example", NOW + LOGIN_REST)
    assert LoginFailure.objects.count() == 1


@pytest.mark.django_db
def test_what_was_typed_is_not_stored() -> None:
    failed_login("my secret password", NOW)
    assert b"secret" not in bytes(LoginFailure.objects.get().email_hash)
