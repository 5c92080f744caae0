"""A code that a stage returns is a sentence on the page, in whatever language."""

import re
from pathlib import Path

import pytest

from rida.audience.columns import Field
from rida.campaign import judging
from rida.campaign.dkim_key import Flaw
from rida.campaign.domain_report import State
from rida.campaign.models import MessageClass
from rida.campaign.records import Why
from rida.console import words
from rida.permission.rules import Basis, Kind
from rida.preflight import checks

FOUND = re.findall(r'_(?:block|warn)\("R\d+", "(\w+)"', Path(checks.__file__).read_text())
NOTED = {
    *re.findall(r'\b(?:stop|warn)\(\s*"(\w+)"', Path(judging.__file__).read_text()),
    *(f"dkim_{flaw}" for flaw in Flaw),
}


@pytest.mark.parametrize("code", sorted(set(FOUND)))
def test_every_finding_has_a_sentence(code: str) -> None:
    assert code in words.FINDINGS


def test_every_note_on_a_dns_record_has_a_sentence_and_no_sentence_is_left_over() -> None:
    assert len(NOTED) > 30
    assert {*words.DNS_NOTES} == NOTED
    assert words.DNS_NOTES.items() <= words.FINDINGS.items()


def test_enumerations_have_words() -> None:
    assert len(FOUND) > 20
    assert {*words.EVENTS} == {*Kind}
    assert {*words.BASES} == {*Basis}
    assert {*words.FIELDS} == {*Field}
    assert {*words.CLASSES} == {*MessageClass.values}
    assert {*words.RECORDS} == {*words.RECORD_REASONS} == {*Why}
    assert {*words.RECORD_STATES} == {*State}
