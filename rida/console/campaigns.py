"""Campaigns: write, look, test, preflight, launch."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin

from rida.accounts.rules import Verb
from rida.accounts.services import note
from rida.campaign.models import Campaign
from rida.campaign.services import change_campaign, create_campaign
from rida.console import say, words
from rida.console.access import Inside, inside
from rida.console.forms import CampaignForm
from rida.console.mail import framed
from rida.kernel.clock import now
from rida.kernel.errors import RidaError
from rida.outbox.services import Survey, account_forecast_of, examine, forecast_of, launch, preview, survey, test_send
from rida.preflight.checks import Finding
from rida.preflight.models import Report
from rida.preflight.services import blocking, by_rule
from rida.shaping.models import Source
from rida.shaping.services import total_hours

_MOST_OF_NAME = 100
_RULES = ("R1", "R10", "R12", "R16", "R20", "R21", "R22", "R63", "R70", "R84")
_OF_SENDER = {"R10", "R22"}
"""Rules whose findings are mended on the sender's page."""
_OF_ROUTE = ("R60", "R62", "R66", "A1")
"""Asked where mail leaves this machine only; they are mended on the page “Out of the sandbox”."""


@inside(Verb.LOOK)
def index(request: Inside) -> HttpResponse:
    return render(request, "console/campaigns.html", {"campaigns": _all(request).order_by("-pk")})


@inside(Verb.LOOK)
def edit(request: Inside, campaign_id: int | None = None) -> HttpResponse:
    campaign = _one(request, campaign_id) if campaign_id else None
    editable = Verb.WRITE in request.verbs and (campaign is None or campaign.state == Campaign.State.DRAFT)
    form = _form(request, campaign)
    if request.method == "POST" and editable and form.is_valid():
        try:
            saved = _save(request, campaign, form)
            return redirect(_onwards(request), saved.pk)
        except RidaError as error:
            form.add_error(None, say.said(error))
    launches = campaign.launches.order_by("-pk") if campaign else []
    page = {"form": form, "campaign": campaign, "editable": editable, "launches": launches}
    page["may_write"] = Verb.WRITE in request.verbs
    return render(request, "console/campaign.html", page)


def _onwards(request: Inside) -> str:
    """The page whose button was pressed: each of them saves first, so that no word is lost."""
    pages = {"preview": "campaign_preview", "preflight": "preflight"}
    return next((page for button, page in pages.items() if button in request.POST), "campaign")


def _form(request: Inside, campaign: Campaign | None) -> CampaignForm:
    if request.method == "POST":
        return CampaignForm(request.workspace, request.POST)
    return CampaignForm.of(campaign) if campaign else CampaignForm(request.workspace, initial=_usual(request))


def _usual(request: Inside) -> dict[str, Any]:
    """What a workspace with one sender and one topic would choose anyway."""
    last = _all(request).order_by("-pk").first()
    form = CampaignForm(request.workspace)
    only = {name: form.fields[name].queryset.first() for name in ("identity", "topic")}  # type: ignore[attr-defined]
    return {**only, "language": last.language if last else request.user.language}


def _save(request: Inside, campaign: Campaign | None, form: CampaignForm) -> Campaign:
    given = form.cleaned_data
    saved = change_campaign(campaign, **given) if campaign else create_campaign(request.workspace, **given)
    messages.success(request, _("The campaign is saved."))
    return saved


@inside(Verb.WRITE)
def copy(request: Inside, campaign_id: int) -> HttpResponse:
    """A draft with the same words: what was launched stays as it was read."""
    campaign = _one(request, campaign_id)
    if request.method != "POST":
        return redirect("campaign", campaign.pk)
    given = {name: getattr(campaign, name) for name in CampaignForm.base_fields if name != "name"}
    made = create_campaign(request.workspace, name=_copy_name(campaign), **given)
    messages.success(request, _("This is a copy. Change what you like; the launched one stays as it is."))
    return redirect("campaign", made.pk)


def _copy_name(campaign: Campaign) -> str:
    return (_("%(name)s, a copy") % {"name": campaign.name[:_MOST_OF_NAME]})[:120]


# --- looking --------------------------------------------------------------------------------------------------------


@inside(Verb.LOOK)
def preview_page(request: Inside, campaign_id: int) -> HttpResponse:
    campaign = _one(request, campaign_id)
    try:
        specimen = preview(campaign, now())
    except RidaError as error:
        say.tell(request, error)
        return redirect("campaign", campaign.pk)
    return render(request, "console/preview.html", {"campaign": campaign, "specimen": specimen})


