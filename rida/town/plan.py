"""The town as data: networks, their domains, hosts and moods. Pure.

No domain here can be anyone's: all end in .example or .test (RFC 2606). One network may stand for the rest of the
world, so that a newcomer's own list, with anyone's domains in it, reaches an inbox here and nobody else. Every network
has a /24 of its own below 127.10.0.0, so that shaping tells them apart as it does on the internet.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import ip_address
from random import Random

from rida.kernel.errors import SettingError

MAIL_SIZE_BYTES = 10 * 1024 * 1024
_RESERVED = ("example", "test", "invalid", "localhost", "local")
"""RFC 2606 and RFC 6762: what nobody's mail address ends in. A name of these that the plan lacks does not exist."""


class AfterDot(StrEnum):
    """What happens once a message is taken. All but ANSWER leave the sender in doubt (RFC 1047)."""

    ANSWER = "answer"
    DROP = "drop"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class Mood:
    """How a network treats its visitors. The parts combine freely.

    Everywhere, by local part: `gone…` does not exist (550 5.1.1), `full…` is over quota (452 4.2.2), `fullonce…` is so
    the first time only.
    """

    greylist_seconds: float | None = None
    """The first try of a triplet gets 451; it is taken after so long."""
    rate: int | None = None
    """More MAIL than this in `rate_seconds` gets 421 4.7.0 and a closed connection."""
    rate_seconds: float = 10.0
    step_seconds: float = 0.0
    """Every reply comes so late."""
    listens: bool = True
    """False: the connection is refused."""
    turns_away: int = 0
    """So many connections get 421 as a greeting, then the door opens; -1: all of them."""
    after_dot: AfterDot = AfterDot.ANSWER
    after_dot_every: int = 1
    """Only every so manieth message meets `after_dot`."""
    keeps: bool = True
    """False, for benchmarks: no inbox, no event log; totals are still counted."""


ACCEPT = Mood()
GREYLIST = Mood(greylist_seconds=3.0)
RATE_LIMIT = Mood(rate=40)
SLOW = Mood(step_seconds=0.05)
CLOSED = Mood(listens=False)
BUSY = Mood(turns_away=-1)
SIESTA = Mood(turns_away=3)
DROPS = Mood(after_dot=AfterDot.DROP)
HANGS = Mood(after_dot=AfterDot.HANG)
FAST = Mood(keeps=False)


@dataclass(frozen=True, slots=True)
class Host:
    """A mail server, lower preference first."""

    name: str
    address: str
    preference: int = 10


@dataclass(frozen=True, slots=True)
class Network:
    """domains: in A-labels. vanity: domains whose own MX name points at our first host's address."""

    name: str
    domains: tuple[str, ...]
    hosts: tuple[Host, ...]
    mood: Mood = ACCEPT
    vanity: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """The /24 of the best host, as shaping would see it."""
        return f"{self.hosts[0].address.rpartition('.')[0]}.0/24"

    @property
    def all_domains(self) -> tuple[str, ...]:
        return self.domains + self.vanity


@dataclass(frozen=True, slots=True)
class Plan:
    """texts: TXT records by name. null_mx, implicit_mx and broken (SERVFAIL) are domains for the odd answers of DNS;
    mail for an implicit one goes to the first network. rest: name of the network that takes mail for all the domains of
    the real world, or empty. ttl: seconds of every record."""

    networks: tuple[Network, ...]
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    null_mx: tuple[str, ...] = ()
    implicit_mx: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    rest: str = ""
    ttl: int = 60

    def network(self, name: str) -> Network:
        return next(network for network in self.networks if network.name == name)

    def network_of(self, domain: str) -> Network | None:
        """The network that takes mail for `domain`."""
        if domain in self.implicit_mx:
            return self.networks[0]
        named = next((network for network in self.networks if domain in network.all_domains), None)
        return named or (self.network(self.rest) if self.rest and is_of_the_world(domain) else None)

    def with_moods(self, **moods: Mood) -> "Plan":
        """The same town in other spirits: `plan.with_moods(rose_mail=SLOW)`, dashes as underscores."""
        changed = {name.replace("_", "-"): mood for name, mood in moods.items()}
        assert changed.keys() <= {network.name for network in self.networks}, changed
        return replace(self, networks=tuple(replace(n, mood=changed.get(n.name, n.mood)) for n in self.networks))


