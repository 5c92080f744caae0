"""The dialogue: what the receivers offer, and what they do not forgive."""

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rida.town.beside import beside
from rida.town.counters import Kind
from rida.town.events import read_events
from rida.town.plan import MAIL_SIZE_BYTES, default
from rida.town.server import Town
from rida.town.tests.visitor import Raw, letter, polite

TO = "amal@rose-mail.example"
ENVELOPE = f"MAIL FROM:<a@sender.example>\r\nRCPT TO:<{TO}>\r\nDATA\r\n".encode()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with beside(default(), tmp_path_factory.mktemp("town")) as town:
        yield town


def test_the_extensions_are_offered(town: Town) -> None:
    with polite(town, "rose-mail") as visitor:
        visitor.ehlo()
        offered = {"pipelining", "8bitmime", "size", "smtputf8", "enhancedstatuscodes"}
        assert set(visitor.esmtp_features) == offered
        assert visitor.esmtp_features["size"] == str(MAIL_SIZE_BYTES)


def test_mail_from_smtplib_arrives_as_it_was_sent(town: Town) -> None:
    text = "a line\r\n.a dot\r\n..two dots\r\n.\r\nand the end"
    with polite(town, "rose-mail") as visitor:
        visitor.sendmail("a@sender.example", ["dots@rose-mail.example"], letter(text=text))
    (found,) = town.inboxes.letters("dots@rose-mail.example")
    assert found.content == letter(text=text)
    assert (found.subject, found.message_id) == ("Roses", "<1@sender.example>")


@pytest.mark.parametrize(
    ("network", "recipient", "code"),
    [
        ("rest-of-the-world", "amal@a-shop.of-the-real.world", "250"),
        ("rest-of-the-world", "amal@nobody.example", "550"),
        ("rose-mail", "amal@a-shop.of-the-real.world", "550"),
    ],
)
def test_only_the_rest_of_the_world_takes_mail_for_the_domains_of_others(
    town: Town, network: str, recipient: str, code: str
) -> None:
    with Raw(town, network) as visitor:
        visitor.opened()
        assert visitor.asked(b"MAIL FROM:<a@sender.example>\r\n").startswith("250")
        assert visitor.asked(f"RCPT TO:<{recipient}>\r\n".encode()).startswith(code)


