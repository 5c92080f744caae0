"""`rida demo`: a florist's Mother's Day reminder, from two CSV files to the last outcome, in a throw-away home.

Real processes, real sockets: a database, the town, the web pages and a worker. The rolling "hour" lasts 20 seconds here.
The figures at the end are counted by the ledger and, for the two limits, by the town's receivers.
"""

import json
import re
import secrets
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rida.cli.demo_customers import BUSY_NETWORK, arabic_file, customers, english_file
from rida.cli.laboratory import free_port, throw_away_home
from rida.kernel.clock import elapsed_seconds, now

if TYPE_CHECKING:
    from rida.accounts.models import User, Workspace
    from rida.campaign.models import Campaign
    from rida.outbox.models import Launch

WINDOW_SECONDS = 20
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


def run(*, as_json: bool, keep: bool) -> int:
    """Tells the story; 0 if every figure is as promised."""
    click.echo(f"A florist's reminder. The rolling “hour” lasts {WINDOW_SECONDS} s in this demonstration.")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    times = {"window_seconds": WINDOW_SECONDS, "retry_seconds": "4,8,12", "lease_seconds": 10}
    with throw_away_home("demo", keep=keep, url=url, **times) as home, _household(port):
        figures = Story.begin(home).tell()
    _print_table(figures)
    if as_json:
        click.echo(json.dumps(figures))
    return 0 if _as_promised(figures) else 1


@contextmanager
def _household(port: int) -> Iterator[None]:
    from rida.cli.household import Household

    household = Household.of_home(port)
    try:
        household.start()
        yield
    finally:
        household.stop()


