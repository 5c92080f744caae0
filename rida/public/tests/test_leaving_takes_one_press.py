"""Unsubscribing as mail programs, scanners and people do it (RFC 8058; 16 CFR 316.5)."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from rida.accounts.models import Workspace
from rida.feedback.models import FeedbackEvent
from rida.outbox.models import Delivery, Tranche
from rida.public.tests.letters import Letter, contact, letter

pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def got() -> Letter:
    return letter()


@pytest.fixture
def browser() -> Client:
    """As strict as a real one: the token is the authority, no CSRF cookie is."""
    return Client(enforce_csrf_checks=True)


# --- looking --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_scanner_that_follows_the_link_unsubscribes_nobody(got: Letter, browser: Client, method: str) -> None:
    for query in ("", "?List-Unsubscribe=One-Click", "?leave=1"):
        assert getattr(browser, method)(got.leave + query).status_code == 200
    assert got.verdict() == "ok"
    assert not FeedbackEvent.objects.exists()


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options"])
def test_no_other_method_is_answered(got: Letter, browser: Client, method: str) -> None:
    assert getattr(browser, method)(got.leave).status_code == 405
    assert got.verdict() == "ok"


def test_the_page_has_one_button_and_says_who_and_what(got: Letter, browser: Client) -> None:
    page = browser.get(got.leave).content.decode()
    assert page.count("<button") == page.count("<form") == 1
    assert "<input" not in page and "<script" not in page and "<a " not in page
    assert "Rosa&#x27;s Flowers Ltd" in page and "“<bdi>Offers</bdi>”" in page


# --- leaving --------------------------------------------------------------------------------------------------------


def test_pressing_the_button_holds_at_once(got: Letter, browser: Client) -> None:
    answer = browser.post(got.leave, "leave=1", content_type=FORM)
    assert got.verdict() == "withdrawn"
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "You have unsubscribed" in page and "This holds from now on." in page and "<button" not in page
    assert FeedbackEvent.objects.get().raw == "page"


@pytest.mark.parametrize("encoding", ["form", "multipart"])
def test_one_click_works_in_both_encodings(got: Letter, browser: Client, encoding: str) -> None:
    if encoding == "form":
        answer = browser.post(got.leave, "List-Unsubscribe=One-Click", content_type=FORM)
    else:
        answer = browser.post(got.leave, ONE_CLICK)
    assert (answer.status_code, got.verdict()) == (200, "withdrawn")
    assert FeedbackEvent.objects.get().raw == "one_click"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("", FORM),
        ("no boundary", "multipart/form-data"),
        ("--x\r\nhalf", "multipart/form-data; boundary=x"),
        ("{}", "application/json"),
        ("a=1", f"{FORM}; charset=latin-1"),
        ("a=1&" * 2_000, FORM),
        ("List-Unsubscribe=" + "x" * 6_000_000, FORM),
    ],
    ids=["empty", "no boundary", "cut", "json", "charset", "many fields", "huge"],
)
def test_whoever_has_the_link_leaves_whatever_the_body_says(
    got: Letter, browser: Client, body: str, content_type: str
) -> None:
    answer = browser.post(got.leave, body, content_type=content_type)
    assert (answer.status_code, got.verdict()) == (200, "withdrawn")


def test_a_length_that_is_no_number_keeps_nobody(got: Letter, browser: Client) -> None:
    answer = browser.post(got.leave, ONE_CLICK, CONTENT_LENGTH="many")
    assert (answer.status_code, got.verdict()) == (200, "withdrawn")


def test_only_the_topic_of_the_letter_ends(got: Letter, browser: Client) -> None:
    browser.post(got.leave, ONE_CLICK)
    assert (got.verdict("offers"), got.verdict("news")) == ("withdrawn", "ok")


def test_pressing_again_is_answered_alike_and_adds_nothing(got: Letter, browser: Client) -> None:
    first, again = (browser.post(got.leave, ONE_CLICK) for _ in range(2))
    assert first.content == again.content
    assert FeedbackEvent.objects.count() == 1


def test_the_link_outlives_the_letter_and_then_means_everything(got: Letter, browser: Client) -> None:
    Delivery.objects.all().delete()
    Tranche.objects.all().delete()
    page = browser.post(got.leave, ONE_CLICK).content.decode()
    assert (got.verdict("offers"), got.verdict("news")) == ("withdrawn", "withdrawn")
    assert "You get no more messages from <bdi>Rosa &amp; Daughters</bdi>." in page


def test_a_topic_cannot_bring_markup_into_the_page(browser: Client) -> None:
    page = browser.get(letter(topic_name="<script>x</script>").leave).content.decode()
    assert "&lt;script&gt;" in page and "<script" not in page


# --- links that are none --------------------------------------------------------------------------------------------


def forged(link: str) -> list[str]:
    token = link.removeprefix("/u/")
    flipped = token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
    return [f"/u/{text}" for text in ("x", "0" * 500, flipped, token[:-5], token + "é", "%00")]


def test_a_forged_link_is_a_friendly_404_and_does_nothing(got: Letter, browser: Client) -> None:
    for link in [*forged(got.leave), got.view.replace("/v/", "/u/")]:
        for answer in (browser.get(link), browser.post(link, ONE_CLICK)):
            assert answer.status_code == 404
            assert "There is nothing here" in answer.content.decode()
    assert got.verdict() == "ok"


def test_the_404_speaks_the_visitors_language(browser: Client) -> None:
    page = browser.get("/u/x", headers={"Accept-Language": "ar-EG"}).content.decode()
    assert '<html lang="ar" dir="rtl">' in page and "tabler.rtl.min.css" in page


def test_a_link_never_reaches_into_another_workspace(got: Letter, browser: Client) -> None:
    other = Workspace.objects.create(name="Charlie", slug="charlie")
    link = Letter(replace(got.copy, workspace_id=other.pk)).leave
    assert browser.post(link, ONE_CLICK).status_code == 200
    assert got.verdict() == "ok"


def test_the_link_of_a_preview_says_so_and_does_nothing(got: Letter, browser: Client) -> None:
    link = Letter(replace(got.copy, tranche_id=0)).leave
    for answer in (browser.get(link), browser.post(link, ONE_CLICK)):
        page = answer.content.decode()
        assert "This link is from a preview" in page and "<button" not in page and "unsubscribed" not in page
    assert got.verdict() == "ok"


# --- whom it speaks to ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "written_in", "browser_says", "spoken"),
    [
        ("ar-EG", "en", "en", "ar"),
        ("ar_EG", "en", "en", "ar"),
        ("en", "ar", "ar", "en"),
        ("fr", "ar", "en", "ar"),
        ("", "ar", "en", "ar"),
        ("", "en", "ar", "en"),
        (None, "ar", "en", "ar"),
        ("", "", "ar", "ar"),
        ("nonsense;", "xx", "ar-SA,en;q=0.5", "ar"),
    ],
)
def test_the_page_speaks_the_persons_language_then_the_letters_then_the_browsers(
    browser: Client, locale: str | None, written_in: str, browser_says: str, spoken: str
) -> None:
    got = letter(language=written_in)
    if locale is not None:
        contact(got, locale)
    for answer in (
        browser.get(got.leave, headers={"Accept-Language": browser_says}),
        browser.post(got.leave, ONE_CLICK, headers={"Accept-Language": browser_says}),
    ):
        way = "rtl" if spoken == "ar" else "ltr"
        assert f'<html lang="{spoken}" dir="{way}">' in answer.content.decode()
        assert answer.headers["Content-Language"] == spoken


# --- what goes with it ----------------------------------------------------------------------------------------------


def test_no_cookie_no_redirect_no_cache_no_referrer_no_search_engine(got: Letter, browser: Client) -> None:
    for answer in (browser.get(got.leave), browser.post(got.leave, ONE_CLICK)):
        assert not answer.cookies
        assert "Location" not in answer.headers
        assert {"no-store", "private"} <= set(answer.headers["Cache-Control"].split(", "))
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_a_login_is_neither_needed_nor_touched(got: Letter, browser: Client) -> None:
    browser.cookies["sessionid"] = "somebody"
    answer = browser.post(got.leave, ONE_CLICK)
    assert (got.verdict(), dict(answer.cookies)) == ("withdrawn", {})


# --- when it goes wrong ---------------------------------------------------------------------------------------------


def test_nothing_is_promised_when_the_database_refuses(got: Letter) -> None:
    browser = Client(raise_request_exception=False)
    with connection.execute_wrapper(_refusing):
        answer = browser.post(got.leave, ONE_CLICK)
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "Something went wrong" in page and 'lang="ar" dir="rtl"' in page and "unsubscribed" not in page
    assert got.verdict() == "ok"


def _refusing(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    if sql.lstrip().upper().startswith(("INSERT", "SELECT PG_ADVISORY")):
        raise OperationalError("read-only")
    return execute(sql, params, many, context)
