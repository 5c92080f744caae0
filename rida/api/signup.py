"""Records an opt-in that a program reports: contact and permission event together, or nothing."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from rida.accounts.models import ApiKey, Workspace
from rida.api.schemas import ContactIn, ContactOut, OptIn
from rida.audience.models import Topic
from rida.audience.services import add_contact
from rida.kernel.errors import OptInRefused
from rida.permission.rules import TAKING, Basis, Grade, Kind, Terms, Verdict
from rida.permission.services import Act, Ask, hash_of, record_many, verdicts

_CLOCKS_DIFFER = timedelta(minutes=5)


def sign_up(key: ApiKey, topic: Topic, asked: ContactIn, now: datetime) -> ContactOut:
    """Contact, event, and whether the topic may now be sent to the person.

    What a program says cannot undo what a person did. Raises OptInRefused for somebody who left, complained or has no
    mailbox, and for a moment in the future.
    """
    _refuse_future(asked, now)
    _refuse_barred(_verdict(key.workspace, topic, asked, now))
    with transaction.atomic():
        contact = add_contact(key.workspace, asked.address, now, name=asked.name, locale=asked.locale)
        recorded = record_many(key.workspace_id, [(asked.address, _act(key, topic, asked))], now)
    verdict = _verdict(key.workspace, topic, asked, now)
    return ContactOut(
        contact_id=contact.pk, recorded=bool(recorded), allowed=verdict.allowed, reason=str(verdict.reason)
    )


def _act(key: ApiKey, topic: Topic, asked: ContactIn) -> Act:
    proof = asked.evidence
    evidence = proof.model_dump(mode="json", exclude_none=True) | {"key": key.prefix}
    if asked.basis is OptIn.SINGLE:
        return _made(Kind.GRANTED, topic, Basis.SINGLE_OPT_IN, Grade.E2, proof.at, evidence)
    if proof.confirmed_at is None:
        return _made(Kind.REQUESTED, topic, Basis.DOUBLE_OPT_IN, Grade.E2, proof.at, evidence)
    return _made(Kind.CONFIRMED, topic, Basis.DOUBLE_OPT_IN, Grade.E4, proof.confirmed_at, evidence)


def _made(kind: Kind, topic: Topic, basis: Basis, grade: Grade, at: datetime, evidence: dict[str, Any]) -> Act:
    return Act(kind, topic.slug, basis, grade, at, evidence)


def _refuse_future(asked: ContactIn, now: datetime) -> None:
    last = asked.evidence.confirmed_at or asked.evidence.at
    if last > now + _CLOCKS_DIFFER:
        raise OptInRefused(code="in_the_future")


def _refuse_barred(verdict: Verdict) -> None:
    if verdict.reason in TAKING:
        raise OptInRefused(code=verdict.reason)


def _verdict(workspace: Workspace, topic: Topic, asked: ContactIn, now: datetime) -> Verdict:
    terms = Terms(topic.slug, "commercial", ad_label=True)
    return verdicts([Ask(workspace.pk, hash_of(asked.address), terms, tuple(workspace.profiles))], now)[0]
