"""A code that a stage returns is a sentence on the page, in whatever language."""

import re
from pathlib import Path

import pytest

from rida.audience.columns import Field
from rida.campaign.models import MessageClass
from rida.console import words
from rida.permission.rules import Basis, Kind
from rida.preflight import checks

FOUND = re.findall(r'_(?:block|warn)\("R\d+", "(\w+)"', Path(checks.__file__).read_text())


@pytest.mark.parametrize("code", sorted(set(FOUND)))
def test_every_finding_has_a_sentence(code: str) -> None:
    assert code in words.FINDINGS


def test_enumerations_have_words() -> None:
    assert len(FOUND) > 20
    assert {*words.EVENTS} == {*Kind}
    assert {*words.BASES} == {*Basis}
    assert {*words.FIELDS} == {*Field}
    assert {*words.CLASSES} == {*MessageClass.values}
