"""Out of the sandbox: one page, five steps. Everybody inside sees where it stands; owners of the installation act."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from rida.accounts.models import User
from rida.accounts.rules import Verb
from rida.campaign.models import Campaign, Identity
from rida.console import say, words
from rida.console.access import Inside, inside, owner_only
from rida.console.domain_checks import check_domains
from rida.console.out_forms import DirectForm, RelayForm, TrialForm
from rida.console.out_steps import Way, way_of_workspace
from rida.console.trial_letter import send_short
from rida.kernel.clock import now
from rida.kernel.errors import RidaError
from rida.outbox.halting import cancel
from rida.outbox.models import Launch
from rida.outbox.services import test_send
from rida.reports.trials import Trial, running_tests
from rida.shaping.models import Source
from rida.shaping.sources import (
    approve,
    caps_of,
    choose,
    departure_of,
    free_name,
    history_of,
    real_sources,
    sandbox_source,
    save_direct,
    save_relay,
)

_KINDS = (Source.Route.RELAY, Source.Route.DIRECT)


@inside(Verb.LOOK)
def page(request: Inside) -> HttpResponse:
    """?way: whose form is shown in the first step. ?source: another way that is set up already, to be changed."""
    return _page(request, request.GET.get("way", ""))


def _page(request: Inside, wanted: str = "", form: RelayForm | DirectForm | None = None) -> HttpResponse:
    found = _state(request, look_at_dns=True)
    kind = wanted if wanted in _KINDS else str(found["way"].source.route)
    form = form or _form(kind, _known(request, kind))
    opened = "route" if wanted or (form and form.is_bound) else found["way"].current
    return render(request, "console/out.html", {**found, "kind": kind, "form": form, "opened": opened})


def _steps(request: Inside) -> HttpResponse:
    """For htmx: all steps anew; without it the page again."""
    if not request.headers.get("HX-Request"):
        return redirect("out")
    found = _state(request)
    kind = str(found["way"].source.route)
    shown = {**found, "kind": kind, "form": _form(kind, _known(request, kind)), "opened": found["way"].current}
    answer = render(request, "console/out_steps.html", shown)
    answer.headers["HX-Retarget"], answer.headers["HX-Reswap"] = "#steps", "outerHTML"
    return answer


def _form(kind: str, known: Source | None, given: QueryDict | None = None) -> RelayForm | DirectForm | None:
    """None for the sandbox, which asks nothing."""
    if kind == Source.Route.RELAY:
        return RelayForm(known, given)
    return DirectForm(known, given) if kind == Source.Route.DIRECT else None


def _state(request: Inside, *, look_at_dns: bool = False) -> dict[str, Any]:
    way = way_of_workspace(request.workspace, now())
    return {
        "way": way,
        "caps": caps_of(way.source),
        "others": [source for source in real_sources() if source != way.source] if request.user.is_owner else [],
        "history": [(words.of(words.HISTORY, entry.verb), entry) for entry in history_of(request.workspace)],
        "may_rule": _may_rule(request),
        "look_at_dns": look_at_dns and _may_rule(request) and bool(way.unasked),
        **_trial(request, way),
    }


def _trial(request: Inside, way: Way) -> dict[str, Any]:
    trial = way.trial
    form = TrialForm(request.workspace)
    late = say.late(trial) if trial and trial.is_late(now()) else ""
    return {"trial_form": form, "trial": trial, "late": late, **_told(trial)}


def _told(trial: Trial | None) -> dict[str, Any]:
    if trial is None or trial.outcome is None or trial.reply is None:
        return {}
    return {
        "outcome": words.of(words.TRIALS, trial.outcome.name.lower()),
        "advice": say.advice(trial.reply, trial.outcome),
        "lines": [say.line(line) for line in trial.lines],
    }


def _may_rule(request: Inside) -> bool:
    return request.user.is_owner and Verb.RULE in request.verbs


# --- the way ----------------------------------------------------------------------------------------------------------


@sensitive_post_parameters("password")
@owner_only
def relay(request: Inside) -> HttpResponse:
    return _save(request, Source.Route.RELAY)


@owner_only
def direct(request: Inside) -> HttpResponse:
    return _save(request, Source.Route.DIRECT)


def _save(request: Inside, kind: Source.Route) -> HttpResponse:
    if request.method != "POST":
        return redirect("out")
    known = _known(request, kind)
    form = _form(kind, known, request.POST)
    assert form is not None
    if form.is_valid():
        try:
            _leave_by(request, _kept(form, known, request.user))
            return redirect("out")
        except RidaError as error:
            form.add_error(None, say.said(error))
    return _page(request, kind, form)


def _kept(form: RelayForm | DirectForm, known: Source | None, user: User) -> Source:
    if isinstance(form, DirectForm):
        name = known.name if known else free_name(form.cleaned_data["name"])
        return save_direct(name, form.settings(), user, now())
    name = known.name if known else free_name(form.cleaned_data["host"])
    return save_relay(name, form.settings(), form.cleaned_data["password"], form.caps(), user, now())


def _known(request: Inside, kind: str) -> Source | None:
    """What the form changes: the workspace's own way. A way that only others take is not changed from here."""
    departure = departure_of(request.workspace)
    return departure.source if departure and departure.source.route == kind else None


