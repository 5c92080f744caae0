"""DMARC (RFC 9989): the record in force for a domain, and whether two domains belong to one organisation. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

from rida.dns.answers import Status
from rida.dns.questions import Said

MOST_QUERIES = 8
"""RFC 9989 §4.10."""
POLICIES = frozenset({"none", "quarantine", "reject"})
_VERSION = re.compile(r"v\s*=\s*DMARC1\s*(?:;|$)")
_MEANT = re.compile(r"dmarc1|^\W*v\s*=\s*dmarc", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Walk:
    """From a domain up to the root (§4.10).

    at, text: the name and the text of the record in force, both empty where there is none. organisation: the
    organisational domain. failed: names that could not be asked, so that nothing is concluded from their silence.
    """

    domain: str
    organisation: str
    at: str = ""
    text: str = ""
    failed: tuple[str, ...] = ()


def records(texts: Iterable[str]) -> list[str]:
    """Those that receivers take for DMARC: the version comes first and is spelled in capitals (§4.7)."""
    return [text for text in texts if _VERSION.match(text)]


def meant(texts: Iterable[str]) -> list[str]:
    """Those that somebody meant for DMARC, and no receiver takes for it."""
    return [text for text in texts if _MEANT.search(text) and not _VERSION.match(text)]


def tags(text: str) -> dict[str, str]:
    """Names in lower case; of two with one name the first counts. Unknown ones stay: their reader ignores them."""
    pairs = [part.partition("=") for part in text.split(";") if "=" in part]
    return {name.strip().lower(): value.strip() for name, _, value in reversed(pairs)}


def policy(text: str) -> str:
    """What the record asks for; a record without p asks for nothing (§4.7), and so does pct, which is no tag any more.

    Empty for a word that no receiver knows.
    """
    asked = tags(text).get("p", "none").lower()
    return asked if asked in POLICIES else ""


def steps(domain: str) -> list[str]:
    """Names to look at, longest first: at most eight (§4.10 steps 3 to 7)."""
    labels = domain.split(".")
    shorter = min(len(labels) - 1, MOST_QUERIES - 1)
    return [domain, *(".".join(labels[-count:]) for count in range(shorter, 0, -1))]


def walk(said: Said, domain: str) -> Walk:
    """The tree walk; it ends early at a record that says whether it is a public suffix."""
    found: dict[str, str] = {}
    failed = []
    for name in steps(domain):
        answer = said.txt(f"_dmarc.{name}")
        if answer.status is Status.FAILED:
            failed.append(name)
        one = records(answer.texts)
        if len(one) != 1:
            continue  # several are none (§4.10 step 2)
        found[name] = one[0]
        if _psd(one[0]) in ("y", "n"):
            break
    organisation = _organisation(domain, found)
    at = next((name for name in (domain, organisation, *_suffixes(found)) if name in found), "")
    return Walk(domain, organisation, at, found.get(at, ""), tuple(failed))


def aligned(said: Said, sender: str, other: str, *, strict: bool) -> bool:
    """Whether `other` speaks for the From domain `sender` (§4.4). Relaxed: they belong to one organisation, by the tree
    walk and by the public suffix list too, which receivers of RFC 7489 still go by.
    """
    if sender == other:
        return True
    if strict or listed_organisation(sender) != listed_organisation(other):
        return False
    return walk(said, sender).organisation == walk(said, other).organisation


def listed_organisation(domain: str) -> str:
    """The organisational domain by the public suffix list; a public suffix is its own."""
    return _list().privatesuffix(domain) or domain


def _organisation(domain: str, found: Mapping[str, str]) -> str:
    """§4.10.2."""
    for name, text in found.items():
        if _psd(text) == "n":
            return name
        if _psd(text) == "y" and name != domain:
            return ".".join(domain.split(".")[-name.count(".") - 2 :])
    return min(found, key=lambda name: name.count("."), default=domain)


def _suffixes(found: Mapping[str, str]) -> list[str]:
    return [name for name, text in found.items() if _psd(text) == "y"]


def _psd(text: str) -> str:
    return tags(text).get("psd", "u").lower()


@lru_cache(maxsize=1)
def _list() -> PublicSuffixList:
    return PublicSuffixList()
