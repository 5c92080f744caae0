"""The story of the demonstration, told with the services that the console uses. Import it once Django is ready."""

import re
import secrets
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from django.conf import settings

from rida.accounts.models import User, Workspace
from rida.accounts.services import create_owner, workspace_of
from rida.audience.models import Topic
from rida.audience.services import add_topic, run_import, start_import
from rida.campaign.models import Campaign, Identity
from rida.cli.demo_customers import arabic_file, customers, english_file
from rida.kernel.clock import elapsed_seconds, now
from rida.outbox.links import Copy, Links
from rida.outbox.models import Delivery, Launch
from rida.outbox.services import examine, forecast_of, launch
from rida.reports.queries import totals
from rida.shaping.models import Budget
from rida.town.counters import by_network
from rida.town.events import read_events
from rida.town.inbox import Inboxes

_GIVE_UP_SECONDS = 75
_LONGEST_SECONDS = 115
_EARLY_READER = "customer1@rose-mail.example"
_WAITING_READER = "customer198@cedar-webmail.test"
_BODY = """\
Dear {{ first_name | default("friend") }},

Mother's Day is **this Sunday**. Order by Friday noon, and we bring your flowers on Sunday morning,
with a card in your own words.

[Choose a bouquet](https://warda-flowers.example/mothers-day)

With love from all of us at Warda Flowers
"""


@dataclass(slots=True)
class Story:
    home: Path
    workspace: Workspace
    owner: User
    topic: Topic
    window_seconds: float
    started_at: float
    imported: int = 0
    refused_rows: int = 0
    unsubscribed: int = 0

    @classmethod
    def begin(cls, home: Path, window_seconds: float) -> "Story":
        owner = create_owner(
            email="warda@rose-mail.example",
            name="Warda",
            password=secrets.token_urlsafe(12),
            workspace_name="Warda Flowers",
            language="en",
        )
        workspace = workspace_of(owner)
        assert workspace is not None
        topic = add_topic(workspace, "reminders", "Flower reminders")
        return cls(home, workspace, owner, topic, window_seconds, elapsed_seconds())

    def tell(self) -> dict[str, Any]:
        self._import_customers()
        campaign = self._write_reminder()
        self._look_ahead(campaign)
        launch = self._launch(campaign)
        self._watch(launch)
        return self._figures(launch)

    def _import_customers(self) -> None:
        people = customers()
        files = {
            "customers.csv": english_file([row for row in people if not row.arabic]),
            "عملاء.csv": arabic_file([row for row in people if row.arabic]),
        }
        for name, content in files.items():
            path = self.home / name
            path.write_bytes(content)
            begun = start_import(self.workspace, self.owner, path, name, topic=self.topic, now=now())
            done = run_import(begun.pk, now())
            self.imported += done.imported
            self.refused_rows += done.refused
            click.echo(f"  {name} ({done.charset}): {done.imported} imported, {done.refused} refused with a reason")

    def _write_reminder(self) -> Campaign:
        identity = Identity.objects.create(
            workspace=self.workspace,
            name="Warda Flowers",
            from_address="hello@warda-flowers.example",
            reply_to="hello@warda-flowers.example",
            organisation="Warda Flowers LLC",
            street="12 Rose Street",
            postal_code="10001",
            city="New York",
            region="NY",
            country="US",
            address_confirmed_at=now(),
        )
        return Campaign.objects.create(
            workspace=self.workspace,
            name="Mother's Day reminder",
            identity=identity,
            topic=self.topic,
            message_class="commercial",
            subject="Mother's Day is this Sunday, {{ first_name | default('friend') }}",
            preheader="Order by Friday noon",
            body=_BODY,
            give_up_hours=_GIVE_UP_SECONDS / 3600,
        )

    def _look_ahead(self, campaign: Campaign) -> None:
        report = examine(campaign, self.owner, now())
        for finding in report.findings:
            click.echo(f"  preflight {finding['rule']}: {finding['severity']} {finding['code']}")
        click.echo(
            f"  preflight: {report.recipients} recipients; a mistake could cost up to ${report.exposure_usd:,} "
            f"(${report.penalty_usd:,} each)"
        )
        for row in forecast_of(campaign, now()):
            seconds = "held" if row.hours is None else f"{row.hours * 3600:.0f} s"
            click.echo(f"  forecast {row.network}: {row.n} messages, {row.r} a window, {seconds}")

    def _launch(self, campaign: Campaign) -> Launch:
        click.echo("  launched")
        return launch(campaign, self.owner, now())

    def _watch(self, launch: Launch) -> None:
        """Until every copy has an outcome; two people leave meanwhile."""
        deadline = self.started_at + _LONGEST_SECONDS
        told = 0.0
        while elapsed_seconds() < deadline:
            launch.refresh_from_db()
            if launch.finished_at:
                return
            self._let_people_leave(launch)
            if elapsed_seconds() - told > 5:
                told = elapsed_seconds()
                _print_progress(launch.pk, told - self.started_at)
            time.sleep(0.25)

    def _let_people_leave(self, launch: Launch) -> None:
        """One reader whose copy still waits, and one with the link of the letter just received."""
        if self.unsubscribed == 0 and _leave_waiting(self.workspace.pk, launch.pk):
            self.unsubscribed += 1
        if self.unsubscribed == 1 and _leave_by_letter(self.home):
            self.unsubscribed += 1

    def _figures(self, launch: Launch) -> dict[str, Any]:
        total = totals(launch.pk)
        tallies = by_network(read_events(self.home / "town"), self.window_seconds)
        limit = Budget.objects.filter(source=None).order_by("pk").first()
        assert limit is not None
        return {
            "window_seconds": self.window_seconds,
            "imported": self.imported,
            "refused_rows": self.refused_rows,
            "queued": total.queued,
            "accepted": total.accepted,
            "deferred_attempts": total.deferred_attempts,
            "bounced": total.bounced,
            "withheld": total.withheld,
            "expired": total.expired,
            "cancelled": total.cancelled,
            "doubtful": total.doubtful,
            "unsubscribed_during_send": self.unsubscribed,
            "max_in_window_by_network": {name: tally.max_in_window for name, tally in sorted(tallies.items())},
            "max_at_once_by_network": {name: tally.max_at_once for name, tally in sorted(tallies.items())},
            "bulk_cap": limit.r - limit.r // 10,
            "seconds": round(elapsed_seconds() - self.started_at, 1),
        }


