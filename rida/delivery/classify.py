"""What a reply means: the first rule of replies.toml that fits, else a careful default. Pure.

Defaults (facts: RFC 5321 §4.2.1; provider practice):
- unknown 4xx: the message waits, and it is about this recipient only, so that nothing learns a limit from it;
  421 ends the connection, so it is about that.
- 5xx to a recipient or a message: bounced, but soft. Only a rule may call a mailbox dead.
- 5xx to MAIL: bounced, about the sender; the address is never blamed.
- 5xx before MAIL (greeting, EHLO, STARTTLS, AUTH) says nothing about any message: deferred, about us. Postfix waits
  there too, and a block on our address that is lifted in a day, or a wrong password, must not have cost the campaign
  its recipients.
- no reply at all: deferred, about the connection; but after the final dot nobody knows: doubtful.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from rida.kernel.reply import Judgement, Outcome, Reply, Scope, Step

_BEFORE_MAIL = (Step.CONNECT, Step.EHLO, Step.STARTTLS, Step.AUTH)
_SERVICE_ENDS = 421
_LINK = re.compile(r"https?://\S+")
_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>]+>?")
_IP = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of replies.toml. Empty conditions fit everything."""

    judgement: Judgement
    codes: frozenset[int]
    steps: frozenset[Step]
    enhanced: frozenset[str]
    text: re.Pattern[str] | None

    def fits(self, reply: Reply, text: str) -> bool:
        return (
            (reply.code in self.codes or reply.code // 100 in self.codes)
            and (not self.steps or reply.step in self.steps)
            and (not self.enhanced or bool(self.enhanced & _spellings(reply.enhanced)))
            and (self.text is None or self.text.search(text) is not None)
        )


def classify(reply: Reply) -> Judgement:
    """The meaning of a reply that ended an attempt. Every reply has one."""
    if 400 <= reply.code < 600 and not (reply.code >= 500 and reply.step in _BEFORE_MAIL):
        text = normalise(reply.text)
        for rule in RULES:
            if rule.fits(reply, text):
                return rule.judgement
    return _default(reply)


def normalise(text: str) -> str:
    """Lower case, one space between words, and nothing left that belongs to one message or one sender.

    Without this an address such as spam@… inside a reply would look like an opinion.
    """
    text = _LINK.sub("", text.lower())
    text = _ADDRESS.sub("<@>", text)
    return " ".join(_IP.sub("#", text).split())


def _default(reply: Reply) -> Judgement:
    kind = reply.code // 100
    if kind == 2 and reply.step is Step.DOT:
        return _ACCEPTED
    if kind == 4:
        return _SERVICE_ENDED if reply.code == _SERVICE_ENDS else _UNKNOWN_4XX
    if kind == 5:
        return _UNKNOWN_5XX[reply.step]
    return _DOUBTFUL if reply.step is Step.DOT else _NO_REPLY


_ACCEPTED = Judgement(Outcome.ACCEPTED, Scope.RECIPIENT, rule="accepted")
_DOUBTFUL = Judgement(Outcome.DOUBTFUL, Scope.CONNECTION, rule="no-reply-after-dot")
_NO_REPLY = Judgement(Outcome.DEFERRED, Scope.CONNECTION, rule="no-reply")
_SERVICE_ENDED = Judgement(Outcome.DEFERRED, Scope.CONNECTION, rule="service-ends")
_UNKNOWN_4XX = Judgement(Outcome.DEFERRED, Scope.RECIPIENT, rule="unknown-4xx")
_TURNED_AWAY = Judgement(Outcome.DEFERRED, Scope.SENDER, rule="turned-away")
_SOFT = Judgement(Outcome.BOUNCED, Scope.RECIPIENT, rule="unknown-5xx")
_UNKNOWN_5XX = {
    **dict.fromkeys(_BEFORE_MAIL, _TURNED_AWAY),
    Step.MAIL: Judgement(Outcome.BOUNCED, Scope.SENDER, rule="sender-refused"),
    Step.RCPT: _SOFT,
    Step.DATA: _SOFT,
    Step.DOT: Judgement(Outcome.BOUNCED, Scope.CONTENT, rule="message-refused"),
}


def _spellings(enhanced: str) -> frozenset[str]:
    """The code itself and its family: 4.3.2 is also 4.3.*"""
    return frozenset((enhanced, enhanced.rpartition(".")[0] + ".*"))


def _rule(row: Mapping[str, Any]) -> Rule:
    outcome, scope = Outcome[row["outcome"].upper()], Scope(row["scope"])
    return Rule(
        judgement=Judgement(outcome, scope, row.get("hard", False), row["name"]),
        codes=frozenset(row["codes"]),
        steps=frozenset(map(Step, row.get("steps", ()))),
        enhanced=frozenset(row.get("enhanced", ())),
        text=re.compile(row["text"]) if "text" in row else None,
    )


TABLE: tuple[Mapping[str, Any], ...] = tuple(
    tomllib.loads(resources.files("rida.delivery").joinpath("replies.toml").read_text("utf-8"))["rule"]
)
RULES = tuple(map(_rule, TABLE))