@dataclass(slots=True)
class Story:
    home: Path
    workspace: "Workspace"
    owner: "User"
    started_at: float
    imported: int = 0
    refused_rows: int = 0
    unsubscribed: int = 0

    @classmethod
    def begin(cls, home: Path) -> "Story":
        from rida.accounts.services import create_owner

        owner = create_owner(
            email="warda@rose-mail.example",
            name="Warda",
            password=secrets.token_urlsafe(12),
            workspace_name="Warda Flowers",
            language="en",
        )
        membership = owner.memberships.select_related("workspace").get()
        return cls(home, membership.workspace, owner, elapsed_seconds())

    def tell(self) -> dict[str, Any]:
        self._import_customers()
        campaign = self._write_reminder()
        self._look_ahead(campaign)
        launch = self._launch(campaign)
        self._watch(launch)
        return self._figures(launch)

    def _import_customers(self) -> None:
        from rida.audience.services import run_import, start_import, topics

        people = customers()
        topic = topics(self.workspace)[0]
        files = {
            "customers.csv": english_file([row for row in people if not row.arabic]),
            "عملاء.csv": arabic_file([row for row in people if row.arabic]),
        }
        for name, content in files.items():
            path = self.home / name
            path.write_bytes(content)
            begun = start_import(
                self.workspace, self.owner, path, name, topic=topic, basis="", mapping=None, statement="", now=now()
            )
            done = run_import(begun.pk, now())
            self.imported += done.imported
            self.refused_rows += done.refused
            click.echo(f"  {name} ({done.charset}): {done.imported} imported, {done.refused} refused with a reason")

    def _write_reminder(self) -> "Campaign":
        from rida.audience.services import topics
        from rida.campaign.models import Campaign, Identity

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
            topic=topics(self.workspace)[0],
            message_class="commercial",
            subject="Mother's Day is this Sunday, {{ first_name | default('friend') }}",
            preheader="Order by Friday noon",
            body=_BODY,
            give_up_hours=_GIVE_UP_SECONDS / 3600,
        )

    def _look_ahead(self, campaign: "Campaign") -> None:
        from rida.outbox.services import examine, forecast_of

        report = examine(campaign, self.owner, now())
        for finding in report.findings:
            click.echo(f"  preflight {finding['rule']}: {finding['severity']} {finding['code']}")
        click.echo(
            f"  preflight: {report.recipients} recipients; a mistake could cost up to ${report.exposure_usd:,} "
            f"(${report.penalty_usd:,} each)"
        )
        for row in forecast_of(campaign, now()):
            click.echo(f"  forecast {row.network}: {row.n} messages, {row.r} a window, {row.hours * 3600:.0f} s")

    def _launch(self, campaign: "Campaign") -> "Launch":
        from rida.outbox.services import launch

        click.echo("  launched")
        return launch(campaign, self.owner, now())

    def _watch(self, launch: "Launch") -> None:
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

    def _let_people_leave(self, launch: "Launch") -> None:
        """One reader with the link of the letter just received, one with a link that an older letter held."""
        if self.unsubscribed == 0 and launch.queued and _leave_waiting(self.workspace.pk):
            self.unsubscribed += 1
        if self.unsubscribed == 1 and _leave_by_letter(self.home):
            self.unsubscribed += 1

    def _figures(self, launch: "Launch") -> dict[str, Any]:
        from rida.reports.queries import totals
        from rida.shaping.models import Budget
        from rida.town.counters import by_network
        from rida.town.events import read_events

        total = totals(launch.pk)
        tallies = by_network(read_events(self.home / "town"), WINDOW_SECONDS)
        limit = Budget.objects.filter(source=None).order_by("pk").first()
        assert limit is not None
        return {
            "window_seconds": WINDOW_SECONDS,
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


def _leave_waiting(workspace_id: int) -> bool:
    """A reader whose copy still waits opens the page and presses its one button."""
    from django.conf import settings

    from rida.kernel.address import parse
    from rida.outbox.links import Copy, Links
    from rida.permission.services import hash_of

    copy = Copy(workspace_id, 0, 0, hash_of(parse(_WAITING_READER)))
    link = Links(settings.RIDA_URL, settings.RIDA_SECRETS).leave(copy)
    with urllib.request.urlopen(link, timeout=10) as page:
        page.read()
    return _post(link, b"leave=1")


def _leave_by_letter(home: Path) -> bool:
    """The reader's mail program posts what the letter's List-Unsubscribe header says (RFC 8058)."""
    from rida.town.inbox import Inboxes

    letters = Inboxes(home / "town").letters(_EARLY_READER)
    link = re.search(rb"List-Unsubscribe: <(.+?)>", letters[0].content.replace(b"\r\n ", b"")) if letters else None
    return bool(link) and _post(link[1].decode(), b"List-Unsubscribe=One-Click")


def _post(url: str, form: bytes) -> bool:
    with urllib.request.urlopen(url, data=form, timeout=10) as answer:
        status: int = answer.status
        return status == 200


def _print_progress(launch_id: int, seconds: float) -> None:
    from rida.reports.queries import totals

    total = totals(launch_id)
    click.echo(
        f"  {seconds:5.0f} s: {total.accepted} accepted, {total.waiting} waiting, {total.bounced} bounced, "
        f"{total.deferred_attempts} deferrals"
    )


def _print_table(figures: Mapping[str, Any]) -> None:
    click.echo()
    for key, value in figures.items():
        if not isinstance(value, dict):
            click.echo(f"  {key:<26} {value:>8}")
    click.echo(f"\n  {'network (as its receivers counted)':<36} {'in a window':>11} {'at once':>8}")
    for name, most in figures["max_in_window_by_network"].items():
        click.echo(f"  {name:<36} {most:>11} {figures['max_at_once_by_network'][name]:>8}")


def _as_promised(figures: Mapping[str, Any]) -> bool:
    """Every copy has one outcome, no network saw more than its limit, and the busy one saw exactly the bulk cap."""
    outcomes = ("accepted", "bounced", "withheld", "expired", "cancelled", "doubtful")
    windows, at_once = figures["max_in_window_by_network"], figures["max_at_once_by_network"]
    checks = {
        "the outcomes sum to queued": sum(figures[name] for name in outcomes) == figures["queued"] > 0,
        "the busy network got exactly its bulk cap": windows.get(BUSY_NETWORK) == figures["bulk_cap"],
        "no network got more than 100 in a window": max(windows.values()) <= 100,
        "no network had more than 10 at once": max(at_once.values()) <= 10,
        "two people left, and it was heard": figures["unsubscribed_during_send"] == 2 and figures["withheld"] >= 1,
    }
    for what, kept in checks.items():
        if not kept:
            click.echo(f"NOT AS PROMISED: {what}", err=True)
    return all(checks.values())
