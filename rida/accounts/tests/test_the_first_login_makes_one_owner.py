"""The link that `rida up` prints: who may use it, how long, how often."""

import hashlib
import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import override_settings

from rida.accounts.models import FirstLogin, Membership, User, Workspace
from rida.accounts.services import create_owner, first_login_is_open, first_login_link, use_first_login
from rida.kernel.errors import TokenError

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def token(now: datetime = NOW) -> str:
    link = first_login_link(now)
    assert link is not None
    return link.rpartition("/")[2]


def use(given: str, now: datetime = NOW, email: str = "rosa@flowers.example") -> User:
    return use_first_login(
        given,
        email=email,
        name="Rosa",
        password="a long password",
        workspace_name="Rosa's Flowers",
        language="ar",
        now=now,
    )


def owner(workspace_name: str = "Rosa's Flowers", email: str = "rosa@flowers.example") -> User:
    return create_owner(
        email=email, name="Rosa", password="a long password", workspace_name=workspace_name, language="en"
    )


def test_the_link_is_made_from_the_setting() -> None:
    with override_settings(RIDA_URL="https://mail.flowers.example"):
        link = first_login_link(NOW)
    assert link is not None and link.startswith("https://mail.flowers.example/first/")


def test_the_link_is_stored_as_a_hash_and_logged_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.NOTSET):
        made = token()
    assert bytes(FirstLogin.objects.get().token_hash) == hashlib.sha256(made.encode()).digest()
    assert len(made) >= 43
    assert made not in caplog.text


@pytest.mark.parametrize(("minutes", "open_"), [(0, True), (14.9, True), (15, False), (60, False)])
def test_the_link_is_open_for_fifteen_minutes(minutes: float, open_: bool) -> None:
    assert first_login_is_open(token(), NOW + timedelta(minutes=minutes)) is open_


def test_looking_does_not_use_it_up() -> None:
    made = token()
    assert [first_login_is_open(made, NOW) for _ in range(3)] == [True] * 3


def test_a_new_link_ends_the_one_before() -> None:
    old, new = token(), token()
    assert (first_login_is_open(old, NOW), first_login_is_open(new, NOW)) == (False, True)


def test_it_makes_an_owner_with_a_workspace() -> None:
    user = use(token())
    member = Membership.objects.get()
    assert (user.is_owner, user.language, user.check_password("a long password")) == (True, "ar", True)
    assert (member.user, member.role) == (user, "owner")
    assert (member.workspace.name, member.workspace.slug, member.workspace.profiles) == (
        "Rosa's Flowers",
        "rosas-flowers",
        ["US"],
    )


@pytest.mark.parametrize("given", ["", "forged", "é" * 43])
def test_a_forged_link_makes_nobody(given: str) -> None:
    token()
    with pytest.raises(TokenError):
        use(given)
    assert not User.objects.exists()


def test_a_link_too_late_makes_nobody() -> None:
    made = token()
    with pytest.raises(TokenError):
        use(made, NOW + timedelta(minutes=15))
    assert not User.objects.exists()


def test_a_link_is_used_once() -> None:
    made = token()
    use(made)
    with pytest.raises(TokenError):
        use(made, email="mallory@else.example")
    assert User.objects.count() == 1


def test_once_there_is_an_owner_there_is_no_link_and_no_old_one_works() -> None:
    made = token()
    owner()
    assert first_login_link(NOW) is None
    assert first_login_is_open(made, NOW) is False
    with pytest.raises(TokenError):
        use(made, email="mallory@else.example")


@pytest.mark.django_db(transaction=True)
def test_two_people_with_one_link_make_one_owner() -> None:
    made, start = token(), threading.Barrier(2)
    results: list[str] = []

    def press(email: str) -> None:
        try:
            connection.ensure_connection()
            start.wait(10)
            results.append(use(made, email=email).email)
        except TokenError:
            results.append("too late")
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(f"{name}@else.example",)) for name in ("rosa", "mallory")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert User.objects.count() == Workspace.objects.count() == 1
    assert sorted(results) == sorted([User.objects.get().email, "too late"])


@pytest.mark.django_db(transaction=True)
def test_a_first_login_that_fails_uses_nothing_up() -> None:
    made = token()
    User.objects.create_user("rosa@flowers.example", "a long password")
    with pytest.raises(Exception, match="email"):
        use(made)
    assert (first_login_is_open(made, NOW), Workspace.objects.count()) == (True, 0)


@pytest.mark.parametrize(
    ("name", "slugs"),
    [("Rosa's Flowers", ["rosas-flowers", "rosas-flowers-2"]), ("زهور", ["workspace", "workspace-2"])],
)
def test_workspaces_of_one_name_are_told_apart(name: str, slugs: list[str]) -> None:
    for email in ("a@else.example", "b@else.example"):
        owner(name, email)
    assert list(Workspace.objects.order_by("pk").values_list("slug", flat=True)) == slugs
