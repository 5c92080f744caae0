"""Through a relay of others (aiosmtpd) with TLS and a password: a real worker, real sockets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rida.accounts.models import Membership, Role, User
from rida.campaign.records import Kind, Way
from rida.cli import routes
from rida.delivery.tests.authority import authority
from rida.dispatch.models import OutcomeRow
from rida.kernel.clock import now
from rida.kernel.errors import NoSuchThing
from rida.kernel.reply import Outcome
from rida.outbox.models import Launch
from rida.shaping.models import Allowance, Departure, Source
from rida.shaping.routes import Caps, RelaySettings
from rida.shaping.sources import save_relay
from rida.town.beside import beside
from rida.town.plan import default
from rida.town.server import Town
from tests import house
from tests.relay import HOST, Account, relay

pytestmark = pytest.mark.django_db(transaction=True)
LAB = "127.0.0.0/8"
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


def depart(port: int, caps: Caps = NO_CAPS, password: str = "tulips") -> Source:
    owner = User.objects.create_user("rosa@warda.example", is_owner=True)
    way = RelaySettings(
        HOST, port, "required", "rosa", authority=authority().pem, name=WAY.helo, addresses=WAY.addresses
    )
    source = save_relay("relay", way, password, caps, owner, now())
    house.depart(source, owner)
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


def test_a_test_by_command_shows_what_was_said_and_lets_the_first_launch_be_approved(
    town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    account = Account()
    with relay(account) as port:
        depart(port)
        Departure.objects.update(tested_at=None)
        Membership.objects.create(workspace=house.workspace(), user=User.objects.get(), role=Role.OWNER)
        User.objects.update(email="rosa@rose-mail.example")
        house.identity(house.workspace())
        with house.worker(town.card, lab_nets=LAB):
            assert routes.test("", None, "", 20) == 0
    printed = capsys.readouterr().out
    assert "· Encrypted from here: TLSv1.3" in printed and "the certificate of localhost was checked" in printed
    assert "→ AUTH PLAIN •••" in printed and "tulips" not in printed
    assert "→ RCPT TO:<rosa@rose-mail.example>" in printed and "← 250 2.6.0 taken" in printed
    assert Departure.objects.get().tested_at is not None
    assert account.taken[0].rcpt_tos == ["rosa@rose-mail.example"]
    routes.show("")
    told = capsys.readouterr().out
    assert "leaves by: the relay localhost" in told
    assert "Next, on the page “Out of the sandbox”: Publish your domain's DNS records." in told


def test_a_test_that_nobody_takes_says_so(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    account = Account()
    with relay(account) as port:
        depart(port)
        owner = User.objects.get()
        Membership.objects.create(workspace=house.workspace(), user=owner, role=Role.OWNER)
        User.objects.update(email="rosa@rose-mail.example")
        house.identity(house.workspace())
        assert routes.test("", None, "", 0) == 1
    assert "Is a worker running?" in capsys.readouterr().out
    with pytest.raises(NoSuchThing, match=r"rosa@rose-mail\.example"):
        routes.test("", None, "ed@rose-mail.example", 0)
