"""From a file to the button that launches, by the forms alone."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from pytest_django import Settings

from rida.audience.models import Attribute, Contact, Import
from rida.audience.services import run_import
from rida.campaign.models import Campaign
from rida.console import campaigns, launches, say
from rida.console.templatetags.console_words import own_letters
from rida.console.tests.house import Shop, shop
from rida.dns.location import Found, MailHost
from rida.kernel.clock import now
from rida.outbox.models import Delivery, Launch
from rida.outbox.services import examine, launch
from rida.preflight.services import findings_of
from rida.reports.queries import Totals
from rida.shaping.places import assign

pytestmark = pytest.mark.django_db
FILE = "email,name,last_purchase_at,Favourite\nada@a.example,Ada,2026-05-01,roses\nno-address,Eve,2026-05-01,\n"


@pytest.fixture
def rosa() -> Shop:
    return shop("Rosa", "rosa@flowers.example")


def _upload(rosa: Shop, text: bytes) -> str:
    answer = rosa.client.post(reverse("imports"), {"file": SimpleUploadedFile("customers.csv", text)}, follow=True)
    return answer.content.decode()


def _columns(rosa: Shop, **given: object) -> dict[str, object]:
    usual = {"column_0": "email", "column_1": "name", "column_2": "last_purchase_at", "column_3": "attribute:favourite"}
    return {**usual, "topic": rosa.topic.pk, "basis": "", "statement": "", **given}


def test_a_file_is_looked_at_then_imported_and_tells_what_it_refused(rosa: Shop) -> None:
    assert "Ada" in _upload(rosa, FILE.encode("utf-16"))
    answer = rosa.client.post(reverse("import_columns"), _columns(rosa))
    job = Import.objects.get()
    assert answer.headers["Location"] == reverse("import", args=[job.pk])
    run_import(job.pk, now())
    page = rosa.client.get(answer.headers["Location"]).content.decode()
    assert "Finished" in page and reverse("import_refused", args=[job.pk]) in page
    assert Contact.objects.get(address="ada@a.example").attributes == {"favourite": "roses"}
    report = rosa.client.get(reverse("import_refused", args=[job.pk]))
    assert "no-address" in report.getvalue().decode("utf-8-sig")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "not a text file"),
        (b"name,city\nAda,Rome\n", "What the columns hold"),
        (b"", "submitted file is empty"),
    ],
    ids=["bytes", "no addresses", "nothing"],
)
def test_a_file_that_cannot_be_used_gets_a_sentence(rosa: Shop, text: bytes, says: str) -> None:
    assert says in _upload(rosa, text)


def test_columns_without_an_address_or_a_ground_get_a_sentence(rosa: Shop) -> None:
    _upload(rosa, FILE.encode())
    none = rosa.client.post(reverse("import_columns"), _columns(rosa, column_0="")).content.decode()
    assert "No column of the file holds e-mail addresses" in none
    word = rosa.client.post(reverse("import_columns"), _columns(rosa, basis="attestation")).content.decode()
    assert "your word is all that stands for them" in word
    dates = rosa.client.post(reverse("import_columns"), _columns(rosa, basis="customer", column_2="")).content.decode()
    assert "No column holds the date of a purchase" in dates
    twice = rosa.client.post(reverse("import_columns"), _columns(rosa, column_1="email")).content.decode()
    assert "Two columns are both taken for “E-mail address”" in twice
    assert not Import.objects.exists()


def test_a_sender_is_unconfirmed_until_somebody_says_the_address_is_right(rosa: Shop) -> None:
    given = {"name": "Rosa", "from_address": "rosa@flowers.example", "language": "en", "organisation": "Rosa",
             "street": "1 New Street", "postal_code": "62704", "city": "Springfield", "country": "us"}  # fmt: skip
    rosa.client.post(reverse("identity", args=[rosa.identity.pk]), given)
    rosa.identity.refresh_from_db()
    assert rosa.identity.address_confirmed_at is None and rosa.identity.country == "US"
    rosa.client.post(reverse("identity", args=[rosa.identity.pk]), given | {"confirmed": "on"})
    rosa.identity.refresh_from_db()
    assert rosa.identity.address_confirmed_at is not None


def test_unticking_the_box_takes_the_confirmation_back(rosa: Shop) -> None:
    page = reverse("identity", args=[rosa.identity.pk])
    rosa.client.post(page, {name: value for name, value in rosa.client.get(page).context["form"].initial.items()
                            if value and name != "confirmed"})  # fmt: skip
    rosa.identity.refresh_from_db()
    assert rosa.identity.address_confirmed_at is None and rosa.identity.street == "12 Garden Street"


def test_a_campaign_is_written_and_looked_at(rosa: Shop) -> None:
    given = {"name": "Roses", "identity": rosa.identity.pk, "topic": rosa.topic.pk, "message_class": "commercial",
             "language": "ar", "subject": "عيد الأم", "markup": "markdown", "body": "# أهلًا {{ first_name }}",
             "ad_label": "on", "preview": "1"}  # fmt: skip
    answer = rosa.client.post(reverse("campaign_new"), given)
    made = Campaign.objects.get(name="Roses")
    assert answer.headers["Location"] == reverse("campaign_preview", args=[made.pk])
    assert '<p class="h3" dir="rtl">عيد الأم' in rosa.client.get(answer.headers["Location"]).content.decode()
    page = rosa.client.get(reverse("campaign", args=[made.pk])).content.decode()
    assert all('dir="rtl"' in field for field in re.findall(r'<[^>]+name="(?:subject|preheader|body)"[^>]*>', page))
    framed = rosa.client.get(reverse("campaign_html", args=[made.pk]))
    assert "أهلًا ليلى" in framed.content.decode() and 'dir="rtl"' in framed.content.decode()
    policy = framed.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox ") and "frame-ancestors 'self'" in policy and "script" not in policy
    assert "same-origin" not in policy and '<head><base target="_blank">' in framed.content.decode()
    assert framed.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_the_way_to_preflight_saves_first(rosa: Shop) -> None:
    address = reverse("campaign", args=[rosa.campaign.pk])
    page = rosa.client.get(address).content.decode()
    assert reverse("preflight", args=[rosa.campaign.pk]) not in page  # a link would lose what was typed
    given = {"name": "Roses", "language": "en", "markup": "markdown", "preflight": "1"}
    answer = rosa.client.post(address, given)
    assert answer.headers["Location"] == reverse("preflight", args=[rosa.campaign.pk])
    rosa.campaign.refresh_from_db()
    assert rosa.campaign.name == "Roses"


def test_a_launched_campaign_can_be_written_anew(rosa: Shop) -> None:
    Campaign.objects.filter(pk=rosa.campaign.pk).update(state=Campaign.State.LAUNCHED)
    copy = reverse("campaign_copy", args=[rosa.campaign.pk])
    assert copy in rosa.client.get(reverse("campaign", args=[rosa.campaign.pk])).content.decode()
    answer = rosa.client.post(copy)
    made = Campaign.objects.exclude(pk=rosa.campaign.pk).get()
    assert answer.headers["Location"] == reverse("campaign", args=[made.pk])
    assert (made.state, made.body, made.topic) == (Campaign.State.DRAFT, rosa.campaign.body, rosa.topic)
    assert made.name == "Mother's Day of Rosa, a copy"


@pytest.mark.usefixtures("_a_known_domain")
def test_preflight_of_a_launched_campaign_leads_on_to_a_copy(rosa: Shop) -> None:
    address = reverse("preflight", args=[rosa.campaign.pk])
    copy = reverse("campaign_copy", args=[rosa.campaign.pk])
    assert copy not in rosa.client.get(address).content.decode()
    Campaign.objects.filter(pk=rosa.campaign.pk).update(state=Campaign.State.LAUNCHED)
    assert copy in rosa.client.get(address).content.decode()


def test_a_network_that_dns_does_not_tell_yet_has_a_name_for_people() -> None:
    assert (own_letters("unlocated"), own_letters("xn--mgbh0fb.example")) == ("Not found in DNS yet", "مثال.example")


def test_a_broken_tag_is_told_with_its_place(rosa: Shop) -> None:
    Campaign.objects.filter(pk=rosa.campaign.pk).update(body="one\n\n{{ name")
    answer = rosa.client.get(reverse("campaign_preview", args=[rosa.campaign.pk]), follow=True)
    assert "The text of the message cannot be used, line 3" in answer.content.decode()


@pytest.fixture
def _a_known_domain(settings: Settings) -> None:
    """Where Layla's and Rosa's mail goes was looked up a moment ago; nobody is asked again."""
    settings.RIDA_RESOLVER = ("127.0.0.1", 9)
    host = MailHost("mx.flowers.example", 10, ("192.0.2.1",))
    assign("flowers.example", Found("flowers.example", (host,), implicit=False, ttl=3600), now())


@pytest.mark.usefixtures("_a_known_domain")
def test_preflight_shows_the_price_and_the_time_and_the_button_launches(rosa: Shop) -> None:
    looked = rosa.client.get(reverse("preflight", args=[rosa.campaign.pk])).content.decode()
    assert "53,088" in looked and "mx.flowers.example" in looked
    assert reverse("campaign_launch", args=[rosa.campaign.pk]) in looked
    answer = rosa.client.post(reverse("campaign_launch", args=[rosa.campaign.pk]))
    made = Launch.objects.get()
    assert answer.headers["Location"] == reverse("launch", args=[made.pk])
    for change, state in [("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")]:
        assert rosa.client.get(reverse("launch_change", args=[made.pk, change])).status_code in {200, 302}
        rosa.client.post(reverse("launch_change", args=[made.pk, change]))
        made.refresh_from_db()
        assert made.state == state
    late = rosa.client.post(reverse("launch_change", args=[made.pk, "pause"]), follow=True).content.decode()
    assert "cannot be done while the campaign is cancelled" in late


@pytest.mark.usefixtures("_a_known_domain")
def test_a_blocked_campaign_offers_no_button_and_a_forced_press_is_refused(rosa: Shop) -> None:
    Campaign.objects.filter(pk=rosa.campaign.pk).update(message_class="")
    looked = rosa.client.get(reverse("preflight", args=[rosa.campaign.pk])).content.decode()
    assert "Say what kind of message this is" in looked
    assert reverse("campaign_launch", args=[rosa.campaign.pk]) not in looked
    forced = rosa.client.post(reverse("campaign_launch", args=[rosa.campaign.pk]), follow=True).content.decode()
    assert "The campaign cannot be launched yet" in forced
    assert not Launch.objects.exists()


@pytest.mark.usefixtures("_a_known_domain")
def test_a_test_goes_to_ones_own_address_and_is_a_launch_of_its_own(rosa: Shop) -> None:
    answer = rosa.client.post(reverse("campaign_test", args=[rosa.campaign.pk]), follow=True)
    assert "The test is on its way to rosa@flowers.example" in answer.content.decode()
    assert list(Delivery.objects.values_list("address", flat=True)) == ["rosa@flowers.example"]
    rosa.campaign.refresh_from_db()
    assert rosa.campaign.state == Campaign.State.DRAFT


def test_a_launch_tells_why_copies_were_withheld(rosa: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    examine(rosa.campaign, rosa.owner, now())
    made = launch(rosa.campaign, rosa.owner, now())
    monkeypatch.setattr(launches, "totals", lambda _: Totals(queued=3, withheld=3))
    monkeypatch.setattr(launches, "withheld", lambda _: [("header_line_break", 2), ("withdrawn", 1)])
    page = rosa.client.get(reverse("launch", args=[made.pk])).content.decode()
    assert "take it out of the contact&#x27;s data" in page and "Unsubscribed" in page


def test_a_broken_tag_is_told_in_the_language_of_the_reader(rosa: Shop) -> None:
    Campaign.objects.filter(pk=rosa.campaign.pk).update(body="{% if name %}")
    rosa.client.cookies["django_language"] = "ar"
    page = rosa.client.get(reverse("campaign_preview", args=[rosa.campaign.pk]), follow=True).content.decode()
    assert "\u2068if\u2069" in page and "not closed" not in page


def test_a_message_without_a_sender_says_so_and_sends_no_test(rosa: Shop) -> None:
    Campaign.objects.filter(pk=rosa.campaign.pk).update(identity=None)
    answer = rosa.client.post(reverse("campaign_test", args=[rosa.campaign.pk]), follow=True)
    page = answer.content.decode()
    assert "address cannot be used" in page and "Send me a test" not in page
    assert not rosa.campaign.launches.exists()


def test_a_column_of_ones_own_is_offered_and_asked_for_by_its_whole_name(rosa: Shop) -> None:
    Attribute.objects.create(workspace=rosa.workspace, name="favourite", kind="text")
    Campaign.objects.filter(pk=rosa.campaign.pk).update(body="{{ favourite }}")
    page = rosa.client.get(reverse("campaign", args=[rosa.campaign.pk])).content.decode()
    assert "Columns of your own: {{ attributes.favourite }}" in page
    rosa.campaign.refresh_from_db()
    told = [say.finding(found) for found in findings_of(examine(rosa.campaign, None, now()))]
    assert "“favourite” is a column of your own. Write it as {{ attributes.favourite }}." in told


def test_preflight_offers_no_launch_that_reaches_nobody(rosa: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "forecast_of", lambda *_: [])
    page = rosa.client.get(reverse("preflight", args=[rosa.campaign.pk])).content.decode()
    assert "1 of them cannot be reached" in page and "Nothing would leave." in page
    assert reverse("campaign_launch", args=[rosa.campaign.pk]) not in page


def test_preflight_leads_to_the_page_where_a_finding_is_mended(rosa: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "forecast_of", lambda *_: [])
    rosa.client.post(reverse("identity", args=[rosa.identity.pk]), {"name": "R", "from_address": "r@r.example",
                     "language": "en", "organisation": "R"})  # fmt: skip
    page = rosa.client.get(reverse("preflight", args=[rosa.campaign.pk])).content.decode()
    assert re.findall(r'href="([^"]+)">Open the sender', page) == [reverse("identity", args=[rosa.identity.pk])]


def test_two_topics_never_share_a_name(rosa: Shop) -> None:
    page = rosa.client.post(reverse("topics"), {"name": rosa.topic.name.upper()}).content.decode()
    assert "There is a topic of this name already." in page and rosa.workspace.topic_set.count() == 1


def test_a_console_without_people_says_where_they_come_from(rosa: Shop) -> None:
    assert "Nobody found." in rosa.client.get(reverse("people"), {"q": "zzz"}).content.decode()
    Contact.objects.all().delete()
    assert "Nobody is here yet." in rosa.client.get(reverse("people")).content.decode()


def test_a_contact_shows_what_was_allowed_and_how_it_is_proved(rosa: Shop) -> None:
    found = rosa.client.get(reverse("people"), {"q": "layla"}).content.decode()
    assert reverse("person", args=[rosa.person.pk]) in found
    page = rosa.client.get(reverse("person", args=[rosa.person.pk])).content.decode()
    assert "Confirmed the sign-up" in page and "Double opt-in · E4" in page and "shop" in page


def test_a_field_that_is_wrong_points_to_its_hint_and_its_mistake(rosa: Shop) -> None:
    page = rosa.client.post(reverse("identity_new"), {"country": "Egypt"}).content.decode()
    (field,) = re.findall(r'<input[^>]+name="country"[^>]*>', page)
    assert "is-invalid" in field and 'aria-invalid="true"' in field and 'dir="auto"' in field
    for told in re.findall(r'aria-describedby="([^"]+)"', field)[0].split():
        assert f'id="{told}"' in page


def test_the_menu_marks_where_one_is(rosa: Shop) -> None:
    page = rosa.client.get(reverse("campaign", args=[rosa.campaign.pk])).content.decode()
    assert re.findall(r'aria-current="page" href="([^"]+)"', page) == [reverse("campaigns")]
