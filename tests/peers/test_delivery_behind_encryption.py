"""Our delivery engine's STARTTLS, implicit TLS and login, with servers nobody here wrote at the other end."""

from pathlib import Path

import pytest

from rida.delivery.route import Door, Login, Tls
from rida.delivery.tests.authority import Authority, authority
from rida.kernel.reply import Outcome
from tests.peers.messages import ADDRESSES, message, stored, varied
from tests.peers.opensmtpd import opensmtpd
from tests.peers.sending import send
from tests.peers.server import NAME, Offer, Start

pytestmark = pytest.mark.peers
_LOGINS = {"flora": "Tulips of 1637 = زنبق"}
_LETTER = message("ali", "Tulips are here.\n")


def _door(tls: Tls, password: str = "") -> Door:
    return Door("mail.rida.test", tls, Login("flora", password) if password else None, authority().pem)


@pytest.mark.parametrize("tls", [Tls.OPPORTUNISTIC, Tls.REQUIRED, Tls.IMPLICIT])
def test_every_kind_of_message_arrives_behind_encryption(start_secure: Start, tmp_path: Path, tls: Tls) -> None:
    offer = Offer(certificate=authority().issue(NAME), implicit=tls is Tls.IMPLICIT, addresses=ADDRESSES)
    with start_secure(tmp_path, offer) as server:
        sent = send(server, *varied(), door=_door(tls))
        assert {result.outcome for result in sent.results.values()} == {Outcome.ACCEPTED} and sent.connections == 1
        for letter in varied():
            [found] = server.mailbox(letter.recipient, at_least=1)
            assert found.endswith(stored(letter)) and b"esmtps" in found.lower().partition(b"\nfrom:")[0]


_DOUBTFUL = {
    "expired": authority().issue(NAME, days=-1),
    "of another name": authority().issue("mx.else.test"),
    "of a stranger": Authority().issue(NAME),
}


@pytest.mark.parametrize("kind", _DOUBTFUL)
def test_a_doubtful_certificate_stops_who_wants_proof_and_nobody_else(
    start_secure: Start, tmp_path: Path, kind: str
) -> None:
    with start_secure(tmp_path, Offer(certificate=_DOUBTFUL[kind])) as server:
        assert send(server, _LETTER, door=_door(Tls.REQUIRED)).results[_LETTER.recipient].outcome is Outcome.DEFERRED
        taken = send(server, _LETTER, door=_door(Tls.OPPORTUNISTIC)).results[_LETTER.recipient]
        assert taken.outcome is Outcome.ACCEPTED
        [found] = server.mailbox(_LETTER.recipient, at_least=1)
        assert b"esmtps" in found.lower()


def test_a_server_that_fails_at_its_own_offer_gets_plain_text_or_nothing(tmp_path: Path) -> None:
    """Debian 12's OpenSMTPD, as it is."""
    with opensmtpd(tmp_path, Offer(certificate=authority().issue(NAME))) as server:
        assert send(server, _LETTER, door=_door(Tls.REQUIRED)).results[_LETTER.recipient].outcome is Outcome.DEFERRED
        sent = send(server, _LETTER, door=_door(Tls.OPPORTUNISTIC))
        assert sent.results[_LETTER.recipient].outcome is Outcome.ACCEPTED and sent.connections == 2
        assert len(server.mailbox(_LETTER.recipient, at_least=1)) == 1


@pytest.mark.parametrize("tls", [Tls.REQUIRED, Tls.IMPLICIT])
def test_a_relay_takes_mail_after_login_only(start_secure: Start, tmp_path: Path, tls: Tls) -> None:
    offer = Offer(certificate=authority().issue(NAME), implicit=tls is Tls.IMPLICIT, logins=_LOGINS)
    with start_secure(tmp_path, offer) as server:
        for password in ("", "Tulips of 1638"):
            sent = send(server, _LETTER, door=_door(tls, password), by_relay=True)
            assert sent.results[_LETTER.recipient].outcome is not Outcome.ACCEPTED, password
        sent = send(server, _LETTER, door=_door(tls, _LOGINS["flora"]), by_relay=True)
        assert sent.results[_LETTER.recipient].outcome is Outcome.ACCEPTED
        [found] = server.mailbox(_LETTER.recipient, at_least=1)
        assert b"esmtpsa" in found.lower()
