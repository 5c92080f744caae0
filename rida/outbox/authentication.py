"""What the world will make of our mail: asked of DNS and of two verifiers before a launch that leaves this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from rida.accounts.models import Workspace
from rida.campaign.content import Draft
from rida.campaign.domain_report import DomainReport
from rida.campaign.domains import check_domain, find
from rida.campaign.models import SenderDomain
from rida.campaign.records import Kind, Way
from rida.kernel.address import parse
from rida.kernel.errors import AddressError, ContentError
from rida.outbox.copies import mailing_of
from rida.outbox.inspect import specimens
from rida.outbox.route import our_name
from rida.preflight.opinion import Exhibit, Verification
from rida.preflight.verifying import opinions_on
from rida.shaping.models import Source
from rida.shaping.ways import way_of


@dataclass(frozen=True, slots=True)
class Authentication:
    """What was answered. Both are None in a sandbox, or where nobody has the sender's domain; content that cannot be
    read has no verification.
    """

    report: DomainReport | None = None
    verification: Verification | None = None


def authentication_of(
    workspace: Workspace, draft: Draft, people: Sequence[Mapping[str, Any]], source: Source, now: datetime
) -> Authentication:
    """people: whose copies are shown to the verifiers (merge facts).

    Seconds may pass: call it outside transactions and off the event loop. Raises SealBroken.
    """
    way, domain = way_of(source, our_name()), _domain(workspace, draft)
    if way is None or domain is None:
        return Authentication()
    report = check_domain(domain, way, settings.RIDA_RESOLVER, now)
    return Authentication(report, _verification(workspace, draft, people, way, now))


def _domain(workspace: Workspace, draft: Draft) -> SenderDomain | None:
    try:
        return find(workspace, parse(draft.sender.from_address).domain)
    except AddressError:
        return None


def _verification(
    workspace: Workspace, draft: Draft, people: Sequence[Mapping[str, Any]], way: Way, now: datetime
) -> Verification | None:
    """Of copies as they would go to the wire, by the addresses that they would leave from."""
    try:
        copies = specimens(draft, mailing_of(workspace.pk, draft), people, now)
    except ContentError:
        return None  # told by the checks, which make the same copies
    messages = tuple((copy.raw, copy.mail_from) for copy in copies if not copy.refused)
    if not messages:
        return None
    exhibit, host = Exhibit(messages, way.helo, way.addresses), way.helo if way.kind is Kind.DIRECT else ""
    return Verification(draft.hash(), opinions_on(exhibit, settings.RIDA_RESOLVER, host=host))
