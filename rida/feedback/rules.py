"""What a sign from the world does to permission. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from rida.permission.rules import EVERY_PURPOSE, Kind


class Sign(StrEnum):
    """Stored as the kind of a feedback event."""

    BOUNCE = "bounce"
    """The mailbox does not exist; a bounce that says less is no sign (delivery.classify tells them apart)."""
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Effect:
    """The permission event that follows."""

    kind: Kind
    purpose: str


def effect(sign: Sign, purpose: str = "", bar: str = "") -> Effect | None:
    """What to record; None: nothing new.

    purpose: what the message was about; empty: nobody knows any more, so the person leaves everything. bar: the code by
    which permission refuses this person already, or empty.
    """
    if sign is Sign.UNSUBSCRIBE:
        return Effect(Kind.WITHDRAWN, purpose or EVERY_PURPOSE)
    kind = Kind.SUPPRESSED if sign is Sign.BOUNCE else Kind.COMPLAINED
    return None if bar == kind else Effect(kind, EVERY_PURPOSE)
