"""Debian's Postfix. Settings are Postfix's own but for what is named here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.installation import free_port
from tests.peers.packages import POSTFIX, unpacked
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

USERS = {**STORE, "postfix": 61001, "postdrop": 61002, "nobody": 61003}
MASTER = ("/usr/lib/postfix/sbin/master", "-c", "/etc/postfix", "-d")
_FOLDERS = "active bounce corrupt defer deferred flush hold incoming private saved trace"
_SERVICES = """
{port} inet n - n - - smtpd{options}
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_BASE = {
    "compatibility_level": "3.6",
    "myhostname": NAME,
    "inet_interfaces": "127.0.0.1",
    "inet_protocols": "ipv4",
    "maillog_file": "/var/log/mail.log",  # by its own postlogd; what it says before that runs goes to syslog
    "alias_maps": "",  # Debian's need /etc/aliases; nobody has a local mailbox here
    "alias_database": "",
}


@contextmanager
def postfix(folder: Path, offer: Offer = Offer()) -> Iterator[Server]:  # noqa: B008 - frozen
    with root(unpacked(POSTFIX), folder, USERS) as home:
        server = Server("Postfix", "127.0.0.1", free_port(), home, greets_visitor="]: connect from")
        lay_out(home, server.port, {**_mailboxes(home, offer), **_tls(home, offer), **_logins(home, offer)}, offer)
        with started(server, offer, *MASTER):
            yield server


def lay_out(home: Root, port: int, settings: dict[str, str], offer: Offer) -> None:
    """Configuration and an empty queue, with the owners that Debian's installation gives."""
    options = " -o smtpd_tls_wrappermode=yes" if offer.implicit else ""
    home.write("etc/postfix/master.cf", _SERVICES.format(port=port, options=options))
    home.write("etc/postfix/main.cf", "".join(f"{key} = {value}\n" for key, value in {**_BASE, **settings}.items()))
    for name in _FOLDERS.split():
        home.make(f"var/spool/postfix/{name}", "postfix", 0o700)
    home.make("var/spool/postfix/pid")
    home.make("var/spool/postfix/public", "postfix", 0o710)
    home.make("var/spool/postfix/maildrop", "postfix", 0o730)
    home.make("var/lib/postfix", "postfix", 0o755)


def _mailboxes(home: Root, offer: Offer) -> dict[str, str]:
    make_mailboxes(home, offer)
    home.write("etc/postfix/mailboxes", "".join(f"{address} {address}/\n" for address in offer.addresses))
    uid = str(home.users["store"])
    return {
        "mydestination": "",
        "virtual_mailbox_domains": DOMAIN,
        "virtual_mailbox_base": MAIL,
        "virtual_mailbox_maps": "texthash:/etc/postfix/mailboxes",
        "virtual_uid_maps": f"static:{uid}",
        "virtual_gid_maps": f"static:{uid}",
    }


def _tls(home: Root, offer: Offer) -> dict[str, str]:
    if not offer.certificate:
        return {}
    store_certificate(home, offer)
    return {
        "smtpd_tls_security_level": "encrypt" if offer.logins else "may",
        "smtpd_tls_cert_file": CERTIFICATE,  # the key too, by default
        "smtpd_tls_loglevel": "1",
    }


def _logins(home: Root, offer: Offer) -> dict[str, str]:
    """Cyrus SASL with its own file of passwords: no further daemon."""
    if not offer.logins:
        return {}
    home.write(
        "etc/postfix/sasl/smtpd.conf", "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n"
    )
    for user, password in offer.logins.items():
        home.run("/usr/sbin/saslpasswd2", "-p", "-c", "-u", NAME, user, said=password)
    home.give("etc/sasldb2", "postfix", 0o600)
    return {
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_local_domain": NAME,
        "smtpd_tls_auth_only": "yes",
        "smtpd_sender_restrictions": "permit_sasl_authenticated, reject",
        "smtpd_delay_reject": "no",
    }
