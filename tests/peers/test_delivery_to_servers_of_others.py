"""Our delivery engine into Debian's Postfix, Exim and OpenSMTPD: what arrives in the mailbox, byte for byte."""

from pathlib import Path

import pytest

from rida.delivery.ports import Letter
from rida.kernel.reply import Outcome, Step
from tests.peers.messages import ADDRESSES, message, stored, subject_and_text, varied
from tests.peers.sending import send
from tests.peers.server import Offer, Server, Start

pytestmark = pytest.mark.peers
_THEIRS = {"return-path", "received", "delivered-to", "x-original-to", "envelope-to"}
"""Headers that the last server writes above ours (RFC 5321 §4.4, and each server's habits)."""


def test_every_kind_of_message_arrives_as_it_was_sent_over_one_connection(start: Start, tmp_path: Path) -> None:
    letters = varied()
    with start(tmp_path, Offer(addresses=ADDRESSES)) as server:
        sent = send(server, *letters)
        assert [result.outcome for result in sent.results.values()] == [Outcome.ACCEPTED] * len(letters)
        assert sent.connections == 1
        for letter in letters:
            _check_arrival(server, letter)


def _check_arrival(server: Server, letter: Letter) -> None:
    [found] = server.mailbox(letter.recipient, at_least=1)
    above, ours = found[: -len(stored(letter))], found[-len(stored(letter)) :]
    assert ours == stored(letter), letter.recipient
    names = {line.partition(b":")[0].decode().lower() for line in above.splitlines() if line[:1].strip()}
    assert names <= _THEIRS, f"{server.name} has added {names - _THEIRS}"
    assert subject_and_text(found) == subject_and_text(letter.content)


def test_a_stranger_is_refused_and_the_others_get_their_mail(start: Start, tmp_path: Path) -> None:
    letters = [message(name, "Tulips are here.\n") for name in ("ali", "nobody", "bea")]
    with start(tmp_path) as server:
        sent = send(server, *letters)
        outcomes = [sent.results[letter.recipient].outcome for letter in letters]
        assert outcomes == [Outcome.ACCEPTED, Outcome.BOUNCED, Outcome.ACCEPTED]
        assert sent.results["nobody@net.test"].reply.step is Step.RCPT
        assert sent.connections == 1
        assert len(server.mailbox("ali@net.test", 1)) == len(server.mailbox("bea@net.test", 1)) == 1


def test_a_second_volley_finds_the_first_ones_mail(start: Start, tmp_path: Path) -> None:
    with start(tmp_path) as server:
        for text in ("first\n", "second\n"):
            assert send(server, message("ali", text)).results["ali@net.test"].outcome is Outcome.ACCEPTED
            server.mailbox("ali@net.test", at_least=1 if text == "first\n" else 2)
        texts = [subject_and_text(found)[1] for found in server.mailbox("ali@net.test")]
        assert texts == ["first\n", "second\n"]


def test_an_arabic_address_reaches_those_who_offer_smtputf8(start: Start, tmp_path: Path) -> None:
    letter = message("علي", "Tulips are here.\n")
    with start(tmp_path, Offer(addresses=(letter.recipient,))) as server:
        result = send(server, letter).results[letter.recipient]
        if server.name == "OpenSMTPD":
            assert result.outcome is Outcome.BOUNCED and result.reply.enhanced == "5.6.7"
            return
        assert result.outcome is Outcome.ACCEPTED
        assert server.mailbox(letter.recipient, at_least=1)[0].endswith(stored(letter))
