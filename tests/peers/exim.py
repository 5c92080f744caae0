"""Debian's Exim (the light build). It delivers each message at once, by a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.installation import free_port
from tests.peers.packages import EXIM, unpacked
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

_USER = "Debian-exim"
_USERS = {**STORE, _USER: 61001, "mail": 61002}
_CONFIGURATION = """
primary_hostname = {name}
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
log_file_path = /var/log/exim4/%slog
log_selector = +smtp_connection
keep_environment =
# Its name is the machine's, whatever the root folder: two Exims would want the same.
notifier_socket =
# Its default leaves what comes after the tenth message of a connection to the next queue run.
smtp_accept_queue_per_connection = 0
{tls}
acl_smtp_mail = may_send
acl_smtp_rcpt = may_receive
acl_smtp_data = may_come_in

begin acl
may_send:
{login_required}
  accept
may_receive:
  deny message = relay not permitted
       ! domains = {domain}
  deny message = no such mailbox
       ! verify = recipient
  accept
may_come_in:
  accept

begin routers
mailboxes:
  driver = accept
  domains = {domain}
  # What a lookup finds may be a file's name; what a client said may not.
  address_data = ${{lookup{{$local_part@$domain}}lsearch{{/etc/exim4/mailboxes}}{{$value}}fail}}
  transport = store

begin transports
store:
  driver = appendfile
  directory = {mail}/$address_data
  maildir_format
  user = store
  group = store
  return_path_add
  envelope_to_add

begin authenticators
{authenticators}
"""
_AUTHENTICATOR = """
{name}:
  driver = plaintext
  public_name = {name}
  server_prompts = {prompts}
  server_condition = ${{lookup{{{user}}}lsearch{{/etc/exim4/logins}}{{${{if eq{{$value}}{{{password}}}}}}}{{no}}}}
  server_set_id = {user}
  server_advertise_condition = ${{if def:tls_in_cipher}}
"""
_AUTHENTICATORS = _AUTHENTICATOR.format(name="PLAIN", prompts=":", user="$auth2", password="$auth3") + (
    _AUTHENTICATOR.format(name="LOGIN", prompts="Username:: : Password::", user="$auth1", password="$auth2")
)


@contextmanager
def exim(folder: Path, offer: Offer = Offer()) -> Iterator[Server]:  # noqa: B008 - frozen
    with root(unpacked(EXIM), folder, _USERS) as home:
        server = Server("Exim", "127.0.0.1", free_port(), home, greets_visitor="(TCP/IP connection count")
        _lay_out(home, server.port, offer)
        with started(server, offer, "/usr/sbin/exim4", "-bdf"):
            yield server


def _lay_out(home: Root, port: int, offer: Offer) -> None:
    home.write("etc/exim4/exim4.conf", _configuration(home, port, offer))
    home.write("etc/exim4/mailboxes", "".join(f"{address}: {address}\n" for address in offer.addresses))
    home.write("etc/exim4/logins", "".join(f"{user}: {word}\n" for user, word in offer.logins.items()), _USER, 0o600)
    for folder in ("var/spool/exim4", "var/log/exim4"):
        home.make(folder, _USER, 0o750)
    make_mailboxes(home, offer)


def _configuration(home: Root, port: int, offer: Offer) -> str:
    return _CONFIGURATION.format(
        name=NAME,
        domain=DOMAIN,
        mail=MAIL,
        port=port,
        tls=_tls(home, port, offer),
        login_required="  deny message = authenticate first\n       ! authenticated = *" if offer.logins else "",
        authenticators=_AUTHENTICATORS if offer.logins else "",
    )


def _tls(home: Root, port: int, offer: Offer) -> str:
    if not offer.certificate:
        return "tls_advertise_hosts =\n"
    store_certificate(home, offer, reader=_USER)
    implicit = f"tls_on_connect_ports = {port}\n" if offer.implicit else ""
    return f"tls_certificate = {CERTIFICATE}\n{implicit}"  # the key too, by default
