"""The town's DNS: an authority for the names of the plan, and for the mail of the rest of the world if the plan has a
network for it. Bytes in, bytes out.

dnspython makes and reads the wire format; an answer made once is kept, since only its id changes.
"""

from functools import lru_cache
from itertools import product

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from rida.town.plan import Network, Plan, is_of_the_world

_NEGATIVE_SECONDS = 60
_Records = dict[str, dict[str, list[str]]]


class Names:
    def __init__(self, plan: Plan) -> None:
        self._ttl = plan.ttl
        self._records = _records(plan)
        self._broken = frozenset(f"{name}." for name in plan.broken)
        self._rest = _mail_hosts(plan.network(plan.rest)) if plan.rest else []
        # RFC 8020: above every name that exists there is no NXDOMAIN.
        self._above = frozenset(_parents(self._records))
        self._kept = lru_cache(maxsize=8192)(self._answer)

    def answer(self, question: bytes, *, udp: bool) -> bytes | None:
        """None for what cannot be read: then silence is the best answer."""
        if len(question) < 12:
            return None
        rest = self._kept(question[2:], udp)
        return question[:2] + rest if rest else None

    def _answer(self, question: bytes, udp: bool) -> bytes | None:
        try:
            query = dns.message.from_wire(b"\0\0" + question)
            response = dns.message.make_response(query, recursion_available=True)
        except dns.exception.DNSException:
            return None
        self._fill(query, response)
        if not udp:
            return response.to_wire(max_size=65535)[2:]
        try:
            return response.to_wire(max_size=max(512, query.payload))[2:]
        except dns.exception.TooBig:
            return _truncated(query)[2:]

    def _fill(self, query: dns.message.Message, response: dns.message.Message) -> None:
        if len(query.question) != 1:
            response.set_rcode(dns.rcode.FORMERR)
            return
        name = query.question[0].name.to_text().lower()
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        response.flags |= dns.flags.AA
        if name in self._broken:
            response.set_rcode(dns.rcode.SERVFAIL)
            return
        elsewhere = bool(self._rest) and name not in self._records and is_of_the_world(name)
        values = self._rest if elsewhere and kind == "MX" else self._records.get(name, {}).get(kind)
        if values:
            response.answer.append(dns.rrset.from_text(query.question[0].name, self._ttl, "IN", kind, *values))
            return
        if name not in self._records and name not in self._above and not elsewhere:
            response.set_rcode(dns.rcode.NXDOMAIN)
        soa = f"ns.town.example. town.example. 1 3600 600 86400 {_NEGATIVE_SECONDS}"
        response.authority.append(dns.rrset.from_text(_zone(name), _NEGATIVE_SECONDS, "IN", "SOA", soa))


def _records(plan: Plan) -> _Records:
    """Absolute name → kind → values in presentation format."""
    found: _Records = {}

    def add(name: str, kind: str, value: str) -> None:
        found.setdefault(f"{name}.", {}).setdefault(kind, []).append(value)

    for network in plan.networks:
        for host in network.hosts:
            add(host.name, "A", host.address)
        for domain, value in product(network.domains, _mail_hosts(network)):
            add(domain, "MX", value)
        for domain in network.vanity:
            add(domain, "MX", f"10 mail.{domain}.")
            add(f"mail.{domain}", "A", network.hosts[0].address)
    for domain in plan.null_mx:
        add(domain, "MX", "0 .")
    for domain in plan.implicit_mx:
        add(domain, "A", plan.networks[0].hosts[0].address)
    for name, texts in plan.texts.items():
        for text in texts:
            add(name, "TXT", _quoted(text))
    return found


def _mail_hosts(network: Network) -> list[str]:
    return [f"{host.preference} {host.name}." for host in network.hosts]


def _quoted(text: str) -> str:
    """A TXT value in strings of at most 255 octets."""
    escaped = [char if " " <= char <= "~" and char not in '"\\' else _escaped(char) for char in text]
    return " ".join(f'"{"".join(escaped[at : at + 60])}"' for at in range(0, max(1, len(escaped)), 60))


def _escaped(char: str) -> str:
    return "".join(f"\\{octet:03}" for octet in char.encode())


def _parents(names: _Records) -> set[str]:
    found: set[str] = set()
    for name in names:
        labels = name.split(".")
        found.update(".".join(labels[at:]) for at in range(1, len(labels) - 1))
    return found


def _zone(name: str) -> str:
    """The apex that a negative answer names: the last two labels."""
    return ".".join(name.split(".")[-3:])


def _truncated(query: dns.message.Message) -> bytes:
    response = dns.message.make_response(query, recursion_available=True)
    response.flags |= dns.flags.TC | dns.flags.AA
    return response.to_wire()
