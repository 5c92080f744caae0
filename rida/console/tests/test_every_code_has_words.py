"""A code that a stage returns is a sentence on the page, in whatever language."""

import re
from pathlib import Path

import pytest
from django.utils import translation

from rida.audience import table
from rida.audience.columns import Field
from rida.campaign import judging, tags
from rida.campaign.dkim_key import Flaw
from rida.campaign.domain_report import State
from rida.campaign.models import MessageClass
from rida.campaign.records import Why
from rida.console import say, words
from rida.kernel.errors import ContentError, FileNotTable, Unreachable
from rida.outbox import copies, render
from rida.permission.rules import Basis, Kind
from rida.preflight import by_mailauth, checks, node, page

FOUND = re.findall(r'_(?:block|warn)\("[RA]\d+", "(\w+)"', Path(checks.__file__).read_text())
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


OF_PROGRAMS = {"message_id", "content"}
"""Refusals that no contact's data can cause, and the one for errors without a code."""
TOO_COSTLY = {"repeats"}
"""Has a sentence of its own (ContentTooCostly)."""


@pytest.mark.parametrize(
    ("pattern", "sources", "known"),
    [
        (r'Refused\("(\w+)"', [render.__file__, copies.__file__], {*words.REFUSALS, *OF_PROGRAMS}),
        (r'return "(\w+)" if .+ else "(\w+)"', [render.__file__], {*words.REFUSALS}),
        (r'return "(\w+)"', [page.__file__], {*words.HIDDEN}),
        (r'detail="(\w+)"|Refused\([\w.]+, "(\w+)"', [table.__file__], {*words.FAULTS}),
        (r'refuse\("(\w+)"', [tags.__file__], {*words.TAGS, *TOO_COSTLY}),
        (r'Away\("(\w+)"|reason="(\w+)"', [node.__file__, by_mailauth.__file__], {*words.VERIFIERS_AWAY}),
    ],
    ids=["no copy", "no copy for its subject", "hidden", "no table", "no template", "no opinion"],
)
def test_every_code_within_a_sentence_has_words(pattern: str, sources: list[str], known: set[str]) -> None:
    text = "".join(Path(source).read_text() for source in sources)
    found = {code for match in re.finditer(pattern, text) for code in match.groups() if code}
    assert found - known == set()


def test_a_code_within_a_sentence_is_said_in_words() -> None:
    with translation.override("ar"):
        said = [
            say.said(FileNotTable(line=2, detail="quote_not_closed")),
            say.said(ContentError(line=1, code="unknown_filter", name="nosuch", detail="unknown filter: nosuch")),
            say.said(Unreachable(domain="x.example", code="no_domain")),
            say.finding(checks.Finding("R84", checks.Severity.WARN, "copy_refused", {"reason": "header_line_break"})),
        ]
    assert not re.search("_|unknown", " ".join(said))
    assert "“\u2068nosuch\u2069”" in said[1]


def test_enumerations_have_words() -> None:
    assert len(FOUND) > 20
    assert {*words.EVENTS} == {*Kind}
    assert {*words.BASES} == {*Basis}
    assert {*words.FIELDS} == {*Field}
    assert {*words.CLASSES} == {*MessageClass.values}
    assert {*words.RECORDS} == {*words.RECORD_REASONS} == {*Why}
    assert {*words.RECORD_STATES} == {*State}
