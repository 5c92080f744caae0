"""Takes in what the world tells us about a delivery: stores it once, and tells permission before it returns."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from django.db import transaction

from rida.feedback.models import FeedbackEvent
from rida.feedback.rules import Effect, Sign, effect
from rida.kernel.reply import Reply
from rida.outbox.links import Copy
from rida.outbox.models import Tranche
from rida.permission.rules import EVERY_PURPOSE, Grade, Terms
from rida.permission.services import Act, Ask, Entry, record_hashes, verdicts

How = Literal["page", "one_click"]


def leave(copy: Copy, how: How, now: datetime) -> None:
    """The person behind this copy wants no more of its topic; of anything, where the topic is no longer known.

    Durable when it returns (R13). A second click adds nothing. A preview's link (no tranche) belongs to nobody.
    """
    if not copy.tranche_id:
        return
    with transaction.atomic(durable=True):
        # Permission first: its lock makes two clicks at once wait for each other.
        _tell(copy.workspace_id, copy.address_hash, effect(Sign.UNSUBSCRIBE, _purpose(copy)), now, _evidence(copy, how))
        _store_once(copy, Sign.UNSUBSCRIBE, how, now)


def hard_bounce(copy: Copy, reply: Reply, now: datetime) -> None:
    """The mailbox does not exist: no more mail to it from this workspace. Repeating it adds nothing."""
    said = f"{reply.code} {reply.enhanced} {reply.text}"
    with transaction.atomic():
        _suppress(copy, Sign.BOUNCE, said, now)


def complaint(copy: Copy, raw: str, now: datetime) -> None:
    """The person called a message spam (a feedback loop's report, `raw`). Repeating it adds nothing."""
    with transaction.atomic():
        _suppress(copy, Sign.COMPLAINT, raw, now)


def _suppress(copy: Copy, sign: Sign, raw: str, now: datetime) -> None:
    follows = effect(sign, bar=_bar(copy, now))
    _tell(copy.workspace_id, copy.address_hash, follows, now, _evidence(copy, raw[:500]))
    _store_once(copy, sign, raw, now)


def _tell(
    workspace_id: int, address_hash: bytes, follows: Effect | None, now: datetime, evidence: Mapping[str, Any]
) -> None:
    if follows is None:
        return
    act = Act(follows.kind, follows.purpose, "", Grade.E0, now, evidence)
    record_hashes(workspace_id, [Entry.of("", address_hash, act)], now)


def _store_once(copy: Copy, sign: Sign, raw: str, now: datetime) -> None:
    known = FeedbackEvent.objects.filter(tranche_id=copy.tranche_id, n=copy.n, kind=sign)
    if copy.tranche_id and known.exists():
        return
    FeedbackEvent.objects.create(
        workspace_id=copy.workspace_id,
        kind=sign,
        tranche_id=copy.tranche_id or None,
        n=copy.n if copy.tranche_id else None,
        address_hash=copy.address_hash,
        raw=raw,
        at=now,
    )


def _purpose(copy: Copy) -> str:
    """What the copy's launch was about; empty when it is gone."""
    terms = Tranche.objects.filter(pk=copy.tranche_id, workspace=copy.workspace_id).values_list("launch__terms")
    found = terms.first()
    return str(found[0].get("purpose", "")) if found else ""


def _bar(copy: Copy, now: datetime) -> str:
    """The code by which permission refuses all mail to this person, or why it would; never empty."""
    everything = Terms(EVERY_PURPOSE, "other", ad_label=True)
    return verdicts([Ask(copy.workspace_id, copy.address_hash, everything, ())], now)[0].reason


def _evidence(copy: Copy, said: str) -> dict[str, Any]:
    return {"tranche": copy.tranche_id, "n": copy.n, "said": said}
