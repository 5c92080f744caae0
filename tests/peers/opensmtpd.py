"""Debian's OpenSMTPD. It offers neither PIPELINING nor SMTPUTF8.

Its TLS is broken in Debian 12: written before OpenSSL 3, it fails in every handshake, whatever the key (OpenSMTPD's
issues 1171 and 1239). A certificate makes it one of those servers that offer STARTTLS and cannot do it; and because it
takes passwords under TLS only, it cannot have logins.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.installation import free_port
from tests.peers.packages import OPENSMTPD, unpacked
from tests.peers.root import Root, root
from tests.peers.server import (
    CERTIFICATE,
    DOMAIN,
    MAIL,
    NAME,
    STORE,
    Offer,
    Server,
    make_mailboxes,
    started,
    store_certificate,
)

_USERS = {**STORE, "opensmtpd": 61001, "opensmtpq": 61002}
_PKI = f'pki {NAME} cert "{CERTIFICATE}"\npki {NAME} key "{CERTIFICATE}"'
_CONFIGURATION = """
{pki}
table mailboxes file:/etc/mailboxes
listen on 127.0.0.1 port {port} hostname {name} {tls}
action store maildir "{mail}/%{{rcpt}}" virtual <mailboxes>
match from any for domain {domain} action store
"""


@contextmanager
def opensmtpd(folder: Path, offer: Offer = Offer()) -> Iterator[Server]:  # noqa: B008 - frozen
    assert not offer.implicit and not offer.logins, "Debian 12's OpenSMTPD can do no TLS"
    with root(unpacked(OPENSMTPD), folder, _USERS) as home:
        server = Server("OpenSMTPD", "127.0.0.1", free_port(), home, greets_visitor="smtp connected")
        _lay_out(home, server.port, offer)
        with started(server, offer, "/usr/sbin/smtpd", "-d"):
            yield server


def _lay_out(home: Root, port: int, offer: Offer) -> None:
    home.make("var/lib/opensmtpd/empty")
    home.make("var/spool/smtpd", mode=0o711)
    home.write("etc/mailname", f"{NAME}\n")
    home.write("etc/mailboxes", "".join(f"{address} store\n" for address in offer.addresses))
    home.write("etc/smtpd.conf", _configuration(home, port, offer))
    make_mailboxes(home, offer)


def _configuration(home: Root, port: int, offer: Offer) -> str:
    pki = tls = ""
    if offer.certificate:
        store_certificate(home, offer)
        pki, tls = _PKI, f"tls pki {NAME}"
    return _CONFIGURATION.format(pki=pki, port=port, name=NAME, tls=tls, domain=DOMAIN, mail=MAIL)
