"""A person at the console: a real browser, one language, and a picture of each page."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page, sync_playwright

_DESKTOP = {"width": 1280, "height": 800}
_PHONE = {"width": 390, "height": 780}
# Debian's browser must neither ask the network nor keep a profile.
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_WIDER_THAN_ITS_WINDOW = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@dataclass  # no slots: Playwright marks the owner of a handler
class Visitor:
    page: Page
    pictures: Path
    direction: str
    complaints: list[str] = field(default_factory=list)
    """What the browser itself objected to: scripts, policy, files that are not there."""

    def look(self, name: str) -> None:
        """The page as a desktop and as a phone show it; neither may be wider than its window."""
        self._hold_the_page_to_its_word(name)
        for device, size in (("desktop", _DESKTOP), ("phone", _PHONE)):
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            if self.page.evaluate(_WIDER_THAN_ITS_WINDOW):
                self.complaints.append(f"{name}: wider than the window of a {device}")
            # caret: else Playwright leaves a style on each field, which htmx hands on, and the policy refuses.
            self.page.screenshot(path=self.pictures / f"{name}-{device}.png", full_page=True, caret="initial")
        self.page.set_viewport_size(_DESKTOP)  # type: ignore[arg-type]

    def _hold_the_page_to_its_word(self, name: str) -> None:
        if self.page.evaluate("document.documentElement.dir") != self.direction:
            self.complaints.append(f"{name}: not {self.direction}")

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.fill(f":is(input, textarea)[name={name}]", value)

    def choose(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.select_option(f"select[name={name}]", value)

    def send(self, form: str = "main form:not([action*=setlang])") -> None:
        """Press the first button of a form, and wait for the page that answers."""
        with self.page.expect_navigation():
            self.page.locator(f"{form} button[type=submit]").first.click()

    def note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")


@contextmanager
def visitor(chromium: str, language: str, pictures: Path) -> Iterator[Visitor]:
    """A fresh profile of the browser at path `chromium`, whose owner reads `language`."""
    pictures.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_QUIET)
        context = browser.new_context(locale=language, viewport=_DESKTOP)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        person = Visitor(context.new_page(), pictures, "rtl" if language == "ar" else "ltr")
        person.page.on("console", person.note)
        person.page.on("pageerror", lambda error: person.complaints.append(str(error)))
        try:
            yield person
        except BaseException:
            person.page.screenshot(path=pictures / "where-it-stopped.png", full_page=True)
            raise
        finally:
            browser.close()
