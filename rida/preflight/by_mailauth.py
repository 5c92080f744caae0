"""The second verifier: mailauth, in another language by other people, in a process of its own without a network.

What it wants to know of DNS it asks of our resolver, so that both verifiers judge by the same answers.
"""

from base64 import b64encode
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from rida.dns.answers import Status
from rida.dns.resolver import Resolver
from rida.preflight import node
from rida.preflight.node import Away, Line
from rida.preflight.opinion import Exhibit, Opinion, worst

NAME = "mailauth"
PROGRAM = Path(__file__).resolve().parent / "vendor/mailauth.cjs"
"""Made at build from verifier/judge.mjs."""
SECONDS = 10.0

_MOST_QUESTIONS = 300
_CODES = {Status.NO_DATA: "ENODATA", Status.NO_DOMAIN: "ENOTFOUND", Status.FAILED: "ESERVFAIL"}
"""As Node's own resolver says them."""


async def judge(exhibit: Exhibit, resolver: Resolver) -> Opinion:
    """Never raises for what happens to the process: then the opinion is missing, with the reason."""
    if not PROGRAM.exists():
        return Opinion(NAME, reason="verifier_not_installed")
    try:
        said = await node.converse(PROGRAM, _shown(exhibit), _Dns(resolver).answer, SECONDS)
        return _read(said, len(exhibit.messages))
    except Away as away:
        return Opinion(NAME, reason=away.code)


def _shown(exhibit: Exhibit) -> Line:
    messages = [{"raw": b64encode(raw).decode(), "mail_from": sender} for raw, sender in exhibit.messages]
    return {"messages": messages, "helo": exhibit.helo, "addresses": list(exhibit.addresses)}


def _read(said: Line, count: int) -> Opinion:
    verdicts = said.get("verdicts")
    if not isinstance(verdicts, list) or len(verdicts) != count:
        raise Away("verifier_garbled")
    return worst(_opinion(each) for each in verdicts)


def _opinion(verdict: Any) -> Opinion:
    try:
        words = {name: str(verdict[name]) for name in ("dkim", "spf", "dmarc", "reason")}
    except (TypeError, KeyError) as error:
        raise Away("verifier_garbled") from error
    if not words["dkim"] or not words["dmarc"]:
        raise Away("verifier_garbled")
    return Opinion(NAME, **words)


class _Dns:
    """Our resolver's answers in the shapes of Node's."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver, self._asked = resolver, 0

    async def answer(self, name: str, kind: str) -> Line:
        self._asked += 1
        if not name.isascii():
            return {"code": "ENOTFOUND"}  # no server could hold it
        if self._asked > _MOST_QUESTIONS:
            return {"code": "ESERVFAIL"}
        status, records = await self._ask(name, kind)
        if status is Status.FOUND:
            return {"records": records} if records else {"code": "ENODATA"}
        return {"code": _CODES[status]}

    async def _ask(self, name: str, kind: str) -> tuple[Status, list[Any]]:
        match kind:
            case "TXT":
                text = await self._resolver.txt(name)
                return text.status, [[each] for each in text.texts]
            case "A" | "AAAA":
                found = await self._resolver.addresses(name)
                version = 6 if kind == "AAAA" else 4
                return found.status, [each for each in found.addresses if ip_address(each).version == version]
            case "MX":
                mx = await self._resolver.mx(name)
                hosts = () if mx.implicit else mx.hosts
                return mx.status, [{"exchange": host.name, "priority": host.preference} for host in hosts]
            case "PTR":
                pointer = await self._resolver.ptr(name)
                return pointer.status, list(pointer.names)
        return Status.NO_DATA, []  # aliases were followed by the resolver
