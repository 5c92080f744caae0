"""These servers, tried with Python's own client: TLS, passwords, certificates, and no trace of them afterwards."""

import smtplib
import ssl
import sys
from pathlib import Path

import pytest

from rida.delivery.tests.authority import Authority, authority
from tests.peers.opensmtpd import opensmtpd
from tests.peers.server import NAME, Offer, Server, Start

pytestmark = pytest.mark.peers
_LOGINS = {"flora": "Tulips of 1637"}
_MAIL = b"From: flora@rida.test\r\nSubject: Tulips\r\n\r\nThey are here.\r\n"


def _trust() -> ssl.SSLContext:
    """Believes the tests' authority and no other, and looks at the host name."""
    return ssl.create_default_context(cadata=authority().pem)


def _client(server: Server, trust: ssl.SSLContext | None = None) -> smtplib.SMTP:
    """trust: TLS from the first byte. The server is reached by its address and known by its name."""
    client = smtplib.SMTP_SSL(timeout=10, context=trust) if trust else smtplib.SMTP(timeout=10)
    client._host = NAME  # type: ignore[attr-defined]
    client.connect(server.host, server.port)
    client.ehlo("mail.rida.test")
    return client


def _secured(server: Server) -> smtplib.SMTP:
    client = _client(server)
    client.starttls(context=_trust())
    client.ehlo("mail.rida.test")
    return client


def test_one_without_a_certificate_offers_no_tls(start: Start, tmp_path: Path) -> None:
    with start(tmp_path) as server, _client(server) as client:
        assert not client.has_extn("starttls") and not client.has_extn("auth")


def test_starttls_shows_the_certificate(start_secure: Start, tmp_path: Path) -> None:
    with start_secure(tmp_path, Offer(certificate=authority().issue(NAME))) as server:
        with _secured(server) as client:
            assert isinstance(client.sock, ssl.SSLSocket) and client.sock.version() == "TLSv1.3"
            client.sendmail("flora@rida.test", "ali@net.test", _MAIL)
        [found] = server.mailbox("ali@net.test", at_least=1)
        assert b"esmtps" in found.lower()


def test_implicit_tls_speaks_tls_first(start_secure: Start, tmp_path: Path) -> None:
    with start_secure(tmp_path, Offer(certificate=authority().issue(NAME), implicit=True)) as server:
        with _client(server, _trust()) as client:
            assert not client.has_extn("starttls")
            client.sendmail("flora@rida.test", "ali@net.test", _MAIL)
        assert len(server.mailbox("ali@net.test", at_least=1)) == 1


@pytest.mark.parametrize("kind", ["expired", "of another name", "of a stranger"])
def test_a_bad_certificate_fails(start_secure: Start, tmp_path: Path, kind: str) -> None:
    certificate = {
        "expired": authority().issue(NAME, days=-1),
        "of another name": authority().issue("mx.else.test"),
        "of a stranger": Authority().issue(NAME),
    }[kind]
    with start_secure(tmp_path, Offer(certificate=certificate)) as server, pytest.raises(ssl.SSLCertVerificationError):
        _secured(server)


def test_debian_12s_opensmtpd_offers_starttls_and_cannot(tmp_path: Path) -> None:
    """Once it can, the special cases for it here can go."""
    with opensmtpd(tmp_path, Offer(certificate=authority().issue(NAME))) as server:
        with _client(server) as client:
            assert client.has_extn("starttls")
        with pytest.raises(ssl.SSLError, match="INTERNAL_ERROR"):
            _secured(server)


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
def test_mail_goes_out_after_login_only(start_secure: Start, tmp_path: Path, implicit: bool) -> None:
    offer = Offer(certificate=authority().issue(NAME), implicit=implicit, logins=_LOGINS)
    with start_secure(tmp_path, offer) as server:
        for method in ("PLAIN", "LOGIN"):
            with _client(server, _trust()) if implicit else _secured(server) as client:
                _check_login(client, method)
        assert len(server.mailbox("ali@net.test", at_least=2)) == 2


def _check_login(client: smtplib.SMTP, method: str) -> None:
    assert method in client.esmtp_features["auth"].split()
    assert client.mail("flora@rida.test")[0] >= 500
    client.esmtp_features["auth"] = method
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        client.login("flora", "Tulips of 1638")
    assert refused.value.smtp_code == 535
    client.login("flora", _LOGINS["flora"])
    client.sendmail("flora@rida.test", "ali@net.test", _MAIL)


def test_no_password_is_asked_for_in_the_clear(start_secure: Start, tmp_path: Path) -> None:
    offer = Offer(certificate=authority().issue(NAME), logins=_LOGINS)
    with start_secure(tmp_path, offer) as server, _client(server) as client:
        assert client.has_extn("starttls") and not client.has_extn("auth")
        assert client.mail("flora@rida.test")[0] >= 500


def test_nothing_is_left_behind(start: Start, tmp_path: Path) -> None:
    with start(tmp_path) as server:
        root = server.root
        assert root.processes()
    assert not root.processes() and not root.folder.exists()


def test_one_that_does_not_start_says_why(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[start.__module__], "DOMAIN", "net.test\nnonsense\n")
    with pytest.raises(AssertionError, match="ended with code") as failed, start(tmp_path):
        pass
    assert "nonsense" in failed.value.__notes__[0] or "syntax error" in failed.value.__notes__[0]
