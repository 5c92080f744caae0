"""Every kind of message, signed by us, is verified by dkimpy; the tag list says what RFC 6376 wants of it."""

import re

import pytest

from rida.outbox import dkim
from rida.outbox.tests.letters import DOMAIN, KEY, LETTERS, NOW, SELECTOR, all_signed, signed, signer, verifies

SIGNED = all_signed()


def tags(message: bytes) -> dict[str, str]:
    field = message[: message.index(b"\r\nFrom:")].decode().removeprefix("DKIM-Signature:")
    return dict(re.sub(r"\s+", "", tag).split("=", 1) for tag in field.split(";"))


@pytest.mark.parametrize("name", SIGNED)
def test_a_signed_message_is_verified(name: str) -> None:
    assert verifies(SIGNED[name])


@pytest.mark.parametrize("name", SIGNED)
def test_the_message_itself_stays_as_it_was_below_its_signature(name: str) -> None:
    if name in LETTERS:
        assert signed(LETTERS[name]).endswith(b"==\r\n" + LETTERS[name])


@pytest.mark.parametrize("name", SIGNED)
def test_no_line_of_the_signature_is_longer_than_78(name: str) -> None:
    field = re.match(rb"DKIM-Signature: .*\r\n(?: .*\r\n)+", SIGNED[name])
    assert field
    assert all(3 < len(line) <= 78 for line in field[0].split(b"\r\n")[:-1])


def test_the_tags_say_what_is_signed_until_when() -> None:
    found = tags(signed(LETTERS["ascii"]))
    assert list(found) == ["v", "a", "c", "d", "s", "h", "t", "x", "bh", "b"]
    assert found["a"] == "rsa-sha256" and found["c"] == "relaxed/relaxed"
    assert (found["d"], found["s"]) == (DOMAIN, SELECTOR)
    assert int(found["t"]) == NOW and int(found["x"]) == NOW + 30 * 86400


@pytest.mark.parametrize("name", LETTERS)
def test_every_field_of_the_list_is_named_once_more_than_it_is_there(name: str) -> None:
    listed = tags(signed(LETTERS[name]))["h"].split(":")
    head = b"\r\n" + LETTERS[name].partition(b"\r\n\r\n")[0].lower()
    for field in dkim.OVERSIGNED:
        assert listed.count(field.decode()) == head.count(b"\r\n" + field + b":") + 1
    assert set(listed) == {field.decode() for field in dkim.OVERSIGNED}


def test_a_field_that_is_there_twice_is_signed_twice_from_the_last_up() -> None:
    double = b"Cc: second@example.org\r\nCc: third@example.org\r\n" + LETTERS["ascii"]
    assert verifies(signed(double))
    assert not verifies(signed(double).replace(b"second@", b"sekond@"))
    assert not verifies(signed(double).replace(b"third@", b"thyrd@"))


def test_a_field_that_is_not_on_the_list_may_be_added_on_the_way() -> None:
    assert verifies(b"Received: by mx.example.org\r\n" + signed(LETTERS["ascii"]))
    assert verifies(signed(LETTERS["ascii"]).replace(b"\r\n\r\n", b"\r\nX-Spam: no\r\n\r\n", 1))


def test_two_signers_each_add_a_field_that_is_verified() -> None:
    both = dkim.sign(LETTERS["ascii"], [dkim.Signer("mail.flowers.example", SELECTOR, KEY), signer()], NOW)
    assert both.index(b"d=mail.flowers.example;") < both.index(b"d=flowers.example;")
    assert verifies(both, 0) and verifies(both, 1)


def test_a_name_as_long_as_dns_allows_is_signed_and_verified() -> None:
    name = ".".join(["a" * 59] * 4)
    long = dkim.sign(LETTERS["ascii"], [dkim.Signer(name, SELECTOR, KEY)], NOW)
    assert long.startswith(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d=%b;\r\n" % name.encode())
    assert verifies(long)


def test_a_signature_that_has_run_out_is_not_verified() -> None:
    day = 24 * 3600  # dkimpy forgives some hours
    assert not verifies(signed(LETTERS["ascii"], at=NOW - dkim.LIFETIME_SECONDS - day))
    assert verifies(signed(LETTERS["ascii"], at=NOW - dkim.LIFETIME_SECONDS + day))