def _leave_waiting(workspace_id: int, launch_id: int) -> bool:
    """A reader whose copy still waits opens the page and presses its one button."""
    waiting = Delivery.objects.filter(tranche__launch=launch_id, address=_WAITING_READER).first()
    if waiting is None:
        return False
    copy = Copy(workspace_id, waiting.tranche_id, waiting.n, bytes(waiting.address_hash))
    link = Links(settings.RIDA_URL, settings.RIDA_SECRETS).leave(copy)
    with urllib.request.urlopen(link, timeout=10) as page:  # noqa: S310 - our own address
        page.read()
    return _post(link, b"leave=1")


def _leave_by_letter(home: Path) -> bool:
    """The reader's mail program posts what the letter's List-Unsubscribe header says (RFC 8058)."""
    inboxes = Inboxes(home / "town")
    newest = next((inboxes.letter(letter.id) for letter in inboxes.letters(_EARLY_READER)), None)
    link = re.search(rb"List-Unsubscribe: <(.+?)>", newest.content.replace(b"\r\n ", b"")) if newest else None
    return link is not None and _post(link[1].decode(), b"List-Unsubscribe=One-Click")


def _post(url: str, form: bytes) -> bool:
    with urllib.request.urlopen(url, data=form, timeout=10) as answer:  # noqa: S310 - our own address
        status: int = answer.status
        return status == 200


def _print_progress(launch_id: int, seconds: float) -> None:
    total = totals(launch_id)
    click.echo(
        f"  {seconds:5.0f} s: {total.accepted} accepted, {total.waiting} waiting, {total.bounced} bounced, "
        f"{total.deferred_attempts} deferrals"
    )
