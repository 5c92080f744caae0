"""The first hour as a person lives it: `rida up`, a real browser, every page in both languages and two widths.

Pictures go to build/first-hour/<language>, to be looked at.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from rida.cli.demo_customers import arabic_file, customers, english_file
from tests.browser.visitor import Visitor, visitor
from tests.installation import first_link, free_port, installation

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
NEVER_OPEN = "sunset-closed"
"""Its mail is tried again for three days; nobody waits for that here."""
PICTURES = Path(__file__).parents[2] / "build/first-hour"
NO_LIMIT_IN_OUR_WAY = {"RIDA_WINDOW_SECONDS": "6", "RIDA_RETRY_SECONDS": "2,3", "RIDA_LEASE_SECONDS": "5"}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium here; Debian's package `chromium` has it"),
]


@dataclass(frozen=True, slots=True)
class Words:
    """What the florist types, in the language of the pages."""

    name: str
    shop: str
    topic: str
    sender: str
    city: str
    region: str
    country: str
    subject: str
    preheader: str
    body: str


SAID = {
    "en": Words(
        "Iris Bloom",
        "Iris Flowers",
        "Reminders",
        "Iris of Iris Flowers",
        "Portland",
        "Oregon",
        "US",
        "{{ first_name|default('Dear friend') }}, Mother's Day is on Sunday",
        "Order by Thursday and we bring it in the morning",
        "Dear {{ first_name|default('friend') }},\n\n**Mother's Day is this Sunday.** Last year you chose roses.\n\n"
        "- Peonies from 32\n- Wild flowers from 28\n\n[See this year's bouquets](https://iris.example/bouquets)",
    ),
    "ar": Words(
        "ياسمين الورد",
        "ورود ياسمين",
        "التذكيرات",
        "ياسمين من ورود ياسمين",
        "القاهرة",
        "القاهرة",
        "EG",
        "{{ first_name|default('صديقنا') }}، عيد الأم يوم الأحد",
        "اطلبوا قبل الخميس نوصلها صباحا",
        "مرحبا {{ first_name|default('صديقنا') }}،\n\n**عيد الأم يوم الأحد القادم.** اخترتم العام الماضي باقة ورد.\n\n"
        "- زهور الفاوانيا من 32\n- أزهار برية من 28\n\n[باقات هذا العام](https://iris.example/bouquets)",
    ),
}


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_first_hour(language: str, tmp_path: Path) -> None:
    with _house(language, tmp_path) as (person, link):
        _come_in(person, link, SAID[language])
        _import_people(person, language)
        _say_who_sends(person, SAID[language], language)
        _write(person, SAID[language], language)
        _launch(person)
        _watch_it_end(person)
        _read_the_mail_and_leave(person)
        _look_around(person)
        assert person.complaints == []


@contextmanager
def _house(language: str, folder: Path) -> Iterator[tuple[Visitor, str]]:
    with (
        installation(folder, free_port(), **NO_LIMIT_IN_OUR_WAY) as process,
        visitor(CHROMIUM, language, PICTURES / language) as person,
    ):
        yield person, first_link(process)


def _come_in(person: Visitor, link: str, words: Words) -> None:
    person.page.goto(link)
    person.look("01-welcome")
    person.fill(name=words.name, email="iris@flowers.internal", password="a bouquet of 12 peonies")
    person.fill(workspace_name=words.shop, topic_name=words.topic)
    language = "ar" if person.direction == "rtl" else "en"
    person.choose(language=language)
    person.send()
    person.look("02-home")


def _import_people(person: Visitor, language: str) -> None:
    rows = [row for row in customers() if row.arabic == (language == "ar") and NEVER_OPEN not in row.email][:150]
    content = arabic_file(rows) if language == "ar" else english_file(rows)
    person.page.click("main a[href$='/imports']")
    person.look("03-import")
    person.page.set_input_files("[name=file]", {"name": "customers.csv", "mimeType": "text/csv", "buffer": content})
    person.send()
    person.page.check("[name=basis][value=customer]")
    person.look("04-columns")
    person.send()
    person.page.wait_for_selector("main a[href$='/senders/new']")
    person.look("05-imported")


def _say_who_sends(person: Visitor, words: Words, language: str) -> None:
    person.page.goto(_at(person, "/senders/new"))
    person.fill(name=words.sender, from_address="hello@iris-flowers.example", organisation=words.shop)
    person.fill(street="12 Rose Street", postal_code="97201", city=words.city)
    person.fill(region=words.region, country=words.country)
    person.choose(language=language)
    person.page.check("[name=confirmed]")
    person.look("06-sender")
    person.send()


def _write(person: Visitor, words: Words, language: str) -> None:
    person.page.goto(_at(person, "/campaigns/new"))
    person.fill(name=words.topic, subject=words.subject, preheader=words.preheader, body=words.body)
    person.choose(identity="1", topic="1", message_class="commercial", language=language, markup="markdown")
    person.look("07-campaign")
    with person.page.expect_navigation():
        person.page.click("button[name=preview]")
    person.look("08-preview")
    person.send("form[action$='/test']")
    person.page.wait_for_selector("[data-state=finished]", timeout=30_000)
    person.look("09-test")


def _launch(person: Visitor) -> None:
    person.page.goto(_at(person, "/campaigns/1/preflight"))
    person.look("10-preflight")
    person.page.check("form[action$='/launch'] input[type=checkbox]")
    person.send("form[action$='/launch']")
    person.page.wait_for_selector("form[action$='/pause']")
    person.look("11-running")
    person.send("form[action$='/pause']")
    person.look("12-paused")
    person.send("form[action$='/resume']")


def _watch_it_end(person: Visitor) -> None:
    """The page follows by itself: nobody reloads it."""
    person.page.wait_for_selector("[data-state=finished]", timeout=90_000)
    person.look("13-finished")


def _read_the_mail_and_leave(person: Visitor) -> None:
    person.page.goto(_at(person, "/town"))
    person.look("14-inboxes")
    person.page.locator("main a[href*='to=customer']").first.click()
    person.page.locator("a[href*='/letter/']").first.click()
    person.look("15-letter")
    head = person.page.locator("details pre").text_content() or ""
    link = re.search(r"List-Unsubscribe: <([^>]+)>", re.sub(r"\r?\n[ \t]", "", head))
    assert link, head
    address = (person.page.locator("[data-recipient]").text_content() or "").strip()
    person.page.goto(link.group(1))
    person.look("16-leaving")
    person.send("form")
    person.look("17-left")
    person.page.goto(_at(person, f"/people?q={address}"))
    person.page.locator("main table a").first.click()
    person.look("18-person")


def _look_around(person: Visitor) -> None:
    for number, path in enumerate(("", "people", "topics", "senders", "campaigns", "networks"), 19):
        person.page.goto(_at(person, f"/{path}"))
        person.look(f"{number}-{path or 'home'}")


def _at(person: Visitor, path: str) -> str:
    return "/".join(person.page.url.split("/")[:3]) + path
