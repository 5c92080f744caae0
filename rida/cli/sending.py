"""`rida send`: preflight, forecast, a question, launch."""

import click

from rida.cli.reading import all_forecasts, the_campaign
from rida.console import say
from rida.kernel.clock import now
from rida.kernel.errors import LaunchBlocked
from rida.outbox.services import examine, launch
from rida.preflight.services import blocking, findings_of
from rida.shaping.services import total_hours


def send_campaign(number: int, *, ask: bool) -> None:
    """Tells what stands against it and what it would do, then launches. Raises LaunchBlocked."""
    campaign = the_campaign(number)
    report = examine(campaign, None, now())
    for found in findings_of(report):
        click.echo(f"{'stops' if found.blocks else 'look'}  {found.rule:<4} {say.finding(found)}")
    click.echo(f"{report.recipients:,} recipients, {_ends(total_hours(all_forecasts(campaign)))}.")
    click.echo(f"If this broke the law, it could cost up to ${report.exposure_usd:,} (${report.penalty_usd:,} each).")
    if blocking(report):
        raise LaunchBlocked(codes=", ".join(found.rule for found in blocking(report)))
    if ask and not click.confirm("Launch?"):
        return
    made = launch(campaign, None, now())
    click.echo(f"Launched as number {made.pk}. See `rida status`.")


def _ends(hours: float | None) -> str:
    return "held: no end in sight" if hours is None else f"done after about {hours:.1f} hours"
