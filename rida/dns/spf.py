"""SPF (RFC 7208): which records stand at a name, and whether an address may send for it. Pure.

pyspf evaluates; it takes its answers from us, so that it asks nobody and each record is judged by what DNS said.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

import spf

from rida.dns.answers import Status
from rida.dns.questions import Said

MOST_LOOKUPS: int = spf.MAX_LOOKUP
LONGEST_RECORD = 2_048
"""RFC 7208 §3.4 asks for less than 450. What is longer is refused: pyspf's patterns take quadratic time on it."""
ELSEWHERE = "240.0.0.1"
"""An address that nobody has (RFC 1112 §4): what a record says of it, it says of everybody."""

_RECORD = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)
_MEANT = re.compile(r"\bspf1\b|^\W*v\s*=\s*spf", re.IGNORECASE)


class Result(StrEnum):
    """RFC 7208 §2.6."""

    PASS = "pass"  # noqa: S105 -- no password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    NONE = "none"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """problem: the term that could not be read, if one is to blame. too_many: lookups, or lookups without an answer."""

    result: Result
    lookups: int
    problem: str = ""
    too_many: bool = False


def records(texts: Iterable[str]) -> list[str]:
    """Those that receivers take for SPF (§4.5): the version is followed by a space or by nothing."""
    return [text for text in texts if _RECORD.match(text)]


def meant(texts: Iterable[str]) -> list[str]:
    """Those that somebody meant for SPF, and no receiver takes for it: quoted, indented, mistyped."""
    return [text for text in texts if _MEANT.search(text[:LONGEST_RECORD]) and not _RECORD.match(text)]


def evaluate(said: Said, domain: str, address: str, helo: str) -> Evaluation:
    """May `address` send with an envelope sender of `domain`? helo: the name it gives."""
    query = _Query(said, address, domain, helo)
    result = Result(query.check()[0])
    too_many = query.lookups > MOST_LOOKUPS or query.void_lookups > spf.MAX_VOID_LOOKUPS
    problem = query.mech[-1] if query.mech and result is Result.PERMERROR else ""
    return Evaluation(result, query.lookups, problem, too_many and result is Result.PERMERROR)


class _Query(spf.query):  # type: ignore[misc]  # pyspf has no types
    def __init__(self, said: Said, address: str, domain: str, helo: str) -> None:
        super().__init__(i=address, s=f"bounce@{domain}", h=helo)
        self._said = said

    def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:
        """Answers in pyspf's shapes. Aliases were followed by the resolver; lookups without an answer are counted."""
        found = self._answers(name, qtype) if _could_be(name) else []
        if not found and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("void lookups")
        return found

    def _answers(self, name: str, qtype: str) -> list[Any]:
        match qtype:
            case "TXT":
                return [(text.encode(),) for text in self._texts(name)]
            case "MX":
                mx = self._said.mx(name)
                _reached(mx.status)
                return [] if mx.implicit else [(host.preference, host.name) for host in mx.hosts]
            case "PTR":
                pointer = self._said.ptr(name)
                _reached(pointer.status)
                return list(pointer.names)
        answer = self._said.addresses(name)
        _reached(answer.status)
        version = 6 if qtype == "AAAA" else 4
        return [address for address in answer.addresses if ip_address(address).version == version]

    def _texts(self, name: str) -> tuple[str, ...]:
        answer = self._said.txt(name)
        _reached(answer.status)
        if any(len(text) > LONGEST_RECORD for text in records(answer.texts)):
            raise spf.PermError("too long", name)
        return answer.texts


def _reached(status: Status) -> None:
    if status is Status.FAILED:
        raise spf.TempError("no answer")


def _could_be(name: str) -> bool:
    return all(0 < len(label) < 64 for label in name.rstrip(".").split("."))
