"""The copy as it was sent, where no script of it runs and nothing of ours is in reach."""

from dataclasses import replace

import pytest
from django.test import Client

from rida.outbox.models import Delivery
from rida.public.tests.letters import Letter, letter

pytestmark = pytest.mark.django_db


@pytest.fixture
def got() -> Letter:
    return letter()


def test_it_is_the_persons_own_copy_with_its_links(got: Letter, client: Client) -> None:
    answer = client.get(got.view)
    page = answer.content.decode()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "Hello Layla" in page
    assert got.leave in page and got.view in page


def test_it_is_shut_in_a_sandbox(got: Letter, client: Client) -> None:
    answer = client.get(got.view)
    assert answer.headers["Content-Security-Policy"] == (
        "sandbox; default-src 'none'; img-src data: https:; style-src 'unsafe-inline'"
    )
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert {"no-store", "private"} <= set(answer.headers["Cache-Control"].split(", "))
    assert not answer.cookies


def test_looking_changes_nothing(got: Letter, client: Client) -> None:
    assert client.head(got.view).status_code == 200
    assert client.post(got.view, {"List-Unsubscribe": "One-Click"}).status_code == 405
    assert got.verdict() == "ok"


def test_the_leave_link_opens_no_message_and_a_forged_one_neither(got: Letter, client: Client) -> None:
    for link in (got.leave.replace("/u/", "/v/"), got.view[:-5], "/v/x"):
        answer = client.get(link)
        assert answer.status_code == 404
        assert "There is nothing here" in answer.content.decode()


@pytest.mark.parametrize("change", [{"n": 7}, {"tranche_id": 9_999}, {"address_hash": b"\0" * 16}])
def test_a_copy_that_nobody_got_is_not_shown(got: Letter, client: Client, change: dict[str, int | bytes]) -> None:
    assert client.get(Letter(replace(got.copy, **change)).view).status_code == 404  # type: ignore[arg-type]


def test_the_link_of_a_preview_says_so(got: Letter, client: Client) -> None:
    assert "This link is from a preview" in client.get(Letter(replace(got.copy, tranche_id=0)).view).content.decode()


def test_a_message_whose_delivery_is_gone_is_a_friendly_404(got: Letter, client: Client) -> None:
    Delivery.objects.all().delete()
    assert client.get(got.view).status_code == 404


def test_a_copy_that_could_not_be_made_is_a_friendly_404(got: Letter, client: Client) -> None:
    Delivery.objects.update(address="no address")
    assert client.get(got.view).status_code == 404
