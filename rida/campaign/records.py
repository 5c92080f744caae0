"""The DNS records that a sender domain needs, exactly as they are to be published. Pure.

Where SPF or DMARC stands already, the proposal is the merged record: two of them are none (RFC 7208 §4.5, RFC 9989
§4.10).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

from rida.dns import dmarc
from rida.dns.answers import reverse_name
from rida.dns.spf import LONGEST_RECORD


class Why(StrEnum):
    """What a record is for; its words stand in the console's list."""

    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    MX = "mx"
    PTR = "ptr"


class Kind(StrEnum):
    RELAY = "relay"
    DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class Way:
    """How mail leaves, as far as DNS is concerned. Names are in A-labels.

    helo: the name this installation gives itself, which also takes its bounces. addresses: outgoing ones; those of the
    relay if it tells them. relay: its host name. include: the domain whose SPF record the relay tells its customers to
    include.
    """

    kind: Kind
    helo: str
    addresses: tuple[str, ...] = ()
    relay: str = ""
    include: str = ""

    def __post_init__(self) -> None:
        """One spelling for one thing, so that they can be compared with what DNS says. Raises ValueError."""
        for name in ("helo", "relay", "include"):
            object.__setattr__(self, name, getattr(self, name).strip().rstrip(".").lower())
        object.__setattr__(self, "addresses", tuple(str(ip_address(address)) for address in self.addresses))

    @property
    def host(self) -> str:
        """Whose addresses are the outgoing ones, where nobody told them."""
        return self.relay if self.kind is Kind.RELAY else self.helo


@dataclass(frozen=True, slots=True)
class Sending:
    """A sender domain. key: the text of its DKIM record. report_to: where DMARC reports go, or empty."""

    domain: str
    bounce_domain: str
    selector: str
    key: str
    report_to: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """name without its last dot; value in presentation format, a text without quotation marks."""

    why: Why
    name: str
    kind: str
    value: str

    def to_json(self) -> dict[str, Any]:
        return {"why": str(self.why), "name": self.name, "type": self.kind, "value": self.value}


def spf(sending: Sending, way: Way, there: Sequence[str] = ()) -> Record:
    """there: the SPF records that stand already."""
    return Record(Why.SPF, sending.bounce_domain, "TXT", _merged_spf(spf_terms(way), there))


def dkim(sending: Sending) -> Record:
    return Record(Why.DKIM, f"{sending.selector}._domainkey.{sending.domain}", "TXT", sending.key)


def dmarc_policy(sending: Sending, there: Sequence[str] = ()) -> Record:
    """p=none is what R62 asks for; other mail of the domain fares as before. there: records that stand already."""
    return Record(Why.DMARC, f"_dmarc.{sending.domain}", "TXT", _merged_dmarc(sending, there))


def mx(sending: Sending, way: Way) -> Record:
    return Record(Why.MX, sending.bounce_domain, "MX", f"10 {way.helo}.")


def pointer(way: Way, address: str) -> Record:
    """To be set where the address was rented, not with the domain's own records."""
    return Record(Why.PTR, reverse_name(address), "PTR", f"{way.helo}.")


def spf_terms(way: Way) -> list[str]:
    """Addresses cost no lookup of the ten; a host name does, and follows the host when it moves."""
    if way.kind is Kind.RELAY and way.include:
        return [f"include:{way.include}"]
    if way.addresses:
        return [f"ip{ip_address(address).version}:{address}" for address in way.addresses]
    return [f"a:{way.host}"]


def _merged_spf(ours: list[str], there: Sequence[str]) -> str:
    """Ours first, so that nothing before it refuses us; then everything that stood there, `all` last.

    A new record ends in ~all, because some receivers refuse at -all before they have seen that DKIM holds for a
    forwarded message.
    """
    theirs = [term for record in _usable(there) for term in record.split(" ")[1:] if term and term.isprintable()]
    middle = [term for term in dict.fromkeys(theirs) if not _ends(term) and term not in ours]
    ends = [term for term in theirs if _ends(term)] or ["~all"]
    return " ".join(["v=spf1", *ours, *middle, ends[0]])


def _ends(term: str) -> bool:
    return term.lower().lstrip("+-~?") == "all" or term.lower().startswith("redirect=")


def _merged_dmarc(sending: Sending, there: Sequence[str]) -> str:
    """Everything that was said, each thing once, the mildest policy: several records, or one that cannot be read, are
    honoured by nobody, so a stricter one would be new. pct is gone.
    """
    said: dict[str, str] = {}
    for text in _usable(there):
        said = dmarc.tags(text) | said
    policy = min((dmarc.policy(text) for text in _usable(there)), key=_MILDEST_FIRST.index, default="none") or "none"
    report = {"rua": f"mailto:{sending.report_to}"} if sending.report_to else {}
    kept = {
        name: value for name, value in said.items() if name not in {"v", "p", *_GONE} and value and value.isprintable()
    }
    return _written({"v": "DMARC1", "p": policy, **report, **kept}.items())


_MILDEST_FIRST = ("", "none", "quarantine", "reject")
_GONE = ("pct", "rf", "ri")
"""Tags of RFC 7489 that RFC 9989 took away."""


def _usable(there: Sequence[str]) -> list[str]:
    """What is so long that no receiver reads it is not handed on either."""
    return [text for text in there if len(text) <= LONGEST_RECORD]


def _written(tags: Iterable[tuple[str, str]]) -> str:
    return "; ".join(f"{name}={value}" for name, value in tags)
