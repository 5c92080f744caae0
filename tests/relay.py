"""A relay of others (aiosmtpd) for tests: it wants encryption, then the password."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from rida.delivery.tests.authority import authority
from tests.installation import free_port

HOST = "localhost"


@dataclass
class Account:
    """What the relay saw: envelopes that were taken, logins that were tried, connections."""

    password: str = "tulips"
    taken: list[Envelope] = field(default_factory=list)
    logins: int = 0
    connections: int = 0

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, said: Any) -> AuthResult:
        self.logins += 1
        right = isinstance(said, LoginPassword) and said == LoginPassword(b"rosa", self.password.encode())
        return AuthResult(success=right, handled=False)

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, name: str, lines: list[str]
    ) -> list[str]:
        self.connections += session.ssl is not None
        session.host_name = name
        return lines

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        return "250 2.6.0 taken"


@contextmanager
def relay(account: Account) -> Iterator[int]:
    """Its port. It wants encryption, then the password."""
    context: ssl.SSLContext = authority().server(HOST)
    controller = Controller(
        account, "127.0.0.1", free_port(), authenticator=account.authenticate, auth_required=True, tls_context=context,
        require_starttls=True, server_hostname="relay.test",
    )  # fmt: skip
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()
