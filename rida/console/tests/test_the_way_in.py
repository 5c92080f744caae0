"""First login, login, and what somebody gets who guesses."""

import pytest
from django.test import Client

from rida.accounts.models import LoginFailure, User
from rida.accounts.rules import LOGIN_FAILURES
from rida.accounts.services import first_login_link, workspace_of
from rida.audience.services import topics
from rida.console.tests.house import PASSWORD, shop
from rida.kernel.clock import now

pytestmark = pytest.mark.django_db
OWNER = {
    "name": "Rosa", "email": "rosa@flowers.example", "password": PASSWORD, "workspace_name": "Rosa's Flowers",
    "topic_name": "عروض", "language": "ar",
}  # fmt: skip


def _link() -> str:
    link = first_login_link(now())
    assert link is not None
    return link.removeprefix("http://testserver")


def test_the_link_makes_one_owner_with_a_topic_and_logs_them_in() -> None:
    client, link = Client(), _link()
    assert client.get(link).status_code == 200 and not User.objects.exists()
    answer = client.post(link, OWNER)
    assert answer.headers["Location"] == "/" and answer.cookies["django_language"].value == "ar"
    workspace = workspace_of(User.objects.get())
    assert workspace is not None and [topic.name for topic in topics(workspace)] == ["عروض"]
    assert "Rosa&#x27;s Flowers" in client.get("/").content.decode()
    assert Client().post(link, OWNER).status_code == 404


def test_a_form_that_is_older_than_the_login_says_what_to_do() -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.cookies["django_language"] = "ar"
    answer = careful.post("/login", {"email": "rosa@flowers.example", "password": PASSWORD})
    assert answer.status_code == 403 and "يُرجى الإرسال مرة أخرى" in answer.content.decode()


def test_who_is_inside_gets_home_from_a_page_that_is_not_there() -> None:
    assert 'href="/"' in shop("Rosa", "rosa@flowers.example").client.get("/nowhere").content.decode()
    assert 'href="/"' not in Client().get("/nowhere").content.decode()


def test_a_weak_password_is_refused_and_uses_nothing_up() -> None:
    client, link = Client(), _link()
    answer = client.post(link, OWNER | {"password": "12345"})
    assert answer.status_code == 200 and answer.context["form"].errors["password"]
    assert client.post(link, OWNER).status_code == 302


def test_login_leads_where_one_wanted_to_go_and_nowhere_else() -> None:
    shop("Rosa", "rosa@flowers.example")
    right = {"email": "Rosa@flowers.example", "password": PASSWORD}
    assert Client().post("/login", right | {"next": "/networks"}).headers["Location"] == "/networks"
    assert Client().post("/login", right | {"next": "https://evil.example/"}).headers["Location"] == "/"


def test_after_too_many_wrong_passwords_the_right_one_rests_too() -> None:
    shop("Rosa", "rosa@flowers.example")
    for _ in range(LOGIN_FAILURES):
        answer = Client().post("/login", {"email": "rosa@flowers.example", "password": "wrong"})
        assert "do not belong together" in answer.content.decode()
    answer = Client().post("/login", {"email": "rosa@flowers.example", "password": PASSWORD})
    assert "Too many wrong passwords" in answer.content.decode()
    assert LoginFailure.objects.count() == LOGIN_FAILURES


def test_no_page_allows_a_script_of_others() -> None:
    policy = Client().get("/login").headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
