"""Whatever a reader sees is signed: any byte changed, any field added, and dkimpy says no.

The relaxed form forgives a few changes of blanks and of case in names. Whether a change is one of these is decided
by dkimpy's own canonical form, not by ours.
"""

import re
from random import Random

import pytest
from dkim import rfc822_parse
from dkim.canonicalization import Relaxed
from hypothesis import given, settings
from hypothesis import strategies as st

from rida.outbox.dkim import OVERSIGNED
from rida.outbox.tests.letters import LETTERS, PRINTED, as_sent, letter, printed, signed, verifies

BODY = b"Hello  Layla,\t\r\n\r\nthe roses\tare in. \r\n.\r\n"
MESSAGE = signed(letter(BODY))
HEAD_BYTES = MESSAGE.index(b"\r\n\r\n")
VALUE_OF_B = re.search(rb"\r\n b=([^:]*?==)\r\n", MESSAGE)
assert VALUE_OF_B
_LINE_ENDS = b"\r\n"


def form(message: bytes) -> object:
    """dkimpy's canonical form of all of it, or None for what it cannot parse."""
    try:
        fields, body = rfc822_parse(message)
    except Exception:  # noqa: BLE001  any complaint will do
        return None
    return Relaxed.canonicalize_headers(fields), Relaxed.canonicalize_body(body)


FORM = form(MESSAGE)


def is_signed(place: int) -> bool:
    """A byte of the signed text: neither the signature's own value nor (a bare CR or LF is no message) a line end."""
    assert VALUE_OF_B
    return not VALUE_OF_B.start(1) <= place < VALUE_OF_B.end(1) and MESSAGE[place] not in _LINE_ENDS


def changed(place: int, byte: int) -> bytes:
    return MESSAGE[:place] + bytes([byte]) + MESSAGE[place + 1 :]


def test_any_byte_of_the_head_changed_breaks_it() -> None:
    random = Random(6376)
    places = [place for place in range(HEAD_BYTES) if is_signed(place)]
    assert len(places) > 900
    for place in places:
        byte = random.choice([other for other in range(33, 127) if chr(other).lower() != chr(MESSAGE[place]).lower()])
        assert not verifies(changed(place, byte)), MESSAGE[place - 20 : place + 20]


@settings(max_examples=500, deadline=None)
@given(place=st.sampled_from([place for place in range(len(MESSAGE)) if is_signed(place)]), byte=st.integers(0, 255))
def test_a_byte_changed_to_any_other_breaks_it_exactly_if_the_relaxed_form_changes(place: int, byte: int) -> None:
    if byte not in _LINE_ENDS:
        altered = changed(place, byte)
        assert verifies(altered) is (form(altered) == FORM)


def test_any_byte_of_the_body_changed_to_another_letter_breaks_it() -> None:
    for place in range(HEAD_BYTES + 4, len(MESSAGE)):
        if is_signed(place):
            breaks = MESSAGE[place : place + 1].strip() or form(changed(place, ord("Q"))) != FORM
            assert breaks and not verifies(changed(place, ord("Q")))


@pytest.mark.parametrize("name", LETTERS)
def test_a_sample_of_bytes_of_every_kind_of_body_breaks_it(name: str) -> None:
    message = as_sent(signed(LETTERS[name]))
    start = message.index(b"\r\n\r\n") + 4
    places = [place for place in range(start, min(len(message), start + 5000)) if message[place] not in b" \t\r\n"]
    for place in Random(name).sample(places, min(10, len(places))):
        assert not verifies(message[:place] + b"#" + message[place + 1 :])


@pytest.mark.parametrize("name", PRINTED)
def test_a_byte_changed_in_what_the_press_signed_breaks_it(name: str) -> None:
    message = printed(*PRINTED[name])
    start = message.index(b"\r\n", message.index(b" b=")) + 2
    places = [place for place in range(message.index(b"\r\nDate:"), len(message)) if message[place] not in b" \r\n"]
    for place in Random(start).sample(places, 50):
        assert not verifies(message[:place] + b"#" + message[place + 1 :])


def test_the_signature_itself_changed_does_not_verify() -> None:
    assert VALUE_OF_B
    for place in range(VALUE_OF_B.start(1), VALUE_OF_B.end(1) - 3):  # the last letter has bits that say nothing
        if MESSAGE[place] not in b" \r\n":
            assert not verifies(changed(place, ord("A") if MESSAGE[place] != ord("A") else ord("B")))


@pytest.mark.parametrize("field", OVERSIGNED)
@pytest.mark.parametrize("value", [b"x@evil.example", None])
def test_a_second_field_of_the_list_breaks_it_wherever_it_is_added(field: bytes, value: bytes | None) -> None:
    """None: the same line once more, which says nothing new and is refused all the same."""
    there = re.search(rb"(?im)^%b:(.*(?:\r\n[ \t].*)*)\r\n" % field, MESSAGE)
    line = field.title() + b": " + (there[1].strip() if there and value is None else value or b"x") + b"\r\n"
    above, below = line + MESSAGE, MESSAGE.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n", 1)
    assert not verifies(above) and not verifies(below)


def test_a_field_taken_away_breaks_it() -> None:
    for field in OVERSIGNED:
        without = re.sub(rb"(?im)^%b:.*\r\n(?:[ \t].*\r\n)*" % field, b"", MESSAGE)
        assert verifies(without) is (without == MESSAGE)


def test_lines_added_below_break_it_unless_they_are_empty() -> None:
    assert verifies(MESSAGE + b"\r\n \r\n")
    assert not verifies(MESSAGE + b"Buy now\r\n")


def test_unchanged_it_verifies() -> None:
    assert verifies(MESSAGE)
