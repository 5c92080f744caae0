"""What delivery asks of the house, and the frozen facts that cross the border. Pure.

The order that keeps the promise (design §4): claim → connect → begin → for each message: render, dialogue, record →
exchange, or hang up and close. `begin` and `record` return when the commit is durable, and bring the house's last word
on the messages still to come; so permission, pause and cancel are asked again within one message of the wire.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rida.delivery.trace import Line
from rida.kernel.reply import Outcome, Reply


@dataclass(frozen=True, slots=True)
class Key:
    """Names one person's copy for ever."""

    tranche_id: int
    n: int


@dataclass(frozen=True, slots=True)
class Item:
    """One delivery as claimed: whom to write to, and which try this is (from 1)."""

    key: Key
    attempt: int
    launch_id: int
    workspace_id: int
    address: str
    address_hash: bytes
    merge: Mapping[str, Any]
    traced: bool = False
    """Somebody wants to read the dialogue (a test)."""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Volley:
    """Permit and lease in one: these messages, to this site, over one connection, until the lease ends.

    lease_seconds counts from `claimed_at`, the clock (kernel.clock.elapsed_seconds) read before the claim was asked.
    """

    id: int
    network_id: int
    network: str
    site_id: int
    site: str
    source_id: int
    urgent: bool
    items: tuple[Item, ...]
    claimed_at: float
    lease_seconds: float
    messages_per_connection: int = 20
    """What this network takes before it wants another connection."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a domain's mail goes now. `site` and `network` are the keys of shaping; hosts by preference."""

    network: str
    site: str
    hosts: tuple["Host", ...]


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    addresses: tuple[str, ...]
    port: int = 25


@dataclass(frozen=True, slots=True)
class NoPlace:
    """The domain cannot be located. `permanent`: null MX or no such domain; otherwise try later."""

    permanent: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered message, CRLF line ends, not dot-stuffed."""

    mail_from: str
    recipient: str
    content: bytes
    smtputf8: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The copy cannot be made (a merged header with a line break, say); becomes withheld, with the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one attempt. hard: the mailbox is dead, suppress the address."""

    item: Item
    outcome: Outcome
    reply: Reply
    hard: bool = False
    moved_to: Place | None = None
    """The MX now names another network: nothing was sent, the delivery moves there (same attempt)."""
    dialogue: tuple[Line, ...] = ()
    """Of an item that is traced: what was said."""


@dataclass(frozen=True, slots=True)
class Word:
    """The house's last word on messages still to come, read in the commit that has just become durable."""

    withheld: frozenset[Key] = field(default_factory=frozenset)
    """Permission changed: already recorded as withheld, do not send."""
    halted: frozenset[Key] = field(default_factory=frozenset)
    """Launch paused or cancelled: do not send; close returns them."""
    fenced: bool = False
    """This node must not send at all (lease gone, clocks apart)."""


class Ledger(Protocol):
    """The durable side. Each call returns after its commit; a call that raises changed nothing the caller may trust."""

    async def begin(self, volley: Volley) -> Word:
        """Mark the volley as started; required before its first MAIL."""
        ...

    async def record(self, volley: Volley, results: Sequence[Result], coming: Sequence[Item]) -> Word:
        """Make results durable (idempotent) and ask again about `coming`."""
        ...

    async def exchange(self, volley: Volley, attempted: int, *, any_network: bool = False) -> Volley | None:
        """Close this finished volley and claim another of the same site in one transaction; None: nothing changed.

        any_network: the connection leads to a relay; a volley of the same source for another network will do.
        """
        ...

    async def close(self, volley: Volley, attempted: int, returned: Sequence[Item]) -> None:
        """End the volley: so many messages reached the wire (MAIL sent); `returned` go back with the same attempt."""
        ...

    async def renew(self, volley_ids: Collection[int]) -> frozenset[int]:
        """Lengthen the leases of volleys that have a live session; those that could be."""
        ...


class Atlas(Protocol):
    async def locate(self, domain: str) -> Place | NoPlace:
        """Where the domain's mail goes, cached by TTL."""
        ...


class Press(Protocol):
    def render(self, item: Item) -> Letter | Refusal | Reply:
        """One person's copy. Fast: the skeleton was compiled once for the launch. A Reply (code 0) lets it wait."""
        ...
