"""Where a workspace stands on its way out of the sandbox: five steps, each with its state and what comes next."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rida.accounts.models import Workspace
from rida.campaign.domain_report import DomainReport, State
from rida.campaign.domains import find, last_report, names_of
from rida.campaign.models import Identity, SenderDomain
from rida.console import say
from rida.preflight.checks import GIVE_MAILBOXES
from rida.reports.trials import Trial, last_trial
from rida.shaping.models import Departure, Source
from rida.shaping.sources import departure_of, held_because, sandbox_source

_DNS_MAY_BE_SLOW = {State.OK, State.MISSING, State.UNREACHABLE}


@dataclass(frozen=True, slots=True)
class DomainLook:
    """A sender domain. free: of a mailbox provider, so that nobody else can prove it."""

    name: str
    domain: SenderDomain | None
    report: DomainReport | None

    @property
    def free(self) -> bool:
        return self.name in GIVE_MAILBOXES

    @property
    def good(self) -> bool:
        return self.report is not None and self.report.proved and not self.report.stops

    @property
    def waits(self) -> bool:
        """What stops is not there yet; nothing wrong is published."""
        stopping = [judged.state for judged in self.report.records if judged.stops] if self.report else []
        return bool(stopping) and set(stopping) <= _DNS_MAY_BE_SLOW


@dataclass(frozen=True, slots=True)
class Step:
    """state: done, todo, wait, error, later."""

    code: str
    title: Promise
    state: str
    says: Promise | str


@dataclass(frozen=True)
class Way:
    """Everything the page shows of one workspace, read once."""

    workspace: Workspace
    departure: Departure | None
    now: datetime

    @property
    def source(self) -> Source:
        return self.departure.source if self.departure else sandbox_source()

    @cached_property
    def has_senders(self) -> bool:
        return Identity.objects.filter(workspace=self.workspace).exists()

    @cached_property
    def domains(self) -> list[DomainLook]:
        rows = [(name, find(self.workspace, name)) for name in names_of(self.workspace)]
        return [DomainLook(name, row, last_report(row) if row else None) for name, row in rows]

    @cached_property
    def trial(self) -> Trial | None:
        return last_trial(self.departure) if self.departure else None

    @cached_property
    def held(self) -> str:
        return held_because(self.source, self.now)

    @property
    def unasked(self) -> list[DomainLook]:
        return [each for each in self.domains if not each.free and each.report is None]

    @cached_property
    def steps(self) -> list[Step]:
        """In their order; those after the one in turn come later, unless they are done."""
        looks = [self._route(), self._dns(), self._trial(), self._approval()]
        looks.append(_done() if all(step.state == "done" for step in looks) else _not_done())
        turn = next((n for n, step in enumerate(looks) if step.state != "done"), len(looks))
        return [step if n <= turn or step.state == "done" else _later(step) for n, step in enumerate(looks)]

    @property
    def turn(self) -> Step | None:
        """The step in turn; None when all is done."""
        return next((step for step in self.steps if step.state != "done"), None)

    @property
    def current(self) -> str:
        return self.turn.code if self.turn else "done"

    # --- each step --------------------------------------------------------------------------------------------------

    def _route(self) -> Step:
        title = _("Choose how mail leaves")
        if self.departure is None:
            return Step("route", title, "todo", _("All mail stays in the sandbox until you choose a way."))
        return Step("route", title, "done", gettext("Chosen: %(way)s.") % {"way": say.way(self.source)})

    def _dns(self) -> Step:
        title = _("Publish your domain's DNS records")
        provable = [each for each in self.domains if not each.free]
        if not provable:
            return Step("dns", title, "todo", _("Name a sender with an address of your own domain first."))
        if any(each.good for each in provable):
            whole = all(each.good for each in provable)
            return Step("dns", title, "done", _("Your domain is ready.") if whole else _("Not all domains are ready."))
        if not any(each.report for each in provable):
            return Step("dns", title, "todo", _("See which records to publish."))
        if all(each.waits for each in provable if each.report):
            return Step("dns", title, "wait", _("Publish what is missing, then check. DNS may need an hour."))
        return Step("dns", title, "error", _("Something published is not right. Change it as shown, then check."))

    def _trial(self) -> Step:
        title, trial = _("Send one real message to yourself"), self.trial
        if self.departure is not None and self.departure.tested_at:
            return Step("trial", title, "done", _("A message to yourself was accepted."))
        if trial is None:
            return Step("trial", title, "todo", _("One message, to your own address, by the way you chose."))
        if trial.failed:
            return Step("trial", title, "error", _("It was not accepted. Read what was said, and what to do."))
        return Step("trial", title, "wait", _("The message is on its way."))

    def _approval(self) -> Step:
        title = _("Approve the first launch")
        if self.departure is not None and self.departure.approved_at:
            return Step("approve", title, "done", _("Approved."))
        return Step("approve", title, "todo", _("An owner of the installation says yes."))


def way_of_workspace(workspace: Workspace, now: datetime) -> Way:
    return Way(workspace, departure_of(workspace), now)


def _done() -> Step:
    return Step("done", _("Out of the sandbox"), "done", _("Launches leave into the world."))


def _not_done() -> Step:
    return Step("done", _("Out of the sandbox"), "todo", _("Nothing leaves this machine yet but tests to yourself."))


def _later(step: Step) -> Step:
    return Step(step.code, step.title, "later", _("Comes after the steps before it."))
