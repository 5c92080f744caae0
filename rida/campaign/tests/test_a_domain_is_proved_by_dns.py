"""Keys in the database and the proof by a real DNS server on loopback."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from pytest_django import Settings

from rida.accounts.models import Workspace
from rida.campaign import domains
from rida.campaign.domain_report import State
from rida.campaign.models import SenderDomain
from rida.campaign.records import Why, dkim
from rida.campaign.services import create_identity
from rida.campaign.tests.zones import DIRECT, DKIM_NAME, GOOD
from rida.dns.tests.zone import Server, served
from rida.kernel.errors import NoDomain, SealBroken

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
def home() -> Workspace:
    return Workspace.objects.create(name="rosa", slug="rosa")


@pytest.fixture
def domain(home: Workspace) -> SenderDomain:
    return domains.ensure(home, "flowers.example", NOW)


@pytest.fixture
def server(domain: SenderDomain) -> Iterator[Server]:
    """Everything stands, but the key."""
    with served({name: values for name, values in GOOD.items() if name != DKIM_NAME}) as server:
        yield server


def publish(server: Server, domain: SenderDomain) -> None:
    record = dkim(domains.sending_of(domain))
    server.rows[f"{record.name} TXT"] = [record.value]


def check(domain: SenderDomain, server: Server, now: datetime = NOW) -> domains.DomainReport:
    return domains.check_domain(domain, DIRECT, server.address, now)


def test_all_identities_of_a_domain_share_one_key(home: Workspace, domain: SenderDomain) -> None:
    for address in ("rosa@flowers.example", "Shop@FLOWERS.example"):
        identity = create_identity(home, name="Rosa", from_address=address, organisation="Rosa")
        assert domains.ensure(home, domains.domain_of(identity), NOW) == domain
    assert SenderDomain.objects.count() == 1


def test_each_workspace_has_its_own_key_and_selector(domain: SenderDomain) -> None:
    other = domains.ensure(Workspace.objects.create(name="lily", slug="lily"), "flowers.example", NOW)
    assert other.selector != domain.selector
    assert domains.sending_of(other).key != domains.sending_of(domain).key


@pytest.mark.parametrize(
    ("text", "name"), [(" Flowers.Example. ", "flowers.example"), ("ورد.example", "xn--ugbd2e.example")]
)
def test_a_domain_is_kept_as_dns_knows_it(home: Workspace, text: str, name: str) -> None:
    made = domains.ensure(home, text, NOW)
    assert (made.name, made.bounce_domain) == (name, f"bounce.{name}")


@pytest.mark.parametrize("text", ["", "flowers", "a@b.example", "a b.example", "-.example", "x" * 300])
def test_what_is_no_domain_is_refused(home: Workspace, text: str) -> None:
    with pytest.raises(NoDomain, match="Write it like"):
        domains.ensure(home, text, NOW)
    assert not SenderDomain.objects.exists()


def test_the_key_lies_sealed_and_opens_for_the_signer(home: Workspace, domain: SenderDomain) -> None:
    key = domains.signing_key(home.pk, "flowers.example")
    assert key is not None and key.pem.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert (key.domain, key.selector, key.proved) == ("flowers.example", domain.selector, False)
    assert b"PRIVATE" not in bytes(domain.sealed_key)
    assert "PRIVATE" not in repr(key)
    assert domains.signing_key(home.pk, "other.example") is None


def test_a_key_copied_to_another_workspace_does_not_open(domain: SenderDomain) -> None:
    other = domains.ensure(Workspace.objects.create(name="lily", slug="lily"), "flowers.example", NOW)
    SenderDomain.objects.filter(pk=other.pk).update(sealed_key=domain.sealed_key)
    with pytest.raises(SealBroken, match=r"flowers\.example"):
        domains.signing_key(other.workspace_id, "flowers.example")


def test_keys_outlive_a_replaced_secret(home: Workspace, domain: SenderDomain, settings: Settings) -> None:
    settings.RIDA_SECRETS = {**settings.RIDA_SECRETS, 1: b"a new one"}
    assert domains.signing_key(home.pk, "flowers.example") is not None
    settings.RIDA_SECRETS = {1: b"a new one"}
    with pytest.raises(SealBroken, match="RIDA_SECRET"):
        domains.signing_key(home.pk, "flowers.example")


def test_a_second_maker_finds_the_key_of_the_first(home: Workspace) -> None:
    """The race: both looked before either wrote."""
    with mock.patch.object(domains, "find", return_value=None):
        first = domains.ensure(home, "flowers.example", NOW)
        second = domains.ensure(home, "flowers.example", NOW)
    assert (first.pk, first.selector) == (second.pk, second.selector)


def test_a_domain_is_proved_when_dns_shows_our_key(home: Workspace, domain: SenderDomain, server: Server) -> None:
    missing = check(domain, server)
    assert (missing.proved, missing.stops, domain.proved_at) == (False, True, None)
    assert domains.proved(home.pk) == frozenset()
    publish(server, domain)
    found = check(domain, server, NOW + timedelta(minutes=1))
    assert (found.proved, found.stops, domain.proved_at) == (True, False, NOW + timedelta(minutes=1))
    assert domains.proved(home.pk) == {"flowers.example"}
    assert domain.last_checked_at == domain.proved_at
    assert domains.last_report(domain) == found


def test_another_workspace_is_not_proved_by_it(domain: SenderDomain, server: Server) -> None:
    other = domains.ensure(Workspace.objects.create(name="lily", slug="lily"), "flowers.example", NOW)
    publish(server, domain)
    check(domain, server)
    assert not check(other, server).proved
    assert domains.proved(other.workspace_id) == frozenset()


@pytest.mark.parametrize("gone", ["removed", "unreachable"])
def test_a_proof_is_not_taken_back_in_silence(domain: SenderDomain, server: Server, gone: str) -> None:
    publish(server, domain)
    check(domain, server)
    name = f"{domain.selector}._domainkey.flowers.example"
    del server.rows[f"{name} TXT"]
    if gone == "unreachable":
        server.rows[f"{name} FAIL"] = []
    later = check(domain, server, NOW + timedelta(days=1))
    (judged,) = later.of(Why.DKIM)
    assert judged.state is (State.UNREACHABLE if gone == "unreachable" else State.MISSING)
    assert later.stops and domain.proved_at == NOW
    assert domain.last_checked_at == NOW + timedelta(days=1)


def test_a_long_key_comes_over_tcp_in_parts_beside_a_huge_text(domain: SenderDomain, server: Server) -> None:
    publish(server, domain)
    server.rows["bounce.flowers.example TXT"] = [*GOOD["bounce.flowers.example TXT"], "x" * 30_000, "\0ورد\x1b[31m"]
    found = check(domain, server)
    assert not found.stops
    domain.refresh_from_db()
    assert domain.last_report


def test_a_silent_server_is_a_finding_and_no_error(domain: SenderDomain) -> None:
    with served({}) as gone:
        address = gone.address
    found = domains.check_domain(domain, DIRECT, address, NOW)
    assert {judged.state for judged in found.records} == {State.UNREACHABLE}
