"""How the mail of one source leaves: through which door, who may be met there, under which protection. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from rida.delivery.ports import Atlas, Host


class Tls(StrEnum):
    """What a connection needs before the first MAIL (RFC 3207, RFC 8314).

    `required` and `implicit` want a certificate that names the host; `opportunistic` takes any, because between
    strangers encryption without proof is still better than none (RFC 7435).
    """

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    REQUIRED = "required"
    IMPLICIT = "implicit"

    @property
    def proves(self) -> bool:
        """The host's certificate is checked."""
        return self in (Tls.REQUIRED, Tls.IMPLICIT)


@dataclass(frozen=True, slots=True)
class Login:
    """An account at a relay (RFC 4954)."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Door:
    """What is said at the door: our name, how it must be protected, who we are.

    authority: a certificate (PEM) that relays of a house of its own are proved by, instead of the world's.
    messages_per_connection: a relay's own quota; None: the network's.
    """

    name: str = "localhost"
    """What EHLO says: our host name, A-labels."""
    tls: Tls = Tls.OPPORTUNISTIC
    login: Login | None = None
    authority: str = ""
    messages_per_connection: int | None = None


class Guard(Protocol):
    def may_connect(self, address: str) -> bool:
        """The sandbox allows loopback only; real routes only global addresses (design §8)."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """relay: all mail goes to these hosts; empty: straight to the recipients' servers.

    local_address: the address of ours that connections leave from; empty: the system's choice.
    """

    atlas: Atlas
    guard: Guard
    door: Door = Door()
    relay: tuple[Host, ...] = ()
    local_address: str = ""


class Routes(Protocol):
    async def of(self, source_id: int) -> Route:
        """The route of a source, as it is configured now. Raises RidaError if there is none that works."""
        ...
