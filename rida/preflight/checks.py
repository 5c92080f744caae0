"""The checks, in the order in which their findings are shown. Pure: a case in, findings out.

Numbers R1–R85 are those of `facts/standards.md`; A stands for our own rules. To add a check: write a function here that
takes a Case, put it into CHECKS, give it a mutation in `tests/cases.py` (the tests of the whole line pick it up), and
its words to the templates. A check that only a real route needs goes into ROUTE_CHECKS.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from email.utils import getaddresses

from rida.campaign import tags
from rida.campaign.content import TRANSACTIONAL, address_parts, has_line_break, unknown_names
from rida.campaign.domain_report import Note, shown
from rida.campaign.records import Why
from rida.campaign.words import leave_marks, spoken, words
from rida.kernel.address import Address, parse
from rida.kernel.errors import AddressError
from rida.preflight.case import SANDBOX, Audience, Case, Finding, Severity, Specimen
from rida.preflight.exposure import LAWS
from rida.preflight.opinion import Opinion
from rida.preflight.page import Page

__all__ = ["CHECKS", "ROUTE_CHECKS", "Audience", "Case", "Finding", "Severity", "Specimen", "findings"]

Check = Callable[[Case], Iterable[Finding]]

_CLASSES = frozenset({"commercial", "transactional_relationship", "dual", "other"})
_POSTAL = LAWS["postal"]
_SINGLE = (
    "Date", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject",
    "MIME-Version", "Content-Type", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID",
)  # fmt: skip
_AN_ADDRESS = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\".]{2,}")
_MESSAGE_ID = re.compile(r"<[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+>")
_FALSE_REPLY = re.compile(
    r"\s*(?:re|fwd?|aw|antw|wg|sv|tr|rv|رد|ردّ|الرد|إعادة توجيه)"
    r"\s*(?:\[\d+\]|\(\d+\))?\s*[:\uff1a]",
    re.IGNORECASE,
)
_BOX = re.compile(r"\b(?:p\.?\s?o\.?\s?box|postfach|ص\.?\s?ب)\b", re.IGNORECASE)
_LEFT_OVER = re.compile(
    r"\{\{.{0,80}?\}\}|\{%.{0,80}?%\}|\$\{[^{}\n]{1,60}\}"
    r"|%%[\w .:-]{1,60}%%|\*\|[^|\n]{1,60}\|\*|\[\[[^\[\]\n]{1,60}\]\]"
)
GIVE_MAILBOXES = tags.listed(
    "gmail.com googlemail.com yahoo.com ymail.com aol.com outlook.com hotmail.com live.com msn.com icloud.com me.com "
    "mac.com gmx.com gmx.net gmx.de web.de mail.ru yandex.com yandex.ru proton.me protonmail.com zoho.com"
)
"""Google names its own (81126). Nobody but the provider publishes keys there, so none could be proved in any case."""
_OF_KEY_LENGTH = frozenset({"dkim_key_too_short", "dkim_key_short"})
_AROUND = 250
"""Characters of the text part that count as near the link."""


def findings(case: Case) -> list[Finding]:
    """Everything that stands against the launch, in the order of the checks, each thing once."""
    found: list[Finding] = []
    for check in CHECKS if case.route == SANDBOX else (*CHECKS, *ROUTE_CHECKS):
        for finding in check(case):
            if finding not in found:
                found.append(finding)
    return found


def _block(rule: str, code: str, **params: object) -> Finding:
    return Finding(rule, Severity.BLOCK, code, params)


def _warn(rule: str, code: str, **params: object) -> Finding:
    return Finding(rule, Severity.WARN, code, params)


# --- who says it, and what it is ------------------------------------------------------------------------------------


def has_a_class(case: Case) -> Iterator[Finding]:
    """R1: every campaign has one class before it leaves; the other duties follow from it."""
    if case.draft.message_class not in _CLASSES:
        yield _block("R1", "class_missing")
    elif case.draft.message_class == TRANSACTIONAL:
        # It leaves out the way to leave, the label and the postal address. Its purposes (R2) come with their own issue.
        yield _warn("R1", "transactional_or_advertising")


def comes_from_who_it_says(case: Case) -> Iterator[Finding]:
    """R10: From, its name and Reply-To are true and can be read; a real route needs the domain proved."""
    sender = case.draft.sender
    address = _address(sender.from_address)
    if address is None:
        yield _block("R10", "from_address_invalid", address=sender.from_address)
    elif case.route != SANDBOX and address.domain not in case.proved_domains:
        yield _block("R10", "from_domain_not_proved", domain=address.domain)
    if not sender.name.strip():
        yield _block("R10", "from_name_missing")
    if has_line_break(sender.name):
        yield _block("R10", "from_name_unreadable")
    for other in _AN_ADDRESS.findall(sender.name):
        if _address(other) != address:
            yield _block("R10", "from_name_shows_other_address", shown=other)
    if sender.reply_to and _address(sender.reply_to) is None:
        yield _block("R10", "reply_to_invalid", address=sender.reply_to)
    for specimen in case.rendered:
        if [_address(other) for _, other in getaddresses(specimen.values("From"))] != [address]:
            yield _block("R10", "from_is_not_the_sender")


# --- leaving --------------------------------------------------------------------------------------------------------


def shows_how_to_leave(case: Case) -> Iterator[Finding]:
    """R12: HTML and text each hold a link to leave that can be seen."""
    for specimen in _to_be_left(case):
        ours = [link for link in Page(specimen.html).links() if link.href == specimen.leave_url]
        if not ours:
            yield _block("R12", "leave_link_missing", part="html")
        elif all(link.hidden for link in ours):
            yield _block("R12", "leave_link_hidden", why=ours[0].hidden)
        if specimen.leave_url not in specimen.text:
            yield _block("R12", "leave_link_missing", part="text")


def leaves_in_one_step(case: Case) -> Iterator[Finding]:
    """R16: the link leads to our one page, and no other link pretends to be the way out."""
    if not case.one_page:
        yield _block("R16", "leaving_takes_more_than_one_page")
    for specimen in _to_be_left(case):
        for link in Page(specimen.html).links():
            if link.href != specimen.leave_url and _speaks_of_leaving(link.words, leave_marks()):
                yield _block("R16", "other_way_to_leave", address=link.href)


def tells_that_one_may_leave(case: Case) -> Iterator[Finding]:
    """R21: near the link a sentence says what it is for, in the language of the message."""
    if not case.is_advertising:
        return
    language = case.draft.language
    if spoken(language) is None:
        yield _block("R21", "no_words_in_language", language=language)
        return
    marks = words(language)["leave_marks"]
    for specimen in _to_be_left(case):
        ours = [link for link in Page(specimen.html).links() if link.href == specimen.leave_url]
        if ours and not any(_speaks_of_leaving(link.around, marks) for link in ours):
            yield _block("R21", "notice_missing", part="html")
        if specimen.leave_url in specimen.text and not _speaks_of_leaving(_near(specimen), marks):
            yield _block("R21", "notice_missing", part="text")


def leaves_by_one_click(case: Case) -> Iterator[Finding]:
    """R63: the two header fields of RFC 8058 with one HTTPS address; plain HTTP will do on this machine only."""
    for specimen in _to_be_left(case):
        fields = specimen.values("List-Unsubscribe")
        targets = re.findall(r"<([^<>\s]+)>", fields[0]) if len(fields) == 1 else []
        if targets != [specimen.leave_url]:
            yield _block("R63", "one_click_missing")
        elif not targets[0].startswith("https://"):
            at_home = case.route == SANDBOX and targets[0].startswith("http://")
            yield (_warn if at_home else _block)("R63", "one_click_not_https", address=targets[0].rpartition("/u/")[0])
        if specimen.values("List-Unsubscribe-Post") != ["List-Unsubscribe=One-Click"]:
            yield _block("R63", "one_click_post_missing")


# --- what advertising owes its reader -------------------------------------------------------------------------------


def says_that_it_advertises(case: Case) -> Iterator[Finding]:
    """R20: who did not ask for it is told that it is an advertisement."""
    if not case.is_advertising:
        return
    label = str(words(case.draft.language)["ad_label"]).lower()
    for specimen in case.rendered:
        for part, seen in (("html", Page(specimen.html).words()), ("text", specimen.text)):
            if label in seen.lower():
                continue
            if people := case.audience.not_affirmative:
                yield _block("R20", "label_missing", part=part, people=people)
            else:
                yield _warn("R20", "label_left_out", part=part)


def gives_a_postal_address(case: Case) -> Iterator[Finding]:
    """R22: complete for its country, shown in both parts, confirmed within a year."""
    if not case.is_advertising:
        return
    sender = case.draft.sender
    required = _POSTAL["required"].get(sender.country.upper(), _POSTAL["default"])
    if missing := [name for name in required if not getattr(sender, name).strip()]:
        yield _block("R22", "postal_address_incomplete", missing=missing)
    yield from _shown_address(case)
    if sender.country.upper() in _POSTAL["no_box"]["countries"] and _BOX.search(sender.street):
        yield _warn("R22", "postal_address_is_a_box", country=sender.country.upper())
    if case.address_confirmed_at is None:
        yield _warn("R22", "postal_address_unconfirmed")
    elif (case.now - case.address_confirmed_at).days >= _POSTAL["confirmed_days"]:
        yield _warn("R22", "postal_address_confirmed_long_ago", on=case.address_confirmed_at.date().isoformat())


def _shown_address(case: Case) -> Iterator[Finding]:
    parts = [" ".join(part.split()) for part in (case.draft.sender.organisation, *address_parts(case.draft.sender))]
    for specimen in case.rendered:
        for name, seen in (("html", Page(specimen.html).words()), ("text", " ".join(specimen.text.split()))):
            if not all(part in seen for part in parts):
                yield _block("R22", "postal_address_not_shown", part=name)


# --- form -----------------------------------------------------------------------------------------------------------


def is_well_formed(case: Case) -> Iterator[Finding]:
    """R70, its blocking four: one From, single fields once, a valid Message-ID, no false reply."""
    for specimen in case.rendered:
        if len(getaddresses(specimen.values("From"))) != 1:
            yield _block("R70", "not_one_from")
        for name in _SINGLE:
            if len(specimen.values(name)) > 1:
                yield _block("R70", "field_repeated", name=name)
        if not all(_MESSAGE_ID.fullmatch(value.strip()) for value in specimen.values("Message-ID") or [""]):
            yield _block("R70", "message_id_invalid")
        if _FALSE_REPLY.match(_as_seen(specimen.subject)):
            yield _block("R70", "false_reply", subject=specimen.subject)
        if not specimen.subject:
            yield _warn("R70", "subject_missing", kind=specimen.kind)


def is_finished(case: Case) -> Iterator[Finding]:
    """R84: nothing is left of any tag, every name that is asked for exists, every copy could be made."""
    for name in unknown_names(case.draft, case.attributes):
        if case.attributes and name in case.attributes:
            yield _block("R84", "merge_name_bare", name=name, tag=f"{{{{ attributes.{name} }}}}")
        else:
            yield _block("R84", "merge_name_unknown", name=name)
    if not case.draft.body.strip():
        yield _block("R84", "body_missing")
    for text in _said(case):
        for tag in _LEFT_OVER.findall(text):
            yield _block("R84", "tag_left_over", tag=tag)
    for specimen in case.specimens:
        if specimen.refused:
            everybody = not case.rendered
            yield (_block if everybody else _warn)("R84", "copy_refused", reason=specimen.refused, kind=specimen.kind)


# --- a real route ---------------------------------------------------------------------------------------------------


def is_known_to_dns(case: Case) -> Iterator[Finding]:
    """R60: outgoing addresses have names that lead back to them, the envelope's domain takes mail, and nobody writes in
    the name of a mailbox provider. Format and TLS are other checks' business.
    """
    address = _address(case.draft.sender.from_address)
    if address is not None and address.domain in GIVE_MAILBOXES:
        yield _block("R60", "from_is_a_free_mailbox", domain=address.domain)
    yield from (_told("R60", note) for note in _notes(case, Why.PTR, Why.MX))


def is_authenticated_in_dns(case: Case) -> Iterator[Finding]:
    """R62, what DNS shows: SPF, DKIM and DMARC stand, and the domains agree. That a signed message passes with them is
    the next check's business.
    """
    address = _address(case.draft.sender.from_address)
    if address is not None and not _is_asked_about(case, address):
        yield _block("R62", "domain_not_asked", domain=address.domain)
    for note in _notes(case, Why.DKIM, Why.SPF, Why.DMARC):
        if note.code not in _OF_KEY_LENGTH:
            yield _told("R62", note)


def is_believed_by_two(case: Case) -> Iterator[Finding]:
    """R62, what receivers would see: two verifiers that share no line believe the messages and their envelope."""
    address = _address(case.draft.sender.from_address)
    if address is None or not _is_asked_about(case, address) or not case.rendered:
        return  # stopped already (R10, R62, R84), and nothing is there to be verified
    verified = case.verification
    if verified is not None and verified.content_hash != case.draft.hash():
        yield _block("R62", "other_content_verified")
        return
    opinions = verified.opinions if verified else ()
    missing = [opinion for opinion in opinions if opinion.is_missing]
    if len(missing) == len(opinions):
        yield _block("R62", "nobody_verified")
    yield from (_warn("R62", "verifier_missing", verifier=each.verifier, reason=each.reason) for each in missing)
    yield from (_disbelieved(each) for each in opinions if not each.is_missing and not each.believes)


def has_a_long_key(case: Case) -> Iterator[Finding]:
    """R66: below 1024 bits Gmail and Yahoo refuse, below 2048 the key is weak."""
    yield from (_told("R66", note) for note in _notes(case, Why.DKIM) if note.code in _OF_KEY_LENGTH)


def was_let_into_the_world(case: Case) -> Iterator[Finding]:
    """Our own rule (design §8): an owner of the installation approves the first launch that leaves this machine."""
    if not case.approved:
        yield _block("A1", "first_launch_not_approved")


# --- small steps ----------------------------------------------------------------------------------------------------


def _to_be_left(case: Case) -> list[Specimen]:
    """Copies that must hold a way out: all but mail about a transaction."""
    return case.rendered if case.draft.lets_leave else []


def _notes(case: Case, *about: Why) -> list[Note]:
    """What DNS gave occasion to say, record by record."""
    report = case.domain_report
    return [note for why in about for judged in report.of(why) for note in judged.notes] if report else []


def _is_asked_about(case: Case, address: Address) -> bool:
    return case.domain_report is not None and case.domain_report.domain == address.domain


def _disbelieved(opinion: Opinion) -> Finding:
    results = {"dkim": opinion.dkim, "spf": opinion.spf, "dmarc": opinion.dmarc, "reason": opinion.reason}
    said = {name: shown(text or "–") for name, text in results.items()}
    return _block("R62", "message_not_believed", verifier=opinion.verifier, **said)


def _told(rule: str, note: Note) -> Finding:
    return (_block if note.stops else _warn)(rule, note.code, **note.params)


def _said(case: Case) -> Iterator[str]:
    """Everything a reader may see, and what the author wrote around the tags: Markdown makes `*|NAME|*` italic."""
    for source in (case.draft.subject, case.draft.preheader, case.draft.body):
        yield "".join(piece.source for piece in tags.scan(source) if piece.kind is tags.Kind.TEXT)
    for specimen in case.rendered:
        page = Page(specimen.html)
        yield from (specimen.subject, specimen.text, page.words(), *(link.href for link in page.links()))


def _as_seen(text: str) -> str:
    """Without what nobody sees (marks of direction, joiners), and wide letters as plain ones."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")


def _address(text: str) -> Address | None:
    try:
        return parse(text)
    except AddressError:
        return None


def _speaks_of_leaving(text: str, marks: Iterable[str]) -> bool:
    lower = text.lower()
    return any(mark in lower for mark in marks)


def _near(specimen: Specimen) -> str:
    at = specimen.text.index(specimen.leave_url)
    return specimen.text[max(at - _AROUND, 0) : at + len(specimen.leave_url) + _AROUND]


CHECKS: tuple[Check, ...] = (
    has_a_class,
    comes_from_who_it_says,
    shows_how_to_leave,
    leaves_in_one_step,
    says_that_it_advertises,
    tells_that_one_may_leave,
    gives_a_postal_address,
    leaves_by_one_click,
    is_well_formed,
    is_finished,
)
ROUTE_CHECKS: tuple[Check, ...] = (
    is_known_to_dns,
    is_authenticated_in_dns,
    is_believed_by_two,
    has_a_long_key,
    was_let_into_the_world,
)
"""Asked of mail that leaves this machine only."""
