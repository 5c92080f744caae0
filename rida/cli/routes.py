"""`rida route`: where a workspace's mail leaves, and one real message to try it, with what was said."""

import time

import click

from rida.accounts.models import Membership, Role, User, Workspace
from rida.campaign.models import Campaign, Identity
from rida.cli.reading import the_campaign, the_workspace
from rida.console import say, words
from rida.console.out_steps import way_of_workspace
from rida.console.trial_letter import send_short
from rida.delivery.trace import By, Line
from rida.kernel.clock import now
from rida.kernel.errors import NoSuchThing
from rida.outbox.models import Launch
from rida.outbox.services import test_send
from rida.reports.trials import Trial, trial_of
from rida.shaping.models import Departure
from rida.shaping.sources import caps_of, departure_of, held_because, source_of

_ALL_DONE = "All is done: launches leave into the world."
_ASK_SECONDS = 0.5
_MARKS = {By.US: "→", By.THEM: "←", By.NOTE: "·"}


def show(workspace: str) -> None:
    """The way, its caps, what was done on the way out, and whether it is held."""
    owner = the_workspace(workspace)
    source, departure = source_of(owner), departure_of(owner)
    click.echo(f"Mail of {owner.name} leaves by: {say.way(source)}.")
    if departure is not None:
        caps = caps_of(source)
        if caps.hour or caps.day:
            click.echo(f"At most {caps.hour or 'any number'} an hour, {caps.day or 'any number'} a day.")
        click.echo(_done(departure))
    step = way_of_workspace(owner, now()).turn
    click.echo(f"Next, on the page “Out of the sandbox”: {step.title}. {step.says}" if step else _ALL_DONE)
    if held := held_because(source, now()):
        click.echo(f"Held, because the relay refused our login: {held}")


def _done(departure: Departure) -> str:
    moments = {"chosen": departure.chosen_at, "tested": departure.tested_at, "approved": departure.approved_at}
    said = [f"{what} {at:%Y-%m-%d %H:%M}" if at else f"not {what} yet" for what, at in moments.items()]
    return f"{', '.join(said).capitalize()} (UTC)."


def test(workspace: str, campaign: int | None, user: str, seconds: float) -> int:
    """Send one message to the user's own address and print the dialogue. The exit code: 0 if it was accepted.

    Raises what `test_send` raises.
    """
    made = _sent(the_campaign(campaign) if campaign else None, workspace, user)
    click.echo(f"Test number {made.pk} leaves by: {say.way(made.source)}.")
    trial = _awaited(made, seconds)
    for line in trial.lines:
        click.echo(_spelled(line))
    click.echo(_conclusion(trial))
    return int(trial.outcome is None or trial.failed)


def _sent(campaign: Campaign | None, workspace: str, user: str) -> Launch:
    owner = campaign.workspace if campaign else the_workspace(workspace)
    person = _person(owner, user)
    if campaign:
        return test_send(campaign, person, now())
    sender = Identity.objects.filter(workspace=owner).order_by("pk").first()
    if sender is None:
        raise NoSuchThing(what="sender", name=owner.name, hint="Say on the page “Senders” who the mail is from.")
    return send_short(sender, person, now())


def _person(workspace: Workspace, email: str) -> User:
    """Whom to write to: the member of that address; without one the first owner of the workspace."""
    members = Membership.objects.filter(workspace=workspace).order_by("pk").select_related("user")
    found = members.filter(user__email=email.lower()) if email else members.filter(role=Role.OWNER)
    first = found.first()
    if first is None:
        known = ", ".join(members.values_list("user__email", flat=True)) or "none"
        raise NoSuchThing(what="user", name=email, hint=f"A test goes to somebody who logs in; there are: {known}.")
    return first.user


def _awaited(made: Launch, seconds: float) -> Trial:
    until = time.monotonic() + seconds
    while (trial := trial_of(made)).outcome is None and time.monotonic() < until:
        time.sleep(_ASK_SECONDS)
    return trial


def _spelled(line: Line) -> str:
    return f"{_MARKS[line.by]} {say.line(line)[1]}"


def _conclusion(trial: Trial) -> str:
    if trial.outcome is None or trial.reply is None:
        return say.late(trial)
    fared = words.of(words.TRIALS, trial.outcome.name.lower())
    said = " ".join(filter(None, (str(trial.reply.code or ""), trial.reply.enhanced, trial.reply.text)))
    return "\n".join(filter(None, (f"{fared}: {said}", say.advice(trial.reply, trial.outcome))))
