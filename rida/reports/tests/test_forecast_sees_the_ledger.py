"""The forecast counts what the ledger holds: its tables belong to later stages than shaping, so it is tested here."""

from datetime import UTC, datetime, timedelta

import pytest

from rida.accounts.models import Workspace
from rida.dispatch.models import Volley
from rida.dns.location import Found, MailHost
from rida.kernel.clock import milliseconds
from rida.outbox.models import Launch, Tranche
from rida.shaping.account import account_forecast
from rida.shaping.forecast import Because
from rida.shaping.models import NEVER, Allowance, Site, Source
from rida.shaping.places import assign
from rida.shaping.services import forecast, hold
from rida.shaping.sources import sandbox_source

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def site(host: str = "mx.h.example") -> Site:
    made = assign(f"at-{host}", Found(f"at-{host}", (MailHost(host, 10, ("192.0.2.1",)),), implicit=False, ttl=60), NOW)
    assert isinstance(made, Site)
    return made


def test_the_forecast_knows_limits_holds_what_counts_and_what_waits() -> None:
    quick, slow, held = site(), site("smtp-in.orange.fr"), site("mx.netease.com")
    hold(held.network, None, "", "alice@example.org", NOW)
    _sent(slow, 30, NOW + timedelta(minutes=30))
    _waiting(slow, 70)
    rows = forecast({quick.network_id: 90, slow.network_id: 80, held.network_id: 1}, NOW)
    assert [(row.network, row.n, row.cap, row.hours, row.because) for row in rows] == [
        ("NetEase (163, 126)", 1, 90, None, Because.HOLD),
        ("Orange, Wanadoo", 80, 90, 1.0, Because.RATE),
        ("mx.h.example (192.0.2.0/24)", 90, 90, 0.0, Because.FITS),
    ]


def test_what_no_longer_counts_is_not_in_the_forecast() -> None:
    place = site()
    _sent(place, 90, NOW)
    assert forecast({place.network_id: 90}, NOW)[0].hours == 0


def _allowance(**limits: int) -> Source:
    source = sandbox_source()
    Allowance.objects.create(source=source, day_more_ms=23 * 3_600_000, **limits)
    return source


def test_a_source_without_an_allowance_has_no_forecast_of_its_own() -> None:
    assert account_forecast(sandbox_source(), 1_000, NOW) is None
    assert account_forecast(_allowance(connections=3), 1_000, NOW) is None


@pytest.mark.parametrize(
    ("limits", "hours"),
    [({"hour": 100}, 11.0), ({"day": 500}, 48.0), ({"hour": 100, "day": 500}, 48.0), ({"hour": 0}, None)],
)
def test_the_slower_of_a_relays_hour_and_day_counts(limits: dict[str, int], hours: float | None) -> None:
    row = account_forecast(_allowance(**limits), 1_000, NOW)
    assert row is not None and row.hours == hours


def test_a_relays_account_counts_what_left_by_it_and_what_waits() -> None:
    place, source = site(), _allowance(hour=100)
    _sent(place, 90, NOW + timedelta(minutes=30))
    _waiting(place, 90)
    row = account_forecast(source, 10, NOW)
    assert row is not None and row.hours == 1.5


def test_a_held_account_has_no_end() -> None:
    source = _allowance(hour=100, hold_until=NEVER)
    row = account_forecast(source, 1, NOW)
    assert row is not None and row.hours is None


def _alice() -> Workspace:
    return Workspace.objects.get_or_create(slug="alice", defaults={"name": "Alice"})[0]


def _sent(place: Site, n: int, counts_until: datetime) -> None:
    Volley.objects.create(
        workspace=_alice(),
        network=place.network,
        site=place,
        source=sandbox_source(),
        node="gone",
        urgent=False,
        n=n,
        opened_at=0,
        lease_until=0,
        counts_until=milliseconds(counts_until),
        started=True,
        closed=True,
        tranche_ids=[],
        ns=[],
        attempts=[],
    )


def _waiting(place: Site, n: int) -> None:
    launch = Launch.objects.create(
        source=sandbox_source(),
        workspace=_alice(),
        kind=Launch.Kind.BULK,
        content={},
        content_hash=b"",
        terms={},
        give_up_at=0,
        launched_at=NOW,
    )
    Tranche.objects.create(
        workspace=_alice(),
        launch=launch,
        network=place.network,
        site=place,
        source=sandbox_source(),
        urgent=False,
        priority=100,
        end_n=n,
    )
