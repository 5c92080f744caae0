"""What a check is given, and what it answers. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from rida.campaign.content import Draft
from rida.campaign.domain_report import DomainReport
from rida.preflight.opinion import Verification

SANDBOX = "sandbox"
_AFFIRMATIVE = frozenset({"single_opt_in", "double_opt_in", "self_test"})
"""Bases that are a person's own act (15 U.S.C. 7702(1)); a purchase is none, and neither is our word for it."""


class Severity(StrEnum):
    BLOCK = "block"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Finding:
    """What stands against a launch. `code` and `params` are for the templates, which hold the words."""

    rule: str
    severity: Severity
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def blocks(self) -> bool:
        return self.severity is Severity.BLOCK

    def to_json(self) -> dict[str, Any]:
        return {"rule": self.rule, "severity": str(self.severity), "code": self.code, "params": dict(self.params)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Finding":
        return cls(stored["rule"], Severity(stored["severity"]), stored["code"], stored["params"])


@dataclass(frozen=True, slots=True)
class Specimen:
    """A message as one person would get it, read back from its bytes by a parser that did not make them.

    kind: whose facts (`person`, `complete`, `missing`, `arabic`). headers: as they stand, repeated ones repeated.
    raw, mail_from: the message and its return path as they would go to the wire. leave_url: the link it must hold.
    refused: the reason why there is no copy; all else is empty then.
    """

    kind: str
    headers: Sequence[tuple[str, str]] = ()
    subject: str = ""
    html: str = ""
    text: str = ""
    raw: bytes = b""
    mail_from: str = ""
    leave_url: str = ""
    refused: str = ""

    def values(self, name: str) -> list[str]:
        """Every value of a header field."""
        return [value for found, value in self.headers if found.lower() == name.lower()]


@dataclass(frozen=True, slots=True)
class Audience:
    """Who would be written to: how many, and on what ground. by_ground: {(basis, grade): people}.

    kept_out: people who would be, if only the message said that it is an advertisement.
    """

    recipients: int = 0
    by_ground: Mapping[tuple[str, int], int] = field(default_factory=dict)
    kept_out: int = 0

    @property
    def not_affirmative(self) -> int:
        """People who never asked for it themselves; mail to them must say that it is an advertisement (R20)."""
        written_to = sum(people for (basis, _), people in self.by_ground.items() if basis not in _AFFIRMATIVE)
        return written_to + self.kept_out


@dataclass(frozen=True, slots=True)
class Case:
    """A campaign before its judges. now: aware, UTC.

    attributes: names the workspace's contacts have; None: not known, any name will do.
    proved_domains: sender domains proved by DNS; the sandbox needs none. domain_report: what DNS says now of the
    sender's domain on this route, asked for this case. verification: what two verifiers make of its messages, asked for
    this case too. approved: an owner let this workspace send into the world.
    one_page: how our unsubscribe flow works.
    """

    draft: Draft
    specimens: Sequence[Specimen]
    audience: Audience
    route: str
    now: datetime
    address_confirmed_at: datetime | None = None
    attributes: Collection[str] | None = None
    proved_domains: Collection[str] = ()
    domain_report: DomainReport | None = None
    verification: Verification | None = None
    approved: bool = True
    one_page: bool = True

    @property
    def rendered(self) -> list[Specimen]:
        return [specimen for specimen in self.specimens if not specimen.refused]

    @property
    def is_advertising(self) -> bool:
        """Commercial or dual; a campaign without a class is held to the stricter duties until it has one."""
        return self.draft.message_class in ("commercial", "dual", "")
