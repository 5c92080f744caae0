"""The shapes of REST v1. Codes, numbers and moments; no sentences but those of errors."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, Field, HttpUrl, model_validator

from rida.kernel.address import Address, parse
from rida.kernel.errors import AddressError


def _address(text: str) -> str:
    try:
        return str(parse(text))
    except AddressError as error:
        raise ValueError(str(error)) from error


def _without_zero(text: str) -> str:
    """PostgreSQL keeps every character but this one."""
    if "\x00" in text:
        raise ValueError("holds a zero byte")
    return text


def _since_1970(moment: datetime) -> datetime:
    if moment.year < 1970 or moment.year > 9998:  # beyond, some zones have no such moment
        raise ValueError("lies before 1970 or beyond the calendar")
    return moment


Email = Annotated[str, AfterValidator(_address)]
Text = Annotated[str, AfterValidator(_without_zero)]
Moment = Annotated[AwareDatetime, AfterValidator(_since_1970)]


class ErrorOut(Schema):
    """code: the error's name in rida/kernel/errors.py. detail: what happened and what to do next, in English."""

    code: str
    params: dict[str, str]
    detail: str


class CampaignOut(Schema):
    id: int
    name: str
    subject: str
    language: str
    message_class: str
    topic: str | None
    state: str
    created_at: datetime
    changed_at: datetime

    @staticmethod
    def resolve_topic(campaign: "object") -> str | None:
        topic = getattr(campaign, "topic", None)
        return topic.slug if topic else None


class TotalsOut(Schema):
    """queued = the six outcomes + waiting. deferred_attempts counts tries, not deliveries."""

    queued: int
    accepted: int
    bounced: int
    withheld: int
    expired: int
    cancelled: int
    doubtful: int
    waiting: int
    deferred_attempts: int


class LaunchOut(Schema):
    id: int
    campaign_id: int | None
    kind: str
    state: str
    launched_at: datetime
    finished_at: datetime | None
    excluded: dict[str, int]
    """People of the audience who were not queued, by reason code."""


class LaunchTotalsOut(LaunchOut):
    totals: TotalsOut


class NetworkOut(TotalsOut):
    """r: messages a window; cap: of these for bulk mail. held_until null while held: until somebody releases it."""

    network_id: int
    network: str
    r: int
    cap: int
    held: bool
    held_until: datetime | None
    next_at: datetime | None


class OptIn(StrEnum):
    SINGLE = "single_opt_in"
    DOUBLE = "double_opt_in"


class Evidence(Schema):
    """What would prove the opt-in: when, where, what the person was shown, and from which address they came."""

    at: Moment
    source: HttpUrl
    shown: Text = Field(min_length=1, max_length=10_000)
    ip: Text = Field("", max_length=45)
    confirmed_at: Moment | None = None
    """Double opt-in: when the link in the confirmation mail was followed; left out while that is awaited."""


class ContactIn(Schema):
    email: Email
    name: Text = Field("", max_length=200)
    locale: Text = Field("", max_length=16)
    topic: Text
    basis: OptIn
    evidence: Evidence

    @property
    def address(self) -> Address:
        return parse(self.email)

    @model_validator(mode="after")
    def _confirmation_fits(self) -> Self:
        confirmed = self.evidence.confirmed_at
        if confirmed and self.basis is OptIn.SINGLE:
            raise ValueError("a single opt-in has no confirmed_at")
        if confirmed and confirmed < self.evidence.at:
            raise ValueError("confirmed_at lies before at")
        return self


class ContactOut(Schema):
    """recorded: false if exactly this was known already. allowed and reason: whether the topic may be sent now."""

    contact_id: int
    recorded: bool
    allowed: bool
    reason: str


Change = Literal["pause", "resume", "cancel"]
