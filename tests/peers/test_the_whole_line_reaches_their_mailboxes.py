"""From a sign-up to a mailbox of Postfix, Exim and OpenSMTPD: a real worker, DKIM, a return path, relay and direct."""

import email
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from pathlib import Path
from typing import Any

import dkim
import pytest
from django.conf import settings

from rida.accounts.models import User
from rida.campaign import records
from rida.campaign.domains import ensure, sending_of
from rida.campaign.records import Kind, Way
from rida.delivery.tests.authority import authority
from rida.dispatch.models import OutcomeRow
from rida.dns.tests.zone import served
from rida.kernel.clock import now
from rida.kernel.reply import Outcome
from rida.outbox.models import Delivery, Launch
from rida.outbox.return_path import ReturnPaths
from rida.shaping.models import Source
from rida.shaping.routes import Caps, DirectSettings, RelaySettings
from rida.shaping.sources import save_direct, save_relay
from tests import house
from tests.peers.opensmtpd import opensmtpd
from tests.peers.server import NAME, Offer, Server, Start

pytestmark = [pytest.mark.peers, pytest.mark.django_db(transaction=True)]
LAB, OURS, DOMAIN = "127.0.0.0/8", "mail.warda-flowers.example", "warda-flowers.example"
ALI, BEA, NOBODY = "ali@net.test", "bea@net.test", "nobody@net.test"
LOGINS = {"flora": "Tulips of 1637"}
BY_RELAY = Way(Kind.RELAY, OURS, ("127.0.0.1",), "localhost")
DIRECT = Way(Kind.DIRECT, OURS, ("127.0.0.1",))


def zone(way: Way) -> dict[str, list[str]]:
    """Where net.test takes its mail, and everything that a receiver may ask about the sender."""
    sending = sending_of(ensure(house.workspace(), DOMAIN, now()))
    texts = [records.spf(sending, way), records.dkim(sending), records.dmarc_policy(sending)]
    return {
        "net.test MX": [f"10 {NAME}"],
        f"{NAME} A": ["127.0.0.1"],
        f"{sending.bounce_domain} MX": [f"10 {OURS}"],
        f"{OURS} A": ["127.0.0.1"],
        "1.0.0.127.in-addr.arpa PTR": [OURS],
        **{f"{record.name} TXT": [record.value] for record in texts},
    }


@pytest.fixture(autouse=True)
def _the_world(settings: Any) -> None:
    settings.RIDA_LAB_NETS, settings.RIDA_URL = (LAB,), f"https://news.{DOMAIN}"


def owner() -> User:
    return User.objects.get_or_create(email="rosa@net.test", defaults={"is_owner": True})[0]


def relay(server: Server, tls: str) -> Source:
    user, pem = ("flora", authority().pem) if tls != "none" else ("", "")
    way = RelaySettings("localhost", server.port, tls, user, authority=pem, name=OURS, addresses=("127.0.0.1",))
    return save_relay("theirs", way, LOGINS.get(user, ""), Caps(), owner(), now())


def direct() -> Source:
    return save_direct("direct", DirectSettings(OURS, public_addresses=("127.0.0.1",)), owner(), now())


@contextmanager
def departing(way: Way, source: Source) -> Iterator[tuple[str, int]]:
    """DNS answers, the domain is proved, the owner let it go. The resolver."""
    with served(zone(way)) as dns:
        settings.RIDA_RESOLVER = dns.address
        house.asked_of(dns.address, way)
        house.depart(source, owner())
        yield dns.address


def sent_through(server: Server, way: Way, source: Source) -> Launch:
    """To ali and bea, who are there, and to nobody, who is not; all outcomes are final."""
    house.sign_up(ALI, name="علي حداد", locale="ar")
    house.sign_up(BEA, NOBODY)
    with departing(way, source) as resolver:
        made = house.launched(body="# أهلا {{ first_name | default('friend') }}\n\n.dots\n\n" + "بتلات 🌷 " * 400)
        house.write_out(made)
        with house.worker_asking(resolver, mx_port=server.port, lab_nets=LAB, url=settings.RIDA_URL):
            house.until(lambda: house.finished(made), 40)
    return made


def check(server: Server, made: Launch) -> None:
    """What lies in the mailboxes is what was sent: signed by us, unchanged, with a way back to its copy."""
    key = {f"{record.name}.".encode(): record.value.encode() for record in [_key()]}
    for address in (ALI, BEA):
        [stored] = server.mailbox(address, at_least=1)
        content = _as_sent(stored)
        assert dkim.verify(content, dnsfunc=lambda name, timeout=5: key.get(name)), address
        letter = email.message_from_bytes(content, policy=policy.default)
        assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        tranche_id, n = ReturnPaths(settings.RIDA_SECRETS).read(_return_path(stored))
        assert Delivery.objects.get(tranche=tranche_id, n=n).address == address
    assert _outcomes(made) == {ALI: Outcome.ACCEPTED, BEA: Outcome.ACCEPTED, NOBODY: Outcome.BOUNCED}


def _key() -> records.Record:
    return records.dkim(sending_of(ensure(house.workspace(), DOMAIN, now())))


def _as_sent(stored: bytes) -> bytes:
    """Delivery agents keep their system's own line ends; some put an mbox line before the first field."""
    lines = stored.replace(b"\r\n", b"\n").split(b"\n")
    return b"\r\n".join(lines[1:] if lines[0].startswith(b"From ") else lines)


def _return_path(stored: bytes) -> str:
    letter = email.message_from_bytes(_as_sent(stored), policy=policy.default)
    return str(letter["Return-Path"]).strip("<>")


def _outcomes(made: Launch) -> dict[str, Outcome]:
    """The final ones, by address."""
    rows = OutcomeRow.objects.filter(tranche__launch=made).exclude(kind=Outcome.DEFERRED)
    addresses = {(row.tranche_id, row.n): row.address for row in Delivery.objects.filter(tranche__launch=made)}
    return {addresses[row.tranche_id, row.n]: Outcome(row.kind) for row in rows}


@pytest.mark.parametrize("tls", ["none", "required", "implicit"])
def test_by_a_relay_with_and_without_encryption(start_secure: Start, tmp_path: Path, tls: str) -> None:
    logins = LOGINS if tls != "none" else {}
    certificate = authority().issue("localhost") if logins else ""
    offer = Offer(certificate=certificate, implicit=tls == "implicit", logins=logins, addresses=(ALI, BEA))
    with start_secure(tmp_path, offer) as server:
        check(server, sent_through(server, BY_RELAY, relay(server, tls)))


def test_by_a_relay_that_knows_no_encryption(tmp_path: Path) -> None:
    """OpenSMTPD of Debian 12 fails its own handshakes; see test_delivery_behind_encryption."""
    with opensmtpd(tmp_path, Offer(addresses=(ALI, BEA))) as server:
        check(server, sent_through(server, BY_RELAY, relay(server, "none")))


@pytest.mark.parametrize("encrypts", [False, True], ids=["plain", "starttls"])
def test_straight_to_the_recipients_server(start: Start, tmp_path: Path, encrypts: bool) -> None:
    with start(
        tmp_path, Offer(certificate=authority().issue(NAME) if encrypts else "", addresses=(ALI, BEA))
    ) as server:
        check(server, sent_through(server, DIRECT, direct()))
