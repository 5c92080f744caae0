"""Holds, pins and priors change a budget row, and say who did it."""

from datetime import UTC, datetime, timedelta

import pytest

from rida.accounts.models import AuditEntry
from rida.dns.location import Found, MailHost
from rida.kernel.clock import milliseconds
from rida.kernel.errors import LimitOutOfRange
from rida.shaping.limits import Limits
from rida.shaping.models import NEVER, Budget, HoldEntry, Network, Site
from rida.shaping.networks import messages_per_connection
from rida.shaping.places import assign
from rida.shaping.services import apply_priors, hold, pin, release, unpin

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def site(host: str = "mx.h.example") -> Site:
    made = assign(f"at-{host}", Found(f"at-{host}", (MailHost(host, 10, ("192.0.2.1",)),), implicit=False, ttl=60), NOW)
    assert isinstance(made, Site)
    return made


def budget(network: Network) -> Budget:
    return Budget.objects.get(network=network, source=None)


@pytest.mark.parametrize(("until", "stored"), [(NOW + HOUR, milliseconds(NOW + HOUR)), (None, NEVER)])
def test_a_held_network_rests_until_the_moment_given_or_for_good(until: datetime | None, stored: int) -> None:
    network = site().network
    hold(network, until, "too many complaints", "alice@example.org", NOW)
    row = budget(network)
    assert (row.hold_until, row.hold_reason, row.next_due) == (stored, "too many complaints", 0)


def test_a_released_network_is_due_at_once() -> None:
    network = site().network
    hold(network, None, "too many complaints", "alice@example.org", NOW)
    Budget.objects.update(next_due=NEVER)
    release(network, "bob@example.org", NOW + HOUR)
    row = budget(network)
    assert (row.hold_until, row.hold_reason, row.next_due) == (0, "", 0)


def test_every_hold_and_release_stays_in_the_history() -> None:
    network = site().network
    hold(network, None, "complaints", "alice@example.org", NOW)
    release(network, "bob@example.org", NOW + HOUR)
    entries = HoldEntry.objects.filter(network=network).order_by("pk").values_list("by", "reason", "until", "at")
    assert list(entries) == [
        ("alice@example.org", "complaints", None, NOW),
        ("bob@example.org", "", NOW + HOUR, NOW + HOUR),
    ]


def test_a_hold_touches_no_other_network() -> None:
    held, other = site().network, site("smtp-in.orange.fr").network
    hold(held, None, "", "alice@example.org", NOW)
    assert budget(other).hold_until == 0 and budget(other).next_due == NEVER


def test_a_pin_is_in_force_at_once_and_says_who_set_it() -> None:
    network = site("smtp-in.orange.fr").network
    assert pin(network, r=20, c=4, by="alice@example.org") == Limits(20, 4, 2, 4, 20)
    row = budget(network)
    assert (row.r, row.c, row.k, row.v, row.pinned, row.next_due) == (20, 4, 2, 4, True, 0)
    assert AuditEntry.objects.get().subject == "provider:orange R=20 C=4 alice@example.org"


def test_unpinning_goes_back_to_the_prior() -> None:
    network = site("smtp-in.orange.fr").network
    pin(network, r=20, k=1, by="alice@example.org")
    assert unpin(network, "alice@example.org") == Limits(k=2)
    assert not budget(network).pinned


@pytest.mark.parametrize("limit", ["r", "c", "k", "v"])
@pytest.mark.parametrize("value", [0, 101])
def test_a_pin_beyond_the_defaults_is_refused_and_changes_nothing(limit: str, value: int) -> None:
    network = site().network
    with pytest.raises(LimitOutOfRange, match=f"The limit {limit.upper()} must lie between 1 and"):
        pin(network, by="alice@example.org", **{limit: value})
    assert not budget(network).pinned
    assert budget(network).r == 100


def test_a_new_prior_applies_to_what_nobody_pinned() -> None:
    free, pinned = site("smtp-in.orange.fr").network, site("mx.netease.com").network
    pin(pinned, k=1, by="alice@example.org")
    Budget.objects.filter(network=free).update(k=10)
    assert apply_priors() == 1
    assert (budget(free).k, budget(pinned).k) == (2, 1)
    assert apply_priors() == 0


def test_messages_a_connection_follow_the_provider() -> None:
    assert messages_per_connection(site("mx01.mail.icloud.com").network.key) == 5
    assert messages_per_connection(site().network.key) == 20
