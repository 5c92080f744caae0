"""R62, what receivers would see: what the verifiers said stops a launch on a real route, or warns, by table."""

from dataclasses import replace
from typing import Any

import pytest

from rida.campaign.domain_report import DomainReport
from rida.preflight.case import Case
from rida.preflight.checks import Finding, Severity, is_believed_by_two
from rida.preflight.opinion import Opinion, Verification, worst
from rida.preflight.tests.cases import Bad, case_of, verified

B, W = Severity.BLOCK, Severity.WARN
GOOD, GOOD_TOO = Opinion("dkimpy", "pass", "pass", "pass"), Opinion("mailauth", "pass", "pass", "pass")
AWAY, AWAY_TOO = Opinion("dkimpy", reason="verifier_crashed"), Opinion("mailauth", reason="verifier_slow")


def case(**changes: Any) -> Case:
    report = DomainReport("flowers.example", "bounce.flowers.example", True, ())
    given = {"route": "direct", "proved_domains": {"flowers.example"}, "domain_report": report, **changes}
    return case_of(**given)


def seen(of: Case) -> list[tuple[Severity, str]]:
    found = list(is_believed_by_two(of))
    assert {finding.rule for finding in found} <= {"R62"}
    return [(finding.severity, finding.code) for finding in found]


@pytest.mark.parametrize(
    ("opinions", "said"),
    [
        ([GOOD, GOOD_TOO], []),
        ([replace(GOOD, spf=""), replace(GOOD_TOO, spf="")], []),
        ([GOOD, AWAY_TOO], [(W, "verifier_missing")]),
        ([AWAY, GOOD_TOO], [(W, "verifier_missing")]),
        ([AWAY, AWAY_TOO], [(B, "nobody_verified"), (W, "verifier_missing"), (W, "verifier_missing")]),
        ([replace(GOOD, dkim="fail"), AWAY_TOO], [(W, "verifier_missing"), (B, "message_not_believed")]),
        ([replace(GOOD, dkim="fail"), replace(GOOD_TOO, dkim="neutral")], [(B, "message_not_believed")] * 2),
    ],
    ids=["both", "both without SPF", "one", "the other", "nobody", "the only one doubts", "both doubt"],
)
def test_who_was_heard_decides(opinions: list[Opinion], said: list[tuple[Severity, str]]) -> None:
    assert seen(verified(case(), *opinions)) == said


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("result", ["fail", "none", "neutral", "policy", "temperror", "permerror"])
@pytest.mark.parametrize("what", ["dkim", "spf", "dmarc"])
def test_one_of_the_two_stops_it_by_any_of_the_three(what: str, result: str, which: int) -> None:
    opinions = [GOOD, GOOD_TOO]
    opinions[which] = replace(opinions[which], reason="as it says", **{what: result})
    assert seen(verified(case(), *opinions)) == [(B, "message_not_believed")]


def test_what_a_verifier_says_is_told() -> None:
    doubt = replace(GOOD_TOO, dkim="fail", spf="", reason="body hash did not verify\x00")
    (found,) = is_believed_by_two(verified(case(), GOOD, doubt))
    assert found.params == {
        "verifier": "mailauth",
        "dkim": "fail",
        "spf": "–",
        "dmarc": "pass",
        "reason": "body hash did not verify\ufffd",
    }
    assert Finding.from_json(found.to_json()) == found


def test_a_verification_of_other_content_stops_it() -> None:
    other = Verification(bytes(32), (GOOD, GOOD_TOO))
    assert seen(case(verification=other)) == [(B, "other_content_verified")]


def test_nothing_verified_stops_it() -> None:
    assert seen(case()) == [(B, "nobody_verified")]
    assert seen(case(verification=Verification(case().draft.hash(), ()))) == [(B, "nobody_verified")]


def test_what_is_stopped_already_is_not_told_twice() -> None:
    assert seen(case(domain_report=None)) == []
    assert seen(case(specimens=[])) == []
    assert seen(case_of(Bad(identity={"from_address": "nobody"}), route="direct")) == []


def test_the_first_message_that_is_not_believed_speaks_for_all() -> None:
    doubt = replace(GOOD, dmarc="fail")
    assert worst([GOOD, doubt, replace(GOOD, dkim="fail")]) == doubt
    assert worst([GOOD, GOOD]) == GOOD
