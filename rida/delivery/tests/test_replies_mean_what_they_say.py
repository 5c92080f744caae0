"""Classification: every rule against a reply somebody received, near misses, and whole corpora where present."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rida.delivery.classify import RULES, TABLE, classify
from rida.delivery.smtp_reply import ReplyReader
from rida.kernel.reply import Judgement, Outcome, Reply, Scope, Step

CORPUS = Path(__file__).resolve().parents[4] / "shared/data/replies"


def spoken(line: str, step: Step = Step.RCPT) -> Reply:
    [reply] = ReplyReader().feed(line.encode() + b"\r\n")
    return reply.at(step)


def step_of(row: Any) -> Step:
    return Step(row.get("step", "rcpt"))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["name"])
def test_a_rule_knows_its_sample(row: Any) -> None:
    assert classify(spoken(row["sample"], step_of(row))).rule == row["name"]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["name"])
def test_a_rule_leaves_its_near_miss_alone(row: Any) -> None:
    assert classify(spoken(row["near_miss"], step_of(row))).rule != row["name"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.judgement.rule)
def test_no_rule_promises_what_its_code_cannot(rule: Any) -> None:
    judgement = rule.judgement
    classes = {code if code < 10 else code // 100 for code in rule.codes}
    assert classes == ({4} if judgement.outcome is Outcome.DEFERRED else {5})
    assert not judgement.hard or (judgement.outcome is Outcome.BOUNCED and judgement.scope is Scope.RECIPIENT)
    assert judgement.scope not in (Scope.CONNECTION, Scope.NETWORK) or judgement.outcome is Outcome.DEFERRED


CASES = [
    ("250 2.0.0 Ok: queued", Step.DOT, Judgement(Outcome.ACCEPTED, Scope.RECIPIENT, False, "accepted")),
    ("421 go away", Step.MAIL, Judgement(Outcome.DEFERRED, Scope.CONNECTION, False, "service-ends")),
    ("450 hm", Step.RCPT, Judgement(Outcome.DEFERRED, Scope.RECIPIENT, False, "unknown-4xx")),
    ("550 hm", Step.RCPT, Judgement(Outcome.BOUNCED, Scope.RECIPIENT, False, "unknown-5xx")),
    ("554 hm", Step.DOT, Judgement(Outcome.BOUNCED, Scope.CONTENT, False, "message-refused")),
    ("550 hm", Step.MAIL, Judgement(Outcome.BOUNCED, Scope.SENDER, False, "sender-refused")),
    ("550 5.1.1 User unknown", Step.MAIL, Judgement(Outcome.BOUNCED, Scope.SENDER, False, "sender-refused")),
    ("554 no SMTP service here", Step.CONNECT, Judgement(Outcome.DEFERRED, Scope.SENDER, False, "turned-away")),
    ("554 5.1.1 User unknown", Step.CONNECT, Judgement(Outcome.DEFERRED, Scope.SENDER, False, "turned-away")),
    ("550 hello yourself", Step.EHLO, Judgement(Outcome.DEFERRED, Scope.SENDER, False, "turned-away")),
    ("550 5.1.1", Step.RCPT, Judgement(Outcome.BOUNCED, Scope.RECIPIENT, True, "unknown-user")),
    ("550 5.1.10 Recipient not found", Step.RCPT, Judgement(Outcome.BOUNCED, Scope.RECIPIENT, True, "unknown-user")),
    ("552 5.2.2 full", Step.RCPT, Judgement(Outcome.BOUNCED, Scope.RECIPIENT, False, "mailbox-full-for-good")),
    ("452 4.2.2 full", Step.RCPT, Judgement(Outcome.DEFERRED, Scope.RECIPIENT, False, "mailbox-full")),
    ("550 5.7.1 No such user!", Step.RCPT, Judgement(Outcome.BOUNCED, Scope.RECIPIENT, True, "unknown-user-in-words")),
]


@pytest.mark.parametrize(("line", "step", "expected"), CASES, ids=[f"{line} at {step}" for line, step, _ in CASES])
def test_common_replies(line: str, step: Step, expected: Judgement) -> None:
    assert classify(spoken(line, step)) == expected


@pytest.mark.parametrize("step", Step)
def test_silence_is_doubtful_after_the_dot_and_waits_everywhere_else(step: Step) -> None:
    expected = Outcome.DOUBTFUL if step is Step.DOT else Outcome.DEFERRED
    assert classify(Reply(step, 0, "", "connection lost")).outcome is expected


def test_a_yes_before_the_dot_accepts_nothing() -> None:
    assert all(classify(Reply(step, 250, "", "ok")).outcome is not Outcome.ACCEPTED for step in Step if step != "dot")


def corpus() -> Iterator[str]:
    for page in sorted(CORPUS.glob("codes/*.json")):
        for reply in re.findall(r'"response": "(?:smtp;)?(.*?)"[,\n]', page.read_text("utf-8")):
            if re.match(r"\d{3} ", reply):
                yield reply
    sink = tomllib.loads((CORPUS / "smart-sink-responses.toml").read_text("utf-8"))
    for kind in ("bounce", "defer"):
        for rows in sink[kind].values():
            yield from (f"{row['code']} {json.dumps(row['msg'])[1:-1]}" for row in rows)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the reply corpora of ../shared/data are not on this machine")
def test_every_reply_of_the_corpora_gets_a_meaning_that_its_code_allows() -> None:
    replies = list(corpus())
    assert len(replies) > 150
    for line in replies:
        for step in Step:
            judgement = classify(spoken(line, step))
            assert judgement.outcome is not Outcome.ACCEPTED, line
            assert line[0] != "4" or judgement.outcome is Outcome.DEFERRED, line
            assert line[0] != "5" or judgement.outcome in (Outcome.BOUNCED, Outcome.DEFERRED), line
            assert not judgement.hard or (line[0] == "5" and step in (Step.RCPT, Step.DATA, Step.DOT)), line


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the reply corpora of ../shared/data are not on this machine")
def test_the_corpora_kill_no_address_for_spam_policy_or_authentication() -> None:
    for line in corpus():
        blamed = re.search(r"(?i)dmarc|spamhaus|reputation|\bspam\b|spf-check|banned|quota|policy", line)
        assert not (blamed and classify(spoken(line)).hard), line
