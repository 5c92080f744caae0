"""Judging a campaign, and keeping the judgement with the hash of the content it is about."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime

from rida.accounts.models import User
from rida.audience.models import Attribute, Contact
from rida.campaign.content import Draft, unknown_names
from rida.campaign.domains import proved
from rida.campaign.models import Campaign
from rida.preflight.checks import Case, Finding, findings
from rida.preflight.exposure import exposure
from rida.preflight.models import Report

__all__ = ["blocking", "by_rule", "findings_of", "judge"]


def judge(campaign: Campaign, case: Case, user: User | None, now: datetime) -> Report:
    """Run every check and store what they found. What the house knows of the campaign's sender, of proved domains and
    of its contacts' attributes is filled in here where the case leaves it open. What DNS and the verifiers say is not:
    they are asked anew for each launch, by whoever makes the case (`campaign.domains.check_domain`,
    `preflight.verifying`).
    """
    known = _with_what_we_know(campaign, case)
    price = exposure(case.audience.recipients, now.date())
    return Report.objects.create(
        workspace=campaign.workspace,
        campaign=campaign,
        content_hash=case.draft.hash(),
        findings=[finding.to_json() for finding in findings(known)],
        recipients=case.audience.recipients,
        exposure_usd=price.total_usd,
        penalty_usd=price.penalty.usd,
        made_by=user,
        made_at=now,
    )


def findings_of(report: Report) -> list[Finding]:
    """In the order of the checks."""
    return [Finding.from_json(stored) for stored in report.findings]


def blocking(report: Report) -> list[Finding]:
    """What must be mended before a launch."""
    return [finding for finding in findings_of(report) if finding.blocks]


def by_rule(report: Report) -> dict[str, list[Finding]]:
    """For pages: each rule's findings together."""
    grouped: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings_of(report):
        grouped[finding.rule].append(finding)
    return dict(grouped)


def _with_what_we_know(campaign: Campaign, case: Case) -> Case:
    confirmed, attributes = case.address_confirmed_at, case.attributes
    if confirmed is None and campaign.identity is not None:
        confirmed = campaign.identity.address_confirmed_at
    if attributes is None:
        attributes = _attributes(campaign.workspace_id, case.draft)
    shown = case.proved_domains or proved(campaign.workspace_id)
    return replace(case, address_confirmed_at=confirmed, attributes=attributes, proved_domains=shown)


def _attributes(workspace_id: int, draft: Draft) -> frozenset[str]:
    """The declared ones, and those the draft asks for that some contact has all the same (added one by one)."""
    declared = Attribute.objects.filter(workspace_id=workspace_id).values_list("name", flat=True)
    known = frozenset(declared)
    people = Contact.objects.filter(workspace_id=workspace_id)
    asked = [name.split(".")[1] for name in unknown_names(draft, known) if name.startswith("attributes.")]
    return known | {name for name in asked if people.filter(attributes__has_key=name).exists()}
