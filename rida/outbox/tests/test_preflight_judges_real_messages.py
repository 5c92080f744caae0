"""The checks of preflight on messages as they would leave: the same campaigns pass and fail as in its own tests."""

from dataclasses import replace
from typing import Any

import pytest

from rida.campaign.content import Draft
from rida.outbox.inspect import specimens
from rida.outbox.links import Links
from rida.outbox.render import Mailing
from rida.preflight.checks import Case, Finding, findings
from rida.preflight.tests.cases import BAD, NOW, PEOPLE, Bad, case_of, good_draft


def judged(bad: Bad, people: list[dict[str, Any]] = PEOPLE) -> list[Finding]:
    draft = Draft.from_json(good_draft(bad.campaign, bad.identity))
    mailing = Mailing(Links(bad.base_url, {0: b"s" * 32}), workspace_id=1, launch_id=0)
    made = specimens(draft, mailing, people, NOW)
    case: Case = replace(case_of(bad), specimens=made)
    return findings(case)


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("message_class", ["commercial", "dual", "other", "transactional_relationship"])
def test_nothing_stands_against_a_good_message(language: str, message_class: str) -> None:
    found = judged(Bad({"language": language, "message_class": message_class}))
    asked = ["transactional_or_advertising"] if message_class == "transactional_relationship" else []
    assert [finding.code for finding in found] == asked and not any(finding.blocks for finding in found)


@pytest.mark.parametrize("rule", BAD)
def test_a_bad_message_is_stopped_by_its_rule_and_by_no_other(rule: str) -> None:
    assert {finding.rule for finding in judged(BAD[rule]) if finding.blocks} == {rule}


def test_a_sender_without_an_address_is_stopped_although_no_copy_can_be_made() -> None:
    found = [(finding.rule, finding.code) for finding in judged(Bad(identity={"from_address": ""})) if finding.blocks]
    assert ("R10", "from_address_invalid") in found
    assert ("R84", "copy_refused") in found


def test_one_persons_line_break_is_told_and_stops_nobody_else() -> None:
    found = judged(Bad({"subject": "Hi {{ name }}"}), [{**PEOPLE[0], "name": "a\nb"}])
    assert [(finding.code, finding.blocks) for finding in found] == [("copy_refused", False)]
