"""Commands that look: import a file, one person, a forecast, the state of things."""

from dataclasses import asdict
from pathlib import Path

import click

from rida.accounts.models import Workspace
from rida.audience.models import Import, Topic
from rida.audience.services import failure_of, refused_report_path, run_import, start_import
from rida.campaign.models import Campaign
from rida.cli.measuring import show
from rida.kernel.address import parse
from rida.kernel.clock import now
from rida.kernel.errors import NoSuchThing
from rida.outbox.models import Launch
from rida.outbox.services import account_forecast_of, forecast_of
from rida.permission.services import history
from rida.reports.queries import totals
from rida.shaping.services import ForecastRow, total_hours


def the_workspace(slug: str) -> Workspace:
    """The one of that short name; without a name the only one there is. Raises NoSuchThing."""
    found = Workspace.objects.filter(slug=slug) if slug else Workspace.objects.all()
    if found.count() != 1:
        names = ", ".join(Workspace.objects.values_list("slug", flat=True)) or "none yet: log in first"
        raise NoSuchThing(what="workspace", name=slug, hint=f"Name one with --workspace ({names}).")
    return found.get()


def the_campaign(number: int) -> Campaign:
    """Raises NoSuchThing."""
    found = Campaign.objects.filter(pk=number).first()
    if found is None:
        known = ", ".join(f"{row.pk} ({row.name})" for row in Campaign.objects.order_by("-pk")[:5]) or "none yet"
        raise NoSuchThing(what="campaign", name=number, hint=f"The newest are: {known}.")
    return found


def import_file(file: Path, workspace: str, topic: str, basis: str, statement: str) -> None:
    """Raises what `start_import` and `run_import` raise, and what made the import fail half-way."""
    owner = the_workspace(workspace)
    begun = start_import(
        owner,
        None,
        file,
        file.name,
        topic=_topic(owner, topic),
        basis=basis,
        mapping=None,
        statement=statement,
        now=now(),
    )
    done = run_import(begun.pk, now(), progress=_tell)
    click.echo(f"\r{done.rows:,} rows: {done.imported:,} new, {done.updated:,} updated, {done.refused:,} refused")
    if done.refused and refused_report_path(done).exists():
        click.echo(f"Each refused row with its reason: {refused_report_path(done)}")
    if failure := failure_of(done):
        raise failure


def _topic(workspace: Workspace, slug: str) -> Topic:
    topics = Topic.objects.filter(workspace=workspace).order_by("pk")
    found = (topics.filter(slug=slug) if slug else topics).first()
    if found is None:
        known = ", ".join(topics.values_list("slug", flat=True)) or "none yet"
        raise NoSuchThing(what="topic", name=slug, hint=f"There are: {known}.")
    return found


def _tell(row: Import) -> None:
    share = row.bytes_read / row.bytes_total if row.bytes_total else 0
    click.echo(f"\r{row.rows:,} rows, {share:.0%} of the file", nl=False)


def show_person(address: str, workspace: str) -> None:
    lines = history(the_workspace(workspace).pk, parse(address))
    if not lines:
        click.echo(f"Nothing is known of {address}, so nothing can be sent there.")
    for line in lines:
        ground = f" on the ground of {line.basis} (E{int(line.grade)}, {line.basis_at:%Y-%m-%d})" if line.basis else ""
        click.echo(f"{line.recorded_at:%Y-%m-%d %H:%M}  {line.kind} for “{line.purpose}”{ground}")


def show_forecast(campaign: int) -> None:
    rows = all_forecasts(the_campaign(campaign))
    for row in rows:
        hours = "held" if row.hours is None else f"{row.hours:.1f} h"
        click.echo(f"{row.network:<50} {row.n:>9,} messages  {row.r:>5} an hour  {hours:>10}")
    if (hours_in_all := total_hours(rows)) is not None:
        click.echo(f"The last message leaves after {hours_in_all:.1f} hours.")


def all_forecasts(campaign: Campaign) -> list[ForecastRow]:
    """Of every network, then of the relay's account, if it has limits of its own."""
    rows = forecast_of(campaign, now())
    account = account_forecast_of(campaign, sum(row.n for row in rows), now())
    return [*rows, account] if account else rows


def show_status(*, as_json: bool) -> None:
    launches = Launch.objects.filter(finished_at=None).select_related("campaign").order_by("pk")
    if not launches and not as_json:
        click.echo("Nothing is being sent.")
    for launch in launches:
        name = launch.campaign.name if launch.campaign else launch.kind
        show({"launch": launch.pk, "name": name, "state": launch.state, **asdict(totals(launch.pk))}, as_json=as_json)
