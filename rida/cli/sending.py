"""`rida send`: preflight, forecast, a question, launch."""

import click

from rida.cli.reading import the_campaign
from rida.kernel.clock import now
from rida.outbox.services import examine, forecast_of, launch
from rida.shaping.services import total_hours


def send_campaign(number: int, *, ask: bool) -> None:
    """Raises LaunchBlocked with what to mend."""
    campaign = the_campaign(number)
    report = examine(campaign, None, now())
    for finding in report.findings:
        click.echo(f"{finding['severity']:<5} {finding['rule']:<4} {finding['code']}")
    hours = total_hours(forecast_of(campaign, now()))
    ends = "held: no end in sight" if hours is None else f"done after about {hours:.1f} hours"
    click.echo(f"{report.recipients:,} recipients, {ends}.")
    click.echo(f"If this broke the law, it could cost up to ${report.exposure_usd:,} (${report.penalty_usd:,} each).")
    if ask and not click.confirm("Launch?"):
        return
    made = launch(campaign, None, now())
    click.echo(f"Launched as number {made.pk}. See `rida status`.")