def is_of_the_world(domain: str) -> bool:
    """Whether it could be somebody's: at least two labels, none for machines (`_dmarc`), no reserved ending."""
    labels = domain.lower().rstrip(".").split(".")
    return len(labels) > 1 and labels[-1] not in _RESERVED and not any(label.startswith("_") for label in labels)


def default() -> Plan:
    """The shipped town."""
    networks = (
        _network(1, "rose-mail", ["rose-mail.example", "rosemail.test", "jasmine-mail.example"], hosts=2),
        _network(2, "olive-post", ["olive-post.example"], GREYLIST),
        _network(3, "falcon-net", ["falcon-net.example", "saqr.test"], RATE_LIMIT),
        _network(4, "cedar-webmail", ["cedar-webmail.test", "arz.example"], hosts=2),
        _network(5, "date-palm", ["date-palm.example"], SLOW),
        _network(
            6,
            "harbour-hosting",
            ["layla-bakery.example", "qamar-books.example", "al-noor-school.test"],
            vanity=["mina-cafe.example", "nile-studio.test"],
        ),
        _network(7, "barid-al-ward", [_ROSE_POST, "barid-al-ward.example"]),
        _network(8, "siesta-mail", ["siesta-mail.example"], SIESTA),
        _network(9, "sunset-closed", ["sunset-closed.example"], CLOSED),
        _network(10, "busy-line", ["busy-line.example"], BUSY),
        _network(11, "cut-line", ["cut-line.example"], DROPS),
        _network(12, "silent-line", ["silent-line.example"], HANGS),
        _network(13, "fast-lane", ["fast-lane.example"], FAST),
        _network(14, "rest-of-the-world", ["rest-of-the-world.example"]),
    )
    return Plan(
        networks,
        texts={
            "warda-flowers.example": ("v=spf1 ip4:127.0.0.0/8 -all",),
            "_dmarc.warda-flowers.example": ("v=DMARC1; p=none",),
        },
        null_mx=("takes-no-mail.example",),
        implicit_mx=("no-mx-record.example",),
        broken=("broken-dns.example",),
        rest="rest-of-the-world",
    )


def many(networks: int, *, seed: int = 1, moods: Iterable[Mood] = (ACCEPT,), domains_each: int = 2) -> Plan:
    """A big town: so many networks, moods dealt out at random from `seed`, every third network with two hosts."""
    rng, choices = Random(seed), tuple(moods)
    return Plan(
        tuple(
            _network(
                number,
                f"net-{number}",
                [f"d{index}.net-{number}.example" for index in range(1, domains_each + 1)],
                rng.choice(choices),
                hosts=2 if number % 3 == 0 else 1,
            )
            for number in range(1, networks + 1)
        )
    )


def named(text: str) -> Plan:
    """What `--plan` takes: `default`, `many:200`, `many:200:7` (seed), `fast:200` (all fast). Raises SettingError."""
    kind, *numbers = text.split(":")
    try:
        count = int(numbers[0]) if numbers else 0
        seed = int(numbers[1]) if len(numbers) > 1 else 1
    except ValueError as error:
        raise SettingError(name="--plan", reason=f"“{text}” holds something else than numbers") from error
    match kind:
        case "default":
            return default()
        case "many" | "fast" if 0 < count <= _MOST_NETWORKS:
            return many(count, seed=seed, moods=(FAST,) if kind == "fast" else (ACCEPT,))
    raise SettingError(name="--plan", reason=f"there is no plan “{text}”")


def require_loopback(addresses: Iterable[str]) -> None:
    """The town must never be seen from outside. Raises SettingError."""
    for address in addresses:
        if not ip_address(address).is_loopback:
            raise SettingError(
                name="plan", reason=f"{address} is not a loopback address; the town stays on this machine"
            )


def _network(
    number: int, name: str, domains: list[str], mood: Mood = ACCEPT, *, hosts: int = 1, vanity: Iterable[str] = ()
) -> Network:
    return Network(
        name,
        tuple(domains),
        tuple(
            Host(f"mx{index}.{domains[0]}", _address(number, index), preference=10 * index)
            for index in range(1, hosts + 1)
        ),
        mood,
        tuple(vanity),
    )


def _address(network: int, host: int) -> str:
    block, third = divmod(network, 256)
    return f"127.{10 + block}.{third}.{host}"


_MOST_NETWORKS = 20_000
_ROSE_POST = "xn----zmcb2acid5mmbp.example"  # بريد-الورد.example
