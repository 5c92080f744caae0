"""The first verifier: dkimpy for the signature, pyspf for the sender, RFC 9989 for the author's domain. Pure.

It asks `said` for what it needs, so it must be run by an inquiry (see `dns.questions`).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from email import policy
from email.parser import BytesHeaderParser

import dkim

from rida.dns import dmarc, spf
from rida.dns.answers import Status
from rida.dns.questions import Kind, Question, Said, Unasked
from rida.kernel.address import parse
from rida.kernel.errors import AddressError
from rida.preflight.opinion import PASS, Exhibit, Opinion, worst

NAME = "dkimpy"
_SIGNATURE = re.compile(rb"^DKIM-Signature[ \t]*:", re.IGNORECASE | re.MULTILINE)

Verdict = tuple[str, str]
"""A result of RFC 8601, and what is wrong."""


class _NoAnswer(Exception):
    pass


def judge(exhibit: Exhibit, said: Said) -> Opinion:
    return worst(_judge(message, sender, exhibit, said) for message, sender in exhibit.messages)


def first_questions(exhibit: Exhibit) -> list[Question]:
    """What will be asked in any case. Keys are not among them: which one is asked for is the signature's business."""
    names = {sender.rpartition("@")[2] for _, sender in exhibit.messages} if exhibit.addresses else set()
    authors = {author for message, _ in exhibit.messages for author in _authors(message)}
    names |= {f"_dmarc.{step}" for author in authors for step in dmarc.steps(author)}
    return [Question(Kind.TEXT, name) for name in sorted(names)]


def _judge(message: bytes, sender: str, exhibit: Exhibit, said: Said) -> Opinion:
    # What asks the most comes first: each question makes us begin again, and a signature is the dearest to read.
    sent = _sender(sender.rpartition("@")[2], exhibit, said)
    signed, domains = _signatures(message, said)
    authored = _author(_authors(message), domains, said)
    reasons = [reason for result, reason in (signed, sent, authored) if result not in (PASS, "")]
    return Opinion(NAME, signed[0], sent[0], authored[0], "; ".join(reasons))


# --- the signature --------------------------------------------------------------------------------------------------


def _signatures(message: bytes, said: Said) -> tuple[Verdict, list[str]]:
    """Every signature is ours, so each must hold. With the domains of those that do."""
    count = len(_SIGNATURE.findall(message.partition(b"\r\n\r\n")[0]))
    if not count:
        return ("none", "there is no signature"), []
    found = [_signature(message, which, said) for which in range(count)]
    failed = [verdict for verdict, _ in found if verdict[0] != PASS]
    return (failed or [(PASS, "")])[0], [domain for verdict, domain in found if verdict[0] == PASS]


def _signature(message: bytes, which: int, said: Said) -> tuple[Verdict, str]:
    read = dkim.DKIM(message)
    try:
        holds = read.verify(idx=which, dnsfunc=_keys(said))
    except Unasked:
        raise
    except _NoAnswer as error:
        return ("temperror", str(error)), ""
    except Exception as error:  # noqa: BLE001  it raises whatever its parsing stumbles over
        return ("fail", str(error)), ""
    return ((PASS, "") if holds else ("fail", "the signature does not fit the message and the key")), _text(read.domain)


def _keys(said: Said) -> Callable[..., bytes | None]:
    """DNS as dkimpy asks it."""

    def key(name: bytes, **_patience: int) -> bytes | None:
        answer = said.txt(_text(name))
        if answer.status is Status.FAILED:
            raise _NoAnswer(f"DNS does not answer for {_text(name)}")
        return answer.texts[0].encode() if answer.texts else None

    return key


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace").lower()


# --- the envelope's sender, the author ------------------------------------------------------------------------------


def _sender(domain: str, exhibit: Exhibit, said: Said) -> Verdict:
    """Of several addresses that mail may leave from, each must be allowed."""
    found = [(spf.evaluate(said, domain, address, exhibit.helo), address) for address in exhibit.addresses]
    failed = [(str(each.result), f"SPF of {domain} for {address}") for each, address in found if each.result != PASS]
    return (failed or [(PASS if found else "", "")])[0]


def _author(authors: Sequence[str], signers: Sequence[str], said: Said) -> Verdict:
    """Alignment by the signature alone: what is forwarded has nothing else."""
    if len(authors) != 1:
        return "permerror", "From does not name one domain"
    walk = dmarc.walk(said, authors[0])
    if not walk.text:
        return ("temperror" if walk.failed else "none"), f"no DMARC record is known for {authors[0]}"
    if not dmarc.policy(walk.text):
        return "permerror", "the DMARC record holds no known policy"
    strict = dmarc.tags(walk.text).get("adkim", "r").lower() == "s"
    if any(dmarc.aligned(said, authors[0], signer, strict=strict) for signer in signers):
        return PASS, ""
    return ("temperror" if walk.failed else "fail"), f"no signature that holds is of {authors[0]}"


def _authors(message: bytes) -> list[str]:
    return sorted(set(_domains(message)))


def _domains(message: bytes) -> Iterator[str]:
    """Of the addresses in From, in A-labels; what is no address is an author whom nobody can ask about."""
    head = BytesHeaderParser(policy=policy.default).parsebytes(message.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    for field in head.get_all("From", []):
        for address in field.addresses:
            try:
                yield parse(address.addr_spec).domain
            except AddressError:
                yield "invalid"
