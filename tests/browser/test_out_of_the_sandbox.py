"""Out of the sandbox as a person lives it: a relay of others with TLS and a password, a DNS server that holds what the
person publishes, a browser in both languages and two widths.

Pictures go to build/out-of-the-sandbox/<language>, to be looked at.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from rida.delivery.tests.authority import authority
from rida.dns.tests.zone import Server, served
from tests.browser.visitor import Visitor, visitor
from tests.installation import first_link, free_port, installation
from tests.relay import HOST, Account, relay

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
PICTURES = Path(__file__).parents[2] / "build/out-of-the-sandbox"
QUICK = {"RIDA_RETRY_SECONDS": "120", "RIDA_LEASE_SECONDS": "5", "RIDA_LAB_NETS": "127.0.0.0/8"}
DOMAIN, HELO = "iris-flowers.example", "mail.iris-flowers.example"
PASSWORD = "forty tulips"
ZONE = {f"{HELO} A": ["127.0.0.1"], f"{DOMAIN} MX": [f"10 {HELO}."]}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium here; Debian's package `chromium` has it"),
]


@dataclass(frozen=True, slots=True)
class Stage:
    person: Visitor
    link: str
    zone: Server
    relay_port: int
    account: Account


@pytest.mark.parametrize("language", ["en", "ar"])
def test_out_of_the_sandbox(language: str, tmp_path: Path) -> None:
    with _stage(language, tmp_path) as stage:
        _come_in(stage, language)
        _choose_a_relay(stage)
        _publish_records(stage)
        _try_a_wrong_password(stage)
        _mend_it_and_try_again(stage)
        _approve(stage)
        _go_back(stage)
        _name_this_machine(stage)
        assert stage.person.complaints == []


@contextmanager
def _stage(language: str, folder: Path) -> Iterator[Stage]:
    account = Account(password=PASSWORD)
    with (
        served(dict(ZONE)) as zone,
        relay(account) as port,
        installation(
            folder, free_port(), "--without-town", RIDA_RESOLVER=f"{zone.address[0]}:{zone.address[1]}", **QUICK
        ) as process,
        visitor(CHROMIUM, language, PICTURES / language) as person,
    ):
        yield Stage(person, first_link(process), zone, port, account)


def _come_in(stage: Stage, language: str) -> None:
    person, name = stage.person, {"en": "Iris Flowers", "ar": "ورود ياسمين"}[language]
    person.page.goto(stage.link)
    person.fill(name=name, email=f"iris@{DOMAIN}", password="a bouquet of 12 peonies")
    person.fill(workspace_name=name, topic_name="Offers")
    person.choose(language=language)
    person.send()
    person.page.goto(_at(person, "/senders/new"))
    person.fill(name=name, from_address=f"hello@{DOMAIN}", organisation=name)
    person.fill(street="12 Rose Street", postal_code="97201", city="Portland", region="Oregon", country="US")
    person.page.check("[name=confirmed]")
    person.send()


def _choose_a_relay(stage: Stage) -> None:
    person = stage.person
    person.page.click("nav a[href$='/out']")
    assert _states(person) == ["todo", "later", "later", "later", "later"]
    person.look("01-sandbox")
    person.page.click("a[href='?way=relay#step-route']")
    person.fill(host=HOST, port="465", user="rosa", password="roses", include="", addresses="127.0.0.1", name="here")
    person.send("#relay")
    assert person.page.locator("#relay .is-invalid").count() == 2
    person.look("02-mistakes")
    person.fill(port=str(stage.relay_port), password="roses", name=HELO, hour="300")
    person.page.click("#relay summary")
    person.fill(authority=authority().pem)
    person.look("03-relay")
    person.send("#relay")


def _publish_records(stage: Stage) -> None:
    """What the page shows, and nothing else, goes into DNS: one record wrong at first."""
    person = stage.person
    person.page.wait_for_selector("[data-record=dkim]")  # DNS is asked by itself the first time
    assert _states(person)[:2] == ["done", "wait"]
    person.look("04-records")
    person.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    person.page.locator("[data-record=dmarc] [data-copy$=value]").click()
    assert person.page.evaluate("navigator.clipboard.readText()") == "v=DMARC1; p=none"
    records = dict(filter(None, map(_record, person.page.locator("[data-record]").all())))
    dkim = next(key for key in records if "_domainkey" in key)
    stage.zone.rows.update({**records, dkim: ["v=DKIM1; p="]})
    _check(person, "error")
    person.look("05-a-wrong-record")
    stage.zone.rows[dkim] = records[dkim]
    _check(person, "done")


def _record(row: object) -> tuple[str, list[str]] | None:
    fields = row.locator("input, textarea")  # type: ignore[attr-defined]
    if not fields.count():
        return None
    kind = row.locator(".form-control-plaintext").text_content().strip()  # type: ignore[attr-defined]
    return f"{fields.nth(0).input_value()} {kind}", [fields.nth(1).input_value()]


def _check(person: Visitor, state: str) -> None:
    person.page.click("#step-dns form button[type=submit]")
    person.page.wait_for_selector(f"#step-dns[data-state={state}]")


def _try_a_wrong_password(stage: Stage) -> None:
    person = stage.person
    person.page.wait_for_selector("#step-trial[open] form")
    person.look("06-ready-to-send")
    person.page.click("#step-trial form button[type=submit]")
    person.page.wait_for_selector("#trial[data-outcome=DEFERRED]", timeout=30_000)
    assert "AUTH PLAIN •••" in (person.page.text_content(".dialogue") or "")
    person.look("07-login-refused")


def _mend_it_and_try_again(stage: Stage) -> None:
    person = stage.person
    person.page.click(".alert a[href*='way=relay']")
    assert person.page.input_value("[name=password]") == ""
    person.fill(password=PASSWORD)
    person.send("#relay")
    _check_anew(person)
    person.page.click("#step-trial form button[type=submit]")
    person.page.wait_for_selector("#trial .spinner-border")
    person.look("08-on-its-way")
    person.page.wait_for_selector("#step-trial[data-state=done]", timeout=40_000)
    person.page.click("#step-trial > summary")
    said = person.page.text_content(".dialogue") or ""
    assert "TLSv1.3" in said and "250 2.6.0 taken" in said and PASSWORD not in person.page.content()
    assert [envelope.rcpt_tos for envelope in stage.account.taken] == [[f"iris@{DOMAIN}"]]
    person.look("09-accepted")


def _check_anew(person: Visitor) -> None:
    """Another door: what was said of the records before is asked again, by itself."""
    person.page.wait_for_selector("#step-dns[data-state=done]")


def _approve(stage: Stage) -> None:
    person = stage.person
    person.page.check("#step-approve input[type=checkbox]")
    person.look("10-approve")
    person.send("#step-approve form")
    assert _states(person) == ["done"] * 5
    person.look("11-done")
    person.page.goto(_at(person, "/networks"))
    person.look("12-networks")
    person.page.goto(_at(person, "/launches/2"))
    person.look("13-launch")


def _go_back(stage: Stage) -> None:
    person = stage.person
    person.page.goto(_at(person, "/out/back"))
    person.look("14-back")
    person.send("main form:not([action])")
    assert _states(person)[0] == "todo"


def _name_this_machine(stage: Stage) -> None:
    person = stage.person
    person.page.goto(_at(person, "/out?way=direct"))
    person.fill(name=HELO, public_addresses="127.0.0.1")
    person.look("15-direct")
    person.send("#direct")
    person.page.wait_for_selector("[data-record=ptr]")
    person.look("16-its-name")
    person.page.goto(_at(person, "/"))
    person.look("17-home")


def _states(person: Visitor) -> list[str | None]:
    return [step.get_attribute("data-state") for step in person.page.locator("#steps > details").all()]


def _at(person: Visitor, path: str) -> str:
    return "/".join(person.page.url.split("/")[:3]) + path
