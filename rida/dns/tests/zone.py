"""A zone written down by hand: as answers for pure judges, and as a real server on loopback (UDP and TCP)."""

import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from rida.dns.answers import AddressAnswer, Answer, MxAnswer, MxHost, PointerAnswer, Status, TextAnswer
from rida.dns.questions import Kind, Question, Said

TTL = 60
Rows = Mapping[str, list[str]]
"""{"flowers.example MX": ["10 mx.flowers.example"]}; of a TXT each value is one whole text. "name FAIL": SERVFAIL."""


@dataclass(frozen=True, slots=True)
class _Answers(Mapping[Question, Answer]):
    """Everything that could be asked, as our resolver would say it."""

    rows: Rows

    def __getitem__(self, question: Question) -> Answer:
        status = _status(self.rows, question.name)
        values = self._values(question)
        if status is Status.FOUND and not values:
            status = Status.NO_DATA
        match question.kind:
            case Kind.TEXT:
                return TextAnswer(status, tuple(values), TTL)
            case Kind.ADDRESSES:
                return AddressAnswer(status, tuple(values), TTL)
            case Kind.POINTER:
                return PointerAnswer(status, tuple(sorted(values)), TTL)
        if status is Status.NO_DATA:
            return MxAnswer(Status.FOUND, (MxHost(0, question.name),), implicit=True, ttl=TTL)
        hosts = [MxHost(int(value.split()[0]), value.split()[1].rstrip(".")) for value in values]
        real = tuple(sorted(host for host in hosts if host.name))
        return MxAnswer(status, real, null=status is Status.FOUND and not real, ttl=TTL)

    def _values(self, question: Question) -> list[str]:
        found = self.rows.get(f"{question.name} {question.kind}", [])
        more = self.rows.get(f"{question.name} AAAA", []) if question.kind is Kind.ADDRESSES else []
        return [*found, *more]

    def __iter__(self) -> Iterator[Question]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError


def said(rows: Rows) -> Said:
    return Said(_Answers(rows))


def _status(rows: Rows, name: str) -> Status:
    if f"{name} FAIL" in rows:
        return Status.FAILED
    there = any(key.split()[0] == name or key.split()[0].endswith(f".{name}") for key in rows)
    return Status.FOUND if there else Status.NO_DOMAIN


@dataclass(slots=True)
class Server:
    """address: for `Resolver(server=…)`. asked: `name kind` in order. rows may be changed while it runs."""

    rows: dict[str, list[str]]
    address: tuple[str, int] = ("", 0)
    asked: list[str] = field(default_factory=list)

    def answer(self, question: bytes, *, udp: bool) -> bytes:
        query = dns.message.from_wire(question)
        response = dns.message.make_response(query, recursion_available=True)
        name, kind = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
        key = name.to_text(omit_final_dot=True).lower()
        self.asked.append(f"{key} {kind}")
        response.set_rcode(_RCODES.get(_status(self.rows, key), dns.rcode.NOERROR))
        if values := self.rows.get(f"{key} {kind}", []):
            presented = [_quoted(value) if kind == "TXT" else _absolute(value, kind) for value in values]
            response.answer.append(dns.rrset.from_text(name, TTL, "IN", kind, *presented))
        wire = response.to_wire(max_size=65535)
        if udp and len(wire) > max(512, query.payload):
            response.answer.clear()
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        return wire


_RCODES = {Status.FAILED: dns.rcode.SERVFAIL, Status.NO_DOMAIN: dns.rcode.NXDOMAIN}


def _quoted(text: str) -> str:
    """Strings of at most 255 octets, every octet escaped, so that anything can be published."""
    octets = text.encode()
    parts = [octets[at : at + 255] for at in range(0, max(1, len(octets)), 255)]
    return " ".join('"' + "".join(f"\\{octet:03}" for octet in part) + '"' for part in parts)


def _absolute(value: str, kind: str) -> str:
    return value if kind in ("A", "AAAA") or value.endswith(".") else f"{value}."


@contextmanager
def served(rows: Rows) -> Iterator[Server]:
    """A server on loopback with these rows, in threads of its own."""
    server = Server(dict(rows))

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            sock.sendto(server.answer(data, udp=True), self.client_address)

    class Tcp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.request.recv(2))
            wire = server.answer(self.request.recv(length), udp=False)
            self.request.sendall(struct.pack("!H", len(wire)) + wire)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tcp) as tcp:
        server.address = ("127.0.0.1", tcp.server_address[1])
        with socketserver.ThreadingUDPServer(server.address, Udp) as udp, _running(tcp), _running(udp):
            yield server


@contextmanager
def _running(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
