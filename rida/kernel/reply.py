"""What a remote server said, and what it means for one delivery. Data, never an exception."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Step(StrEnum):
    """Where in the dialogue a reply came; the same code means different things at different steps."""

    CONNECT = "connect"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"


class Scope(StrEnum):
    """Whom a reply is about. Only `network` and `connection` may move limits."""

    RECIPIENT = "recipient"
    CONNECTION = "connection"
    NETWORK = "network"
    CONTENT = "content"
    SENDER = "sender"


class Outcome(IntEnum):
    """How an attempt ended. The numbers are stored in the ledger and never change their meaning."""

    ACCEPTED = 1
    DEFERRED = 2
    BOUNCED = 3
    WITHHELD = 4
    EXPIRED = 5
    CANCELLED = 6
    DOUBTFUL = 7

    @property
    def final(self) -> bool:
        """Deferred is the one outcome that is not an end."""
        return self is not Outcome.DEFERRED


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply, its lines joined by a space. code 0: none came (`text` says why)."""

    step: Step
    code: int
    enhanced: str
    text: str

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 400

    @property
    def temporary(self) -> bool:
        return self.code == 0 or 400 <= self.code < 500


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a reply means: the outcome of the attempt, whom it is about, and whether the address is dead."""

    outcome: Outcome
    scope: Scope
    hard: bool = False
    """The mailbox does not exist: the address is to be suppressed."""
    rule: str = ""
    """Name of the rule that decided, for the log."""