@owner_only
def take(request: Inside) -> HttpResponse:
    """A way that is set up already, for another workspace of the installation, say."""
    if request.method == "POST":
        number = request.POST.get("source", "")
        found = get_object_or_404(Source.objects.exclude(route=Source.Route.SANDBOX), pk=int(number or 0))
        _leave_by(request, found)
    return redirect("out")


def _leave_by(request: Inside, source: Source) -> None:
    """Choosing anew takes approval and test back; a change of the same way does not."""
    departure = departure_of(request.workspace)
    if departure is None or departure.source != source:
        choose(request.workspace, source, request.user, now())


@owner_only
def back(request: Inside) -> HttpResponse:
    """Back to the sandbox, once it was asked."""
    if departure_of(request.workspace) is None:
        return redirect("out")
    if request.method != "POST":
        running = Launch.objects.filter(workspace=request.workspace, finished_at=None, kind=Launch.Kind.BULK)
        running = running.exclude(source=sandbox_source())
        return render(request, "console/out_back.html", {"running": running.count(), "source": request.source})
    choose(request.workspace, sandbox_source(), request.user, now())
    messages.success(request, _("From now on everything you launch stays in the sandbox."))
    return redirect("out")


# --- the other steps --------------------------------------------------------------------------------------------------


@owner_only
def check(request: Inside) -> HttpResponse:
    """Asks DNS now, for all domains of the workspace's senders; their keys are made if need be."""
    if request.method == "POST":
        try:
            check_domains(request.workspace, request.source, now())
        except RidaError as error:
            say.tell(request, error)
    return _steps(request)


@owner_only
def send(request: Inside) -> HttpResponse:
    """One message to oneself. One before it that still waits is called off, so that two do not arrive."""
    form = TrialForm(request.workspace, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            for waiting in running_tests(request.workspace):
                cancel(waiting)
            _send(request, *form.chosen)
        except RidaError as error:
            say.tell(request, error)
    return _steps(request)


def _send(request: Inside, kind: str, number: int) -> None:
    if kind == "campaign":
        test_send(get_object_or_404(Campaign, pk=number, workspace=request.workspace), request.user, now())
        return
    send_short(get_object_or_404(Identity, pk=number, workspace=request.workspace), request.user, now())


@inside(Verb.LOOK)
def trial(request: Inside) -> HttpResponse:
    """Asked every two seconds while the message is on its way; then all steps are shown anew."""
    if not request.headers.get("HX-Request"):
        return _page(request)
    way = way_of_workspace(request.workspace, now())
    if way.trial is None or not way.trial.waits or way.trial.outcome is not None:
        return _steps(request)
    return render(request, "console/out_trial.html", {"may_rule": _may_rule(request), **_trial(request, way)})


@owner_only
def approval(request: Inside) -> HttpResponse:
    if request.method == "POST":
        try:
            approve(request.workspace, request.user, now())
            messages.success(request, _("Approved. What you launch from now on leaves into the world."))
        except RidaError as error:
            say.tell(request, error)
    return redirect("out")
