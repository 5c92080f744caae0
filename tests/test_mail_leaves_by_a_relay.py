"""Through a relay of others (aiosmtpd) with TLS and a password: a real worker, real sockets."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from rida.accounts.models import User
from rida.campaign.records import Kind, Way
from rida.delivery.tests.authority import authority
from rida.dispatch.models import OutcomeRow
from rida.kernel.clock import now
from rida.kernel.reply import Outcome
from rida.outbox.models import Launch
from rida.shaping.models import Allowance, Departure, Source
from rida.shaping.routes import Caps, RelaySettings
from rida.shaping.sources import approve, choose, save_relay
from rida.town.beside import beside
from rida.town.plan import default
from rida.town.server import Town
from tests import house

pytestmark = pytest.mark.django_db(transaction=True)
HOST, LAB = "localhost", "127.0.0.0/8"
NO_CAPS = Caps()


WAY = Way(Kind.RELAY, "mail.warda-flowers.example", ("127.0.0.1",), HOST)


@pytest.fixture
def town(tmp_path: Path, settings: Any) -> Iterator[Town]:
    """Its DNS answers for the recipients' domains and for the sender's; its receivers must see nothing."""
    with beside(house.real_sender(default(), WAY), tmp_path / "town") as made:
        settings.RIDA_RESOLVER, settings.RIDA_LAB_NETS = made.resolver, (LAB,)
        settings.RIDA_URL = "https://news.warda-flowers.example"
        house.asked_of(made.resolver, WAY)
        yield made


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


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def relay(account: Account) -> Iterator[int]:
    """Its port. It wants encryption, then the password."""
    context: ssl.SSLContext = authority().server(HOST)
    controller = Controller(
        account, "127.0.0.1", _free_port(), authenticator=account.authenticate, auth_required=True, tls_context=context,
        require_starttls=True, server_hostname="relay.test",
    )  # fmt: skip
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def depart(port: int, caps: Caps = NO_CAPS, password: str = "tulips") -> Source:
    owner = User.objects.create_user("rosa@warda.example", is_owner=True)
    way = RelaySettings(
        HOST, port, "required", "rosa", authority=authority().pem, name=WAY.helo, addresses=WAY.addresses
    )
    source = save_relay("relay", way, password, caps, owner, now())
    choose(house.workspace(), source, owner, now())
    Departure.objects.update(tested_at=now())
    approve(house.workspace(), owner, now())
    return source


def outcomes(made: Launch) -> list[tuple[Outcome, str]]:
    rows = OutcomeRow.objects.filter(tranche__launch=made).order_by("tranche_id", "n", "attempt")
    return [(Outcome(row.kind), row.step) for row in rows]


def test_a_reminder_leaves_by_the_relay_and_the_town_sees_nothing(town: Town) -> None:
    house.sign_up("layla@rose-mail.example", "samir@olive-post.example", "noor@falcon-net.example")
    account = Account()
    with relay(account) as port:
        source = depart(port)
        made = house.launched()
        with house.worker(town.card, lab_nets=LAB):
            house.write_out(made)
            house.until(lambda: house.finished(made))
    assert sorted(envelope.rcpt_tos[0] for envelope in account.taken) == [
        "layla@rose-mail.example", "noor@falcon-net.example", "samir@olive-post.example",
    ]  # fmt: skip
    assert outcomes(made) == [(Outcome.ACCEPTED, "dot")] * 3
    assert made.source == source
    assert town.inboxes.letters("layla@rose-mail.example") == []


def test_one_connection_carries_mail_for_many_networks(town: Town) -> None:
    house.sign_up(*(f"reader{n}@{domain}" for n in range(3) for domain in ("rose-mail.example", "olive-post.example")))
    account = Account()
    with relay(account) as port:
        depart(port, Caps(connections=1))
        made = house.launched()
        house.write_out(made)
        with house.worker(town.card, lab_nets=LAB):
            house.until(lambda: house.finished(made))
    assert len(account.taken) == 6
    assert account.connections < 4


def test_the_relays_hour_is_kept_over_all_networks(town: Town) -> None:
    house.sign_up(*(f"reader{n}@{domain}" for n in range(4) for domain in ("rose-mail.example", "olive-post.example")))
    account = Account()
    with relay(account) as port:
        depart(port, Caps(hour=5))
        made = house.launched()
        house.write_out(made)
        with house.worker(town.card, lab_nets=LAB):
            house.until(lambda: len(account.taken) >= 5)
            with pytest.raises(AssertionError):
                house.until(lambda: len(account.taken) > 5, seconds=3)


def test_a_wrong_password_is_tried_once_and_holds_the_account_until_somebody_mends_it(town: Town) -> None:
    house.sign_up("layla@rose-mail.example")
    account = Account()
    with relay(account) as port:
        source = depart(port, password="roses")
        made = house.launched()
        house.write_out(made)
        with house.worker(town.card, lab_nets=LAB):
            house.until(lambda: Allowance.objects.get(source=source).hold_reason)
            assert (account.logins, account.taken) == (1, [])
            save_relay("relay", RelaySettings.from_json(source.settings), "tulips", NO_CAPS, User.objects.get(), now())
            house.until(lambda: house.finished(made))
    assert outcomes(made) == [(Outcome.DEFERRED, "auth"), (Outcome.ACCEPTED, "dot")]
    assert "authentication" in OutcomeRow.objects.get(tranche__launch=made, attempt=1).reply.lower()


def test_without_a_laboratory_a_relay_on_this_machine_is_refused(town: Town) -> None:
    house.sign_up("layla@rose-mail.example")
    account = Account()
    with relay(account) as port:
        depart(port)
        made = house.launched()
        house.write_out(made)
        with house.worker(town.card):
            house.until(lambda: OutcomeRow.objects.filter(tranche__launch=made).exists())
    assert account.connections == 0
    assert "guard refused 127.0.0.1" in OutcomeRow.objects.filter(tranche__launch=made)[0].reply
