"""Asking DNS about the domains of a workspace's senders, for the page and the command."""

from datetime import datetime

from django.conf import settings

from rida.accounts.models import Workspace
from rida.campaign.domains import check_domain, ensure, names_of
from rida.outbox.route import our_name
from rida.preflight.checks import GIVE_MAILBOXES
from rida.shaping.models import Source
from rida.shaping.ways import way_of


def check_domains(workspace: Workspace, source: Source, now: datetime) -> None:
    """One after another; nothing for the sandbox, which needs no records. Raises SealBroken."""
    way = way_of(source, our_name())
    if way is None:
        return
    for name in names_of(workspace):
        if name not in GIVE_MAILBOXES:
            check_domain(ensure(workspace, name, now), way, settings.RIDA_RESOLVER, now)
