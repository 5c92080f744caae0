"""What a test sees of a server of others: where it listens, what it has delivered, what it says when it fails."""

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.peers.root import Root

NAME = "mx.net.test"
"""What every server calls itself, and what its certificate should say."""
DOMAIN = "net.test"
ADDRESSES = tuple(f"{name}@{DOMAIN}" for name in ("ali", "bea", "cem", "dalia", "eva"))
MAIL = "/mail"
CERTIFICATE = "/etc/tls/both.pem"
STORE = {"store": 61000}
"""The user to whom the mailboxes belong."""
_START_SECONDS, _ARRIVAL_SECONDS, _PAUSE_SECONDS = 20, 15, 0.05


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server offers. certificate (PEM, with its key): STARTTLS, or TLS from the first byte if `implicit`.

    logins: user → password, after which TLS and one of them are required; PLAIN and LOGIN.
    """

    certificate: str = ""
    implicit: bool = False
    logins: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ADDRESSES


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    host: str
    port: int
    root: Root
    greets_visitor: str
    """What its log says once a connection."""

    def mailbox(self, address: str, at_least: int = 0) -> list[bytes]:
        """What has been delivered to `address`, oldest first, as it was stored. Waits for `at_least` messages."""
        deadline = time.monotonic() + _ARRIVAL_SECONDS
        while len(found := self._delivered(address)) < at_least:
            assert time.monotonic() < deadline, f"{address} got {len(found)} messages of {at_least} in time"
            time.sleep(_PAUSE_SECONDS)
        return [path.read_bytes() for path in found]

    def _delivered(self, address: str) -> list[Path]:
        """A maildir's `new`, by time of arrival: the names are each server's own."""
        return sorted(self.root.path(f"{MAIL}/{address}").glob("new/*"), key=lambda path: path.stat().st_mtime_ns)

    def connections(self) -> int:
        """How many there have been, the one that asked whether the server is up among them."""
        return self._written().count(self.greets_visitor)

    def log(self, lines: int = 30) -> str:
        return f"{self.name} on port {self.port} wrote:\n" + "\n".join(self._written().splitlines()[-lines:])

    def _written(self) -> str:
        files = sorted(path for path in self.root.path("var/log").rglob("*") if path.is_file())
        return "".join(f"--- {path.name}\n{path.read_text(errors='replace')}" for path in files)


class Start(Protocol):
    """postfix, exim, opensmtpd: `with postfix(tmp_path, Offer(certificate=leaf)) as server`."""

    def __call__(self, folder: Path, offer: Offer = ..., /) -> AbstractContextManager[Server]: ...


@contextmanager
def started(server: Server, offer: Offer, *command: str) -> Iterator[Server]:
    """Run `command` in the server's root until it greets, then the block; a failure of either carries the log."""
    with server.root.running(*command) as process:
        try:
            _wait_for_greeting(process, server, offer)
            yield server
        except BaseException as error:
            error.add_note(server.log())
            raise


def _wait_for_greeting(process: "subprocess.Popen[bytes]", server: Server, offer: Offer) -> None:
    deadline = time.monotonic() + _START_SECONDS
    # Its log may be a moment late; whoever counts connections from now on must not count ours.
    while not (_greets(server, implicit=offer.implicit) and server.connections()):
        assert process.poll() is None, f"{server.name} ended with code {process.returncode}"
        assert time.monotonic() < deadline, f"{server.name} did not greet in time"
        time.sleep(_PAUSE_SECONDS)


def _greets(server: Server, *, implicit: bool) -> bool:
    try:
        plain = socket.create_connection((server.host, server.port), timeout=2)
        with _unverified().wrap_socket(plain) if implicit else plain as talk:
            greeting = talk.recv(1000)
            talk.sendall(b"QUIT\r\n")
            return greeting.startswith(b"220")
    except OSError:
        return False


def _unverified() -> ssl.SSLContext:
    """Only asks whether somebody is there; tests look at the certificate themselves."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def store_certificate(root: Root, offer: Offer, reader: str = "root") -> None:
    root.write(CERTIFICATE, offer.certificate, owner=reader, mode=0o600)


def make_mailboxes(root: Root, offer: Offer) -> None:
    for folder in (MAIL, *(f"{MAIL}/{address}" for address in offer.addresses)):
        root.make(folder, owner="store", mode=0o700)
