"""One network's front desk: whom it lets in, what it says to MAIL, RCPT and a finished message, and what it counts.

No sockets here: `receiver` speaks, the desk decides. A reply is one line without its line end; None means yes.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from rida.town.counters import Event, Kind, Tally
from rida.town.events import EventLog
from rida.town.inbox import Postman
from rida.town.plan import AfterDot, Network, is_of_the_world

Refusal = str | None

_TRIPLETS_KEPT = 100_000
_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(?:\r\n[ \t]+)?([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


class Desk:
    """now: monotonic nanoseconds. log and postman are not used by a network that keeps nothing."""

    def __init__(
        self,
        network: Network,
        now: Callable[[], int],
        window_seconds: float,
        log: EventLog,
        postman: Postman,
        extra_domains: Sequence[str] = (),
        *,
        takes_the_rest: bool = False,
    ) -> None:
        self.network = network
        self.mood = network.mood
        self.tally = Tally(window_seconds)
        self._now, self._log, self._postman = now, log, postman
        self._domains = _both_spellings((*network.all_domains, *extra_domains))
        self._takes_the_rest = takes_the_rest
        self._turned_away = 0
        self._rated: deque[int] = deque()
        self._triplets: OrderedDict[tuple[str, str, str], int] = OrderedDict()
        self._tidied: set[str] = set()
        self._taken = 0

    def greet(self) -> Refusal:
        """What a new connection hears instead of a welcome."""
        if self.mood.turns_away < 0 or self._turned_away < self.mood.turns_away:
            self._turned_away += 1
            return f"421 4.3.2 {self.network.name} is too busy, try again later"
        return None

    def mail(self, sender: str) -> Refusal:
        """Counts the MAIL FROM whatever the answer is. 421 closes the connection."""
        now = self.count(Kind.MAIL, detail=sender)
        rate = self.mood.rate
        if rate is None:
            return None
        while self._rated and self._rated[0] <= now - self.mood.rate_seconds * 1e9:
            self._rated.popleft()
        if len(self._rated) >= rate:
            return (
                f"421 4.7.0 {self.network.name} takes {rate} messages in {self.mood.rate_seconds:g} seconds, slow down"
            )
        self._rated.append(now)
        return None

    def rcpt(self, peer: str, sender: str, recipient: str) -> Refusal:
        refusal = self._wrong_mailbox(recipient) or self._greylisted(peer, sender, recipient)
        if refusal:
            self.count(Kind.REFUSED, recipient, detail=refusal)
        return refusal

    def take(self, sender: str, recipients: Sequence[str], content: bytes | bytearray) -> Refusal:
        """The message is ours now, unless the disk says no."""
        self._taken += 1
        if not self.mood.keeps:
            self.tally.kinds[Kind.ACCEPTED] += len(recipients)
            return None
        try:
            for recipient in recipients:
                self._postman.deliver(self.network.name, recipient, bytes(content))
        except OSError as error:
            return f"452 4.3.1 no room for mail on this disk ({error.strerror})"
        found = _MESSAGE_ID.search(content[: content.find(b"\r\n\r\n") + 2])
        message_id = found[1].decode("utf-8", "replace").strip() if found else ""
        for recipient in recipients:
            self.count(Kind.ACCEPTED, recipient, message_id)
        return None

    def after_dot(self) -> AfterDot:
        """How the message just taken is answered."""
        return self.mood.after_dot if self._taken % self.mood.after_dot_every == 0 else AfterDot.ANSWER

    def count(self, kind: Kind, recipient: str = "", message_id: str = "", detail: str = "") -> int:
        """The time that was written down."""
        now = self._now()
        self.tally.see(kind, now)
        if self.mood.keeps:
            self._log.add(Event(now, self.network.name, kind, recipient, message_id, detail))
        return now

    def _wrong_mailbox(self, recipient: str) -> Refusal:
        local, _, domain = recipient.rpartition("@")
        if domain.lower() not in self._domains and not (self._takes_the_rest and is_of_the_world(domain)):
            return f"550 5.7.1 {self.network.name} does not relay for {domain}"
        local = local.lower()
        if local.startswith("gone"):
            return "550 5.1.1 no such user here"
        if local.startswith("full") and not self._has_tidied(recipient, local):
            return "452 4.2.2 the mailbox is full"
        return None

    def _has_tidied(self, recipient: str, local: str) -> bool:
        if recipient in self._tidied:
            return True
        if local.startswith("fullonce"):
            self._tidied.add(recipient)
        return False

    def _greylisted(self, peer: str, sender: str, recipient: str) -> Refusal:
        wait = self.mood.greylist_seconds
        if wait is None:
            return None
        now, triplet = self._now(), (peer, sender, recipient)
        since = self._triplets.setdefault(triplet, now)
        if len(self._triplets) > _TRIPLETS_KEPT:
            self._triplets.popitem(last=False)
        if since < now and now - since >= wait * 1e9:
            return None
        return f"451 4.7.1 greylisted, try again in {wait:g} seconds"


def _both_spellings(domains: Sequence[str]) -> frozenset[str]:
    """SMTPUTF8 clients may write a domain in its own letters (RFC 6531 §3.2)."""
    return frozenset(domains) | {domain.encode().decode("idna") for domain in domains}
