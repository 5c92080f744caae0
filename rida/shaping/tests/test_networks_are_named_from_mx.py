"""Networks and sites are named from MX hosts alone."""

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rida.shaping.networks import name_from_key, name_network, name_site


@dataclass(frozen=True)
class Host:
    name: str
    preference: int = 10
    addresses: tuple[str, ...] = ("192.0.2.1",)


@dataclass(frozen=True)
class Found:
    hosts: tuple[Host, ...] = field(default_factory=tuple)


def found(*hosts: Host) -> Found:
    return Found(hosts)


@pytest.mark.parametrize(
    ("hosts", "key"),
    [
        ([Host("gmail-smtp-in.l.google.com", 5), Host("alt1.gmail-smtp-in.l.google.com")], "provider:google"),
        ([Host("aspmx.l.google.com"), Host("aspmx2.googlemail.com", 20)], "provider:google"),
        ([Host("mta5.am0.yahoodns.net"), Host("mta6.am0.yahoodns.net")], "provider:yahoo"),
        ([Host("hotmail-com.olc.protection.outlook.com")], "provider:microsoft-consumer"),
        ([Host("florist-example.mail.protection.outlook.com")], "provider:microsoft-365"),
        ([Host("florist-example.a-v1.mx.microsoft")], "provider:microsoft-365"),
        ([Host("mx01.mail.icloud.com"), Host("mx02.mail.icloud.com")], "provider:apple"),
        ([Host("smtp-in.orange.fr")], "provider:orange"),
        ([Host("mx00.gmx.net"), Host("mx-ha02.web.de")], "provider:gmx"),
        ([Host("mfsmax.docomo.ne.jp")], "provider:docomo"),
        ([Host("us-smtp-inbound-1.mimecast.com")], "provider:mimecast"),
        # Exact names are exact, a suffix ends at a dot, and a provider nobody verified matches nothing.
        ([Host("other.docomo.ne.jp")], "net:192.0.2.0/24"),
        ([Host("mx.notgoogle.com")], "net:192.0.2.0/24"),
        ([Host("google.com.evil.example")], "net:192.0.2.0/24"),
        ([Host("mx.zoho.com")], "net:192.0.2.0/24"),
        # All hosts must be one provider's.
        ([Host("aspmx.l.google.com"), Host("mx.own.example", 20, ("198.51.100.9",))], "net:192.0.2.0/24"),
        ([Host("aspmx.l.google.com"), Host("mx00.gmx.net", 20)], "net:192.0.2.0/24"),
        # Nobody's: the best host that has an address decides, IPv4 before IPv6.
        ([Host("mx1.x.example", 10, ("203.0.113.77",)), Host("mx2.x.example", 20)], "net:203.0.113.0/24"),
        ([Host("mx1.x.example", 10, ()), Host("mx2.x.example", 20)], "net:192.0.2.0/24"),
        ([Host("mx1.x.example", 10, ("2001:db8:7:1::5", "203.0.113.7"))], "net:203.0.113.0/24"),
        ([Host("mx1.x.example", 10, ("2001:db8:7:1::5",))], "net:2001:db8:7::/48"),
    ],
)
def test_a_network_is_its_provider_or_the_block_of_its_best_host(hosts: list[Host], key: str) -> None:
    assert name_network(found(*hosts)).key == key


def test_vanity_names_of_one_server_share_a_network_and_not_a_site() -> None:
    own = found(Host("mx.harbour.example", 10, ("192.0.2.10",)))
    vanity = found(Host("mail.cafe.example", 10, ("192.0.2.99",)))
    assert name_network(own).key == name_network(vanity).key
    assert name_site(own) != name_site(vanity)


def test_a_site_is_its_network_its_hosts_and_its_tls_policy() -> None:
    hosts = found(Host("mx2.x.example", 20), Host("mx1.x.example", 10))
    assert name_site(hosts) == "net:192.0.2.0/24 mx1.x.example,mx2.x.example tls=opportunistic"
    assert name_site(hosts, tls="mta-sts").endswith(" tls=mta-sts")


def test_hosts_that_move_to_other_addresses_are_another_site() -> None:
    before, after = Host("mx.x.example", 10, ("192.0.2.1",)), Host("mx.x.example", 10, ("203.0.113.1",))
    assert name_site(found(before)) != name_site(found(after))


def test_a_site_of_very_many_hosts_has_a_key_that_fits_and_is_its_own() -> None:
    many = [Host(f"{'m' * 60}{number}.x.example") for number in range(16)]
    key, other = name_site(found(*many)), name_site(found(*many[:-1]))
    assert len(key) == 500 and len(other) == 500
    assert key != other


def test_networks_have_names_for_people() -> None:
    assert name_network(found(Host("aspmx.l.google.com"))).name == "Google (Gmail, Workspace)"
    assert name_network(found(Host("mx1.x.example"))).name == "mx1.x.example (192.0.2.0/24)"


@pytest.mark.parametrize("host", ["aspmx.l.google.com", "mx1.x.example"])
def test_a_key_and_a_host_tell_the_whole_name(host: str) -> None:
    whole = name_network(found(Host(host)))
    assert name_from_key(whole.key, host) == whole


def test_a_network_of_neither_kind_is_called_by_its_key() -> None:
    assert name_from_key("unlocated", "nowhere").name == "unlocated"


addresses = st.lists(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str), min_size=1, max_size=4, unique=True
).map(tuple)
names = st.from_regex(r"mx[0-9]{1,3}\.(x\.example|l\.google\.com)", fullmatch=True)
hosts_ = st.lists(
    st.builds(Host, names, st.sampled_from([5, 10, 20]), addresses), min_size=1, max_size=6, unique_by=lambda h: h.name
)


@given(hosts_, st.integers())
def test_the_order_of_hosts_and_addresses_changes_no_name(hosts: list[Host], seed: int) -> None:
    rng = Random(seed)
    turned = [
        Host(host.name, host.preference, tuple(rng.sample(host.addresses, len(host.addresses))))
        for host in rng.sample(hosts, len(hosts))
    ]
    assert name_network(found(*hosts)) == name_network(found(*turned))
    assert name_site(found(*hosts)) == name_site(found(*turned))
