"""Sender domains: their keys, and the proof by DNS that they are ours to send from."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db.models import Value
from django.db.models.functions import Coalesce

from rida.accounts.models import Workspace
from rida.campaign import judging
from rida.campaign.dkim_key import make_key, public_record, selector_of
from rida.campaign.domain_report import DomainReport
from rida.campaign.models import Identity, SenderDomain
from rida.campaign.records import Sending, Way
from rida.dns.inquiry import inquire
from rida.dns.resolver import Resolver
from rida.kernel.address import parse
from rida.kernel.errors import AddressError, NoDomain
from rida.kernel.sealing import Seal

__all__ = [
    "DomainReport",
    "SigningKey",
    "Way",
    "check_domain",
    "domain_of",
    "ensure",
    "find",
    "forget_reports",
    "is_proved",
    "last_report",
    "names_of",
    "proved",
    "signing_key",
]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What signs for a domain. proved: DNS has shown its public half. bounce_domain: where what comes back arrives."""

    domain: str
    bounce_domain: str
    selector: str
    pem: bytes = field(repr=False)
    proved: bool


def domain_of(identity: Identity) -> str:
    """The domain of its From address, in A-labels. Raises AddressError."""
    return parse(identity.from_address).domain


def spelled(text: str) -> str:
    """A domain as DNS knows it. Raises NoDomain."""
    try:
        return parse(f"someone@{text.strip().rstrip('.')}").domain
    except AddressError as error:
        raise NoDomain(text=text.strip()[:80]) from error


def find(workspace: Workspace, name: str) -> SenderDomain | None:
    return SenderDomain.objects.filter(workspace=workspace, name=name).first()


def ensure(workspace: Workspace, name: str, now: datetime) -> SenderDomain:
    """The workspace's domain with a key; the key is made at the first call. Raises NoDomain.

    Two calls at one time make one row: the unique constraint lets the first one stand.
    """
    name = spelled(name)
    known = find(workspace, name)
    if known is not None:
        return known
    pem = make_key()
    made = {
        "bounce_domain": f"bounce.{name}",
        "selector": selector_of(pem),
        "sealed_key": _seal().close(pem, _place(workspace.pk, name)),
        "created_at": now,
    }
    return SenderDomain.objects.get_or_create(workspace=workspace, name=name, defaults=made)[0]


def names_of(workspace: Workspace) -> list[str]:
    """The domains of its sender identities, each once; an address that is none has no domain."""
    found: dict[str, None] = {}
    for identity in Identity.objects.filter(workspace=workspace).order_by("pk"):
        with suppress(AddressError):
            found[domain_of(identity)] = None
    return list(found)


def signing_key(workspace_id: int, name: str) -> SigningKey | None:
    """None where no key was made. Raises SealBroken."""
    found = SenderDomain.objects.filter(workspace_id=workspace_id, name=name).first()
    if found is None:
        return None
    return SigningKey(found.name, found.bounce_domain, found.selector, _pem(found), proved=found.proved_at is not None)


def proved(workspace_id: int) -> frozenset[str]:
    """Domains that DNS has shown to be the workspace's."""
    shown = SenderDomain.objects.filter(workspace_id=workspace_id, proved_at__isnull=False)
    return frozenset(shown.values_list("name", flat=True))


def is_proved(workspace_id: int, name: str) -> bool:
    return name in proved(workspace_id)


def sending_of(domain: SenderDomain, report_to: str = "") -> Sending:
    """What its records are made from. report_to: where DMARC reports go. Raises SealBroken."""
    return Sending(domain.name, domain.bounce_domain, domain.selector, public_record(_pem(domain)), report_to)


def check_domain(
    domain: SenderDomain, way: Way, server: tuple[str, int] | None, now: datetime, *, report_to: str = ""
) -> DomainReport:
    """Ask DNS now, store what it says, and note the proof if our key stands there.

    server: the resolver to ask; None for the system's. Call it outside transactions and off the event loop.

    A proof is not taken back when the key is gone: that may be a bad day of their DNS, or mail of another kind still
    signed by it. The report says it, and a launch on a real route asks again and is stopped by it (R62).
    """
    report = async_to_sync(_asked)(sending_of(domain, report_to), way, server)
    changes = {"last_checked_at": now, "last_report": report.to_json()}
    if report.proved:
        changes["proved_at"] = Coalesce("proved_at", Value(now))
    SenderDomain.objects.filter(pk=domain.pk).update(**changes)
    domain.refresh_from_db()
    return report


def last_report(domain: SenderDomain) -> DomainReport | None:
    return DomainReport.from_json(domain.last_report) if domain.last_report else None


def forget_reports(workspace_ids: Iterable[int]) -> None:
    """Their mail leaves by another way now: what was said of the records before is of no use. Proofs stay."""
    SenderDomain.objects.filter(workspace__in=list(workspace_ids)).update(last_report=None, last_checked_at=None)


async def _asked(sending: Sending, way: Way, server: tuple[str, int] | None) -> DomainReport:
    # A resolver of its own: what was kept from the last look would hide the record that was just published.
    async with Resolver(server) as resolver:
        return await inquire(resolver, partial(judging.judge, sending, way), judging.first_questions(sending, way))


def _pem(domain: SenderDomain) -> bytes:
    return _seal().open(bytes(domain.sealed_key), _place(domain.workspace_id, domain.name))


def _seal() -> Seal:
    secrets: Mapping[int, bytes] = settings.RIDA_SECRETS
    return Seal("dkim-key", secrets)


def _place(workspace_id: int, name: str) -> str:
    """A key that was copied to a row of another workspace does not open there."""
    return f"workspace {workspace_id}, {name}"
