"""What the world will make of our mail: asked of DNS before a launch that leaves this machine."""

from datetime import datetime

from django.conf import settings

from rida.accounts.models import Workspace
from rida.campaign.content import Draft
from rida.campaign.domain_report import DomainReport
from rida.campaign.domains import check_domain, find
from rida.kernel.address import parse
from rida.kernel.errors import AddressError
from rida.outbox.route import our_name
from rida.shaping.models import Source
from rida.shaping.ways import way_of


def domain_report_of(workspace: Workspace, draft: Draft, source: Source, now: datetime) -> DomainReport | None:
    """What DNS says now of the sender's domain on this route. None: a sandbox needs nothing, or nobody has the domain.

    Seconds may pass: call it outside transactions and off the event loop. Raises SealBroken.
    """
    way = way_of(source, our_name())
    try:
        domain = find(workspace, parse(draft.sender.from_address).domain)
    except AddressError:
        return None
    if way is None or domain is None:
        return None
    return check_domain(domain, way, settings.RIDA_RESOLVER, now)
