"""What a source's settings hold: a relay's door, or our own. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class _Settings:
    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """What an older release stored too: unknown names are left out, missing ones have their defaults."""
        return cls(**{field.name: stored[field.name] for field in fields(cls) if field.name in stored})


@dataclass(frozen=True, slots=True)
class RelaySettings(_Settings):
    """An account at somebody's mail server, which brings the mail to the world.

    tls: none, opportunistic, required (STARTTLS) or implicit. password: sealed (kernel.sealing), in hexadecimal digits.
    authority: a certificate in PEM that proves the relay, where the world's authorities do not. name: what EHLO says;
    empty: this machine's name. messages_per_connection: the relay's own quota. include: the domain whose SPF record the
    relay tells its customers to include; addresses: those it sends from; empty where it tells none.
    """

    host: str
    port: int = 587
    tls: str = "required"
    user: str = ""
    password: str = ""
    authority: str = ""
    name: str = ""
    messages_per_connection: int = 100
    include: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DirectSettings(_Settings):
    """Straight to the recipients' servers. name: what EHLO says, and what the address must resolve back to (R60).

    local_address: of this machine, if it has several; empty: the system's choice. public_addresses: what the world
    sees us come from; SPF must name them.
    """

    name: str = ""
    local_address: str = ""
    public_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Caps:
    """What a relay allows an account over all networks. None: it sets no such limit."""

    hour: int | None = None
    day: int | None = None
    connections: int | None = 10