def test_an_empty_message_ends_at_once(town: Town) -> None:
    with Raw(town, "rose-mail") as visitor:
        visitor.opened().say(ENVELOPE)
        assert [visitor.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
        assert visitor.asked(b".\r\n").startswith("250 2.0.0")


def test_pipelined_commands_are_answered_in_order_even_byte_by_byte(town: Town) -> None:
    with Raw(town, "rose-mail") as visitor:
        visitor.opened()
        for octet in ENVELOPE + letter() + b".\r\n" + b"QUIT\r\n":
            visitor.say(bytes([octet]))
        assert [visitor.reply()[:3] for _ in range(5)] == ["250", "250", "354", "250", "221"]


def test_two_whole_transactions_in_one_packet_are_two_messages(town: Town) -> None:
    with Raw(town, "rose-mail") as visitor:
        visitor.opened().say((ENVELOPE + letter() + b".\r\n") * 2)
        assert [visitor.reply()[:3] for _ in range(8)] == ["250", "250", "354", "250"] * 2


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: x\r\n\r\nbody\n.\nMAIL FROM:<evil@x.example>\r\n.\r\n",
        b"Subject: x\r\n\r\nbody\r\n.\nmore\r\n.\r\n",
        b"Subject: x\r\n\r\nbody\n.\r\nmore\r\n.\r\n",
        b"Subject: x\r\n\r\nbody\r.\r\nmore\r\n.\r\n",
        b"Subject: x\nY: z\r\n\r\nbody\r\n.\r\n",
    ],
)
def test_bare_line_ends_in_a_message_are_refused(town: Town, content: bytes) -> None:
    accepted = town.tally("rose-mail").kinds[Kind.ACCEPTED]
    with Raw(town, "rose-mail") as visitor:
        visitor.opened().say(ENVELOPE)
        assert [visitor.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
        assert visitor.asked(content).startswith("521 5.5.2")
        assert visitor.reply() == ""
    assert town.tally("rose-mail").kinds[Kind.ACCEPTED] == accepted


def test_a_bare_line_feed_ends_no_command(town: Town) -> None:
    with Raw(town, "rose-mail") as visitor:
        visitor.reply()
        assert visitor.asked(b"EHLO visitor.example\n").startswith("521 5.5.2")
        assert visitor.reply() == ""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"MAIL FROM:<a@b.example>"], "503 5.5.1"),
        ([b"EHLO v", b"RCPT TO:<amal@rose-mail.example>"], "503 5.5.1"),
        ([b"EHLO v", b"DATA"], "503 5.5.1"),
        ([b"EHLO v", b"MAIL FROM:<a@b.example>", b"DATA"], "554 5.5.1"),
        ([b"EHLO v", b"MAIL FROM:<a@b.example>", b"MAIL FROM:<a@b.example>"], "503 5.5.1"),
        ([b"EHLO v", b"MAIL FROM:a@b.example"], "501 5.5.4"),
        ([b"EHLO v", b"MAIL FROM:<a@b.example> FUNNY=1"], "555 5.5.4"),
        ([b"EHLO v", b"MAIL FROM:<a@b.example> SIZE=99999999999"], "552 5.3.4"),
        ([b"EHLO v", "MAIL FROM:<أمل@b.example>".encode()], "553 5.6.7"),
        ([b"EHLO v", b"MAIL FROM:<\xff@b.example> SMTPUTF8"], "553 5.6.7"),
        ([b"EHLO v", b"MAIL FROM:<>", b"RCPT TO:<amal@rose-mail.example>"], "250 2.1.5"),
        ([b"EHLO v", b"MAIL FROM:<a@b.example> BODY=8BITMIME SIZE=100"], "250 2.1.0"),
        ([b"EHLO v", b"MAIL FROM:<a@b.example>", b"RSET", b"MAIL FROM:<a@b.example>"], "250 2.1.0"),
        ([b"EHLO v", b"MAIL FROM:<a@b.example>", b"RCPT TO:<a@elsewhere.example>"], "550 5.7.1"),
        ([b"EHLO v", b"MAIL FROM:<a@b.example>", "RCPT TO:<أمل@rose-mail.example>".encode()], "553 5.6.7"),
        ([b"STARTTLS"], "500 5.5.2"),
        ([b"NOOP"], "250 2.0.0"),
        ([b"VRFY a"], "252 2.5.0"),
        ([b"HELO v"], "250 mx1."),
        ([b"x" * 5000], "500 5.5.2"),
    ],
)
def test_each_command_has_its_place(town: Town, lines: list[bytes], expected: str) -> None:
    with Raw(town, "rose-mail") as visitor:
        visitor.reply()
        replies = [visitor.asked(line + b"\r\n") for line in lines]
        assert replies[-1].startswith(expected)


def test_an_address_in_arabic_letters_is_taken_with_smtputf8(town: Town) -> None:
    with polite(town, "barid-al-ward") as visitor:
        to = "أمل@بريد-الورد.example"
        visitor.sendmail("a@sender.example", [to], letter(), mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    assert [found.recipient for found in town.inboxes.letters(to)] == [to]


def test_a_message_over_the_limit_is_refused(town: Town) -> None:
    with polite(town, "rose-mail") as visitor:
        visitor.ehlo()
        visitor.mail("a@sender.example")
        visitor.rcpt(TO)
        assert visitor.data(b"x" * (MAIL_SIZE_BYTES + 100))[0] == 552
        assert visitor.noop()[0] == 250


def test_a_network_takes_mail_for_its_own_domains_only(town: Town) -> None:
    with polite(town, "olive-post") as visitor, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        visitor.sendmail("a@sender.example", [TO], letter())
    assert refused.value.recipients[TO][0] == 550


def test_the_log_names_each_accepted_message_and_recipient(tmp_path: Path) -> None:
    with beside(default(), tmp_path) as town, polite(town, "cedar-webmail") as visitor:
        to = ["one@arz.example", "two@arz.example"]
        visitor.sendmail("a@sender.example", to, letter("<abc@sender.example>"))
    events = [(event.kind, event.recipient, event.message_id) for event in read_events(tmp_path)]
    assert events == [
        ("open", "", ""),
        ("mail", "", ""),
        ("accepted", "one@arz.example", "<abc@sender.example>"),
        ("accepted", "two@arz.example", "<abc@sender.example>"),
        ("close", "", ""),
    ]