@xframe_options_sameorigin
@inside(Verb.LOOK)
def preview_html(request: Inside, campaign_id: int) -> HttpResponse:
    return framed(preview(_one(request, campaign_id), now()).html)


@inside(Verb.WRITE)
def test(request: Inside, campaign_id: int) -> HttpResponse:
    """One copy to the user's own address; the town holds it a moment later."""
    campaign = _one(request, campaign_id)
    try:
        if request.method != "POST" or preview(campaign, now()).refused:
            return redirect("campaign_preview", campaign.pk)
        made = test_send(campaign, request.user, now())
    except RidaError as error:
        say.tell(request, error)
        return redirect("campaign_preview", campaign_id)
    messages.success(request, _("The test is on its way to %(address)s.") % {"address": request.user.email})
    return redirect("launch", made.pk)


# --- preflight and launch -------------------------------------------------------------------------------------------


@inside(Verb.WRITE)
def preflight(request: Inside, campaign_id: int) -> HttpResponse:
    """Opening it runs every check on the real messages and the real audience."""
    campaign, at = _one(request, campaign_id), now()
    try:
        report, found = examine(campaign, request.user, at), survey(campaign, at)
        forecast = forecast_of(campaign, at)
    except RidaError as error:
        say.tell(request, error)
        return redirect("campaign", campaign.pk)
    reachable = sum(row.n for row in forecast)
    account = account_forecast_of(campaign, reachable, at)
    page = {
        "campaign": campaign,
        "report": report,
        "checks": _checks(campaign, report, is_real=request.source.route != Source.Route.SANDBOX),
        "blocked": bool(blocking(report)),
    }
    page |= {"reachable": reachable, "unreachable": found.recipients - reachable}
    hours = total_hours([*forecast, *([account] if account else [])])
    page |= {"forecast": forecast, "account": account, "hours": hours, "grounds": _grounds(found)}
    page |= {"excluded": [(words.of(words.REASONS, code), n) for code, n in found.excluded.most_common()]}
    page |= {"recipients": found.recipients, "may_launch": Verb.LAUNCH in request.verbs}
    page["may_write"] = Verb.WRITE in request.verbs
    return render(request, "console/preflight.html", page)


def _checks(campaign: Campaign, report: Report, *, is_real: bool) -> list[dict[str, Any]]:
    """Every check in its order, with its findings in words, none twice, and where they are mended."""
    found = by_rule(report)
    rules = dict.fromkeys([*_RULES, *(_OF_ROUTE if is_real else ()), *found])
    return [
        {"rule": rule, "name": words.of(words.RULES, rule), **_worst(found.get(rule, [])),
         "mended_at": _mended_at(campaign, rule, found.get(rule, []))}
        for rule in rules
    ]  # fmt: skip


def _mended_at(campaign: Campaign, rule: str, findings: list[Finding]) -> str:
    """The page where it is: the way out, the sender, or the campaign itself."""
    if rule in _OF_ROUTE or any(each.code == "from_domain_not_proved" for each in findings):
        return "out"
    return "sender" if rule in _OF_SENDER and campaign.identity_id else "campaign"


def _worst(findings: list[Finding]) -> dict[str, Any]:
    look = "block" if any(each.blocks for each in findings) else "warn" if findings else "pass"
    return {"look": look, "says": list(dict.fromkeys(say.finding(each) for each in findings))}


def _grounds(found: Survey) -> list[tuple[str, int, int]]:
    """(basis in words, grade, people), the most people first."""
    return [(words.of(words.BASES, basis), grade, n) for (basis, grade), n in found.by_basis.most_common()]


@inside(Verb.LAUNCH)
def start(request: Inside, campaign_id: int) -> HttpResponse:
    """Launch, once it is said that the number of recipients and the exposure were read."""
    campaign = _one(request, campaign_id)
    if request.method != "POST":
        return redirect("preflight", campaign.pk)
    try:
        made = launch(campaign, request.user, now())
    except RidaError as error:
        say.tell(request, error)
        return redirect("preflight", campaign.pk)
    note(request.workspace, request.user, "campaign.launch", f"{campaign.pk} {campaign.name}")
    return redirect("launch", made.pk)


def _all(request: Inside) -> QuerySet[Campaign]:
    return Campaign.objects.filter(workspace=request.workspace).select_related("identity", "topic", "workspace")


def _one(request: Inside, campaign_id: int) -> Campaign:
    return get_object_or_404(_all(request), pk=campaign_id)
