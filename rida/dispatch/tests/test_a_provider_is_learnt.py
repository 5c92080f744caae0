"""providers.toml names servers that were known by their addresses: what they have had in the last hour goes along."""

from datetime import date

import pytest

from rida.dispatch.renaming import follow_providers
from rida.dispatch.tests import world
from rida.outbox.models import Tranche
from rida.shaping import providers
from rida.shaping.models import Budget, Network, Site
from rida.shaping.providers import Confidence, Provider

pytestmark = pytest.mark.django_db

HOSTS = "mx1.learnt.example,mx2.learnt.example"


def learn(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Provider(
        *("learnt", "Learnt", (".learnt.example",), 3, None, "a test", date(2026, 1, 1), Confidence.CAREFUL, True)
    )
    monkeypatch.setattr(providers, "PROVIDERS", (*providers.PROVIDERS, row))


def campaign_at(key: str, network: str = "net:192.0.2.0/24", count: int = 30) -> Tranche:
    where = world.place()
    Network.objects.filter(pk=where.network_id).update(key=network)
    Site.objects.filter(pk=where.site_id).update(key=key)
    return world.campaign_to(count, place_=where)


def test_its_servers_take_their_window_and_their_mail_along(monkeypatch: pytest.MonkeyPatch) -> None:
    made = campaign_at(f"net:192.0.2.0/24 {HOSTS} tls=opportunistic")
    ledger = world.node()
    [used] = ledger.claim(0, 10)
    ledger.close(used, 5, ())
    [in_hand] = ledger.claim(0, 10)
    learn(monkeypatch)
    assert follow_providers() == 1
    budget = Budget.objects.get(network__key="provider:learnt")
    assert (budget.k, budget.in_hand) == (3, 5)
    Budget.objects.filter(pk=budget.pk).update(r=11)
    ledger.close(in_hand, 5, ())
    assert ledger.claim(budget.shard, 10) == []  # 10 of 10 (and one kept for urgent mail) are used
    world.pass_time(world.WINDOW_MS + 1)
    assert [len(volley.items) for volley in ledger.claim(budget.shard, 10)] == [5]
    made.refresh_from_db()
    assert made.network_id == budget.network_id


def test_it_happens_once(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_at(f"net:192.0.2.0/24 {HOSTS} tls=opportunistic")
    learn(monkeypatch)
    assert [follow_providers(), follow_providers()] == [1, 0]


def test_a_provider_may_get_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    made = campaign_at(f"provider:old {HOSTS} tls=opportunistic", "provider:old")
    learn(monkeypatch)
    assert follow_providers() == 1
    made.refresh_from_db()
    assert made.network.key == "provider:learnt"


@pytest.mark.parametrize(
    "key",
    [
        f"net:192.0.2.0/24 {HOSTS},mx.elsewhere.example tls=opportunistic",
        f"net:192.0.2.0/24 {HOSTS}#0123456789abcdef tls=opportunistic",
        "provider:gone mx.gone.example tls=opportunistic",
        "unlocated",
    ],
    ids=["partly elsewhere", "shortened", "a provider that is gone", "unlocated"],
)
def test_what_the_key_cannot_tell_is_left_to_dns(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    campaign_at(key, key.partition(" ")[0])
    learn(monkeypatch)
    assert follow_providers() == 0
