"""Specimens are copies as they would leave, read back."""

from datetime import UTC, datetime

import pytest

from rida.campaign.tests.drafts import FACTS, draft
from rida.kernel.errors import ContentError
from rida.outbox.inspect import specimens
from rida.outbox.tests.test_render_makes_valid_messages import LINKS, MAILING

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_there_is_a_copy_with_facts_one_without_and_an_arabic_one() -> None:
    made = specimens(draft(), MAILING, [FACTS], AT)
    assert [specimen.kind for specimen in made] == ["person", "missing", "arabic"]
    assert [specimen.subject.rpartition(", ")[2] for specimen in made] == ["Layla", "friend", "ليلى"]
    assert not any(specimen.refused for specimen in made)


def test_with_nobody_given_somebody_is_made_up() -> None:
    first = specimens(draft(), MAILING, [], AT)[0]
    assert (first.kind, first.subject) == ("complete", "Mother's Day is on Sunday, Layla")


def test_at_most_five_people_are_looked_at() -> None:
    assert len(specimens(draft(), MAILING, [FACTS] * 50, AT)) == 7


def test_a_specimen_is_read_back_from_its_bytes() -> None:
    specimen = specimens(draft(), MAILING, [FACTS], AT)[0]
    assert specimen.values("from") == ["Rosa's Flowers <rosa@flowers.example>"]
    assert specimen.values("list-unsubscribe") == [f"<{specimen.leave_url}>"]
    assert specimen.leave_url in specimen.html
    assert specimen.leave_url in specimen.text
    assert specimen.raw.startswith(b"Date: ")
    assert LINKS.read_leave(specimen.leave_url.rpartition("/")[2]).tranche_id == 0


def test_a_person_whose_copy_cannot_be_made_shows_the_reason() -> None:
    made = specimens(draft(subject="Hi {{ name }}"), MAILING, [{**FACTS, "name": "a\r\nb"}], AT)
    assert [specimen.refused for specimen in made] == ["header_line_break", "", ""]


def test_a_text_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ContentError):
        specimens(draft(body="{% if %}"), MAILING, [], AT)
