"""A template that would loop for ever or pad to 20 GB: told to its author, and no trouble to anybody else's mail."""

import time
from collections.abc import Callable

import pytest
from pytest_django import Settings

from rida.accounts.models import User
from rida.campaign.models import Campaign
from rida.campaign.services import draft_of
from rida.dns.location import Found, MailHost
from rida.kernel.clock import now
from rida.kernel.errors import ContentError, ContentTooCostly
from rida.outbox.copies import Copies
from rida.outbox.models import Delivery, Launch
from rida.outbox.render import Refused, Rendered
from rida.outbox.services import examine, launch, preview
from rida.outbox.services import test_send as send_test
from rida.outbox.tests import shop
from rida.shaping.places import assign

pytestmark = pytest.mark.django_db

BROKEN = "{% for a in b %}no end"
COSTLY = {
    "pads to 20 GB": '{{ "{:>20000000000}".format(1) }}',
    "indents by 500 MB": "{{ attributes|tojson(indent=500000000) }}",
    "loops for ever": "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
}


@pytest.fixture(autouse=True)
def _a_known_domain(settings: Settings) -> None:
    settings.RIDA_RESOLVER = ("127.0.0.1", 9)
    host = MailHost("mx.example.org", 10, ("192.0.2.1",))
    assign("example.org", Found("example.org", (host,), implicit=False, ttl=3600), now())


def _test(made: Campaign) -> object:
    return send_test(made, User.objects.create_user("rosa@example.org", name="Rosa"), now())


WAYS: list[Callable[[Campaign], object]] = [
    lambda made: preview(made, now()),
    lambda made: examine(made, None, now()),
    _test,
]


@pytest.mark.parametrize("part", ["body", "subject"])
@pytest.mark.parametrize("way", WAYS, ids=["preview", "preflight", "test send"])
@pytest.mark.parametrize("source", COSTLY.values(), ids=COSTLY.keys())
def test_the_author_is_told_at_once_what_to_take_out(source: str, way: Callable[[Campaign], object], part: str) -> None:
    made, start = shop.campaign({part: f"Hello {source}"}), time.process_time()
    with pytest.raises(ContentTooCostly, match="Take that part out"):
        way(made)
    assert time.process_time() - start < 2
    assert not Launch.objects.exists()
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("way", WAYS, ids=["preview", "preflight", "test send"])
def test_a_tag_that_is_not_closed_is_told_with_its_line(way: Callable[[Campaign], object]) -> None:
    with pytest.raises(ContentError, match="line 3"):
        way(shop.campaign({"body": f"a\n\n{BROKEN}"}))
    assert not Launch.objects.exists()


def test_a_template_that_got_past_preflight_is_not_launched() -> None:
    """Made bad in the database itself, behind a report that claims to have seen it."""
    made = shop.campaign()
    report = examine(made, None, now())
    Campaign.objects.filter(pk=made.pk).update(body=COSTLY["loops for ever"])
    made.refresh_from_db()
    report.content_hash = draft_of(made).hash()
    report.save()
    with pytest.raises(ContentTooCostly):
        launch(made, None, now())
    assert not Launch.objects.exists()


@pytest.mark.parametrize("source", [*COSTLY.values(), BROKEN], ids=[*COSTLY.keys(), "not closed"])
def test_frozen_content_that_cannot_be_compiled_any_more_harms_its_own_launch_only(source: str) -> None:
    """A newer version may refuse what an older one let go. A claim mixes launches, and all must be made ready."""
    good, bad = _frozen(), _frozen()
    bad.content["body"] = source
    bad.save()
    copies = Copies()
    copies.prepare({good.pk, bad.pk})
    assert isinstance(_copy(copies, good), Rendered)
    assert isinstance(_copy(copies, bad), Refused)


def _frozen() -> Launch:
    shop.person("layla@example.org")
    made = shop.campaign()
    examine(made, None, now())
    return launch(made, None, now())


def _copy(copies: Copies, made: Launch) -> Rendered | Refused:
    return copies.render(made.pk, 1, 0, "layla@example.org", bytes(16), {"name": "Layla"})
