"""One person's copy as bytes for the wire. Pure.

The skeleton (fixed headers, boundary lines) is made once a draft; a copy costs two template fillings and three calls
of a C codec. Both parts are base64: no line can be too long, no line can look like a boundary, no relay recodes them.
"""

import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from rida.campaign.content import Draft, compile_content, has_line_break, plain
from rida.kernel.address import Address, parse
from rida.kernel.errors import AddressError, ContentError
from rida.outbox import canonical, dkim, headers
from rida.outbox.links import Copy, Links
from rida.outbox.return_path import ReturnPaths

_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+>")
_RECIPIENT = re.compile(r"[^\x00-\x20\x7f-\xa0\u2028\u2029()<>,;:\\\"\[\]@]+@[A-Za-z0-9.-]+")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,60}[a-z0-9])?")
_MAX_SHOWN_NAME = 100
_MAX_SUBJECT = 900
_LINE = 76
_NO_DOMAIN = "localhost.invalid"


@dataclass(frozen=True, slots=True)
class Mailing:
    """What all copies of a launch share beside their content. launch_id 0: no launch (a preview).

    signers: each adds its DKIM-Signature. bounce_domain: where a copy comes back to under an address of its own; empty:
    to the sender's own address.
    """

    links: Links
    workspace_id: int
    launch_id: int
    signers: Sequence[dkim.Signer] = ()
    bounce_domain: str = ""

    @property
    def base_url(self) -> str:
        return self.links.base_url


@dataclass(frozen=True, slots=True)
class Rendered:
    """content: the whole message, CRLF line ends, not dot-stuffed. smtputf8: an address needs RFC 6531.

    leaves: both parts show this reader's way to leave, or it is mail that needs none.
    """

    mail_from: str
    content: bytes
    subject: str
    html: str
    text: str
    smtputf8: bool = False
    leaves: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """No copy for this person; a code: header_line_break, link_scheme, leave_link_missing, no_recipient ..."""

    reason: str


class Press:
    """A draft made ready to be copied for one person after another. One thread at a time.

    Raises ContentError (and what is below it) for a draft that cannot be read. A sender without a valid address is
    no error here: every copy is refused, and preflight says why (R10).
    """

    def __init__(self, draft: Draft, mailing: Mailing) -> None:
        self._content = compile_content(draft)
        self._links = mailing.links
        self._sender = _sender(draft)
        self._subject_is_fixed = "{" not in draft.subject
        boundary = f"=_rida_{draft.hash().hex()[:24]}"
        self._head = _fixed_head(draft, mailing, self._sender, boundary) if self._sender else b""
        self._signers = mailing.signers
        self._paths, self._bounce_domain = ReturnPaths(mailing.links.secrets), mailing.bounce_domain
        self._fixed_fields = canonical.fields(self._head)
        self._lets_leave = draft.lets_leave
        self._to_text = _part(boundary, "plain")
        self._to_html = b"\r\n" + _part(boundary, "html")
        self._end = f"\r\n--{boundary}--\r\n".encode()

    @property
    def domain(self) -> str:
        """The sender's domain, for Message-IDs."""
        return self._sender.domain if self._sender else _NO_DOMAIN

    def letter(
        self, copy: Copy, address: str, merge: Mapping[str, Any], message_id: str, date: str
    ) -> Rendered | Refused:
        """One person's copy.

        address: as it goes into RCPT. merge: what templates may name (name, attributes ...).
        message_id: with its angle brackets. date: RFC 5322.
        """
        if self._sender is None:
            return Refused("no_sender")
        if not _RECIPIENT.fullmatch(address):
            return Refused("no_recipient")
        if not _MESSAGE_ID.fullmatch(message_id) or has_line_break(date):
            return Refused("message_id")
        leave = self._links.leave(copy)
        try:
            facts = plain(merge) | {"unsubscribe_url": leave, "view_url": self._links.view(copy)}
            subject, html, text = self._content.fill(facts)
        except ContentError as error:
            return Refused(str(error.params.get("code") or "content"))
        subject = subject.strip()
        if has_line_break(subject) or len(subject) > _MAX_SUBJECT:
            return Refused("header_line_break" if has_line_break(subject) else "subject_too_long")
        shown = _shown_name(facts.get("name"))
        to = headers.mailbox("To", shown, address)
        own = self._own_head(subject, to, message_id, date, leave)
        body = b"".join((self._to_text, _base64(text), self._to_html, _base64(html), self._end))
        content = b"".join((self._stamps(own, body, date), own, self._head, body))
        utf8 = self._sender.needs_smtputf8 or not address.isascii()
        leaves = not self._lets_leave or (leave in html and leave in text)
        return Rendered(self._comes_back_to(copy, self._sender), content, subject, html, text, utf8, leaves)

    def _comes_back_to(self, copy: Copy, sender: Address) -> str:
        if not self._bounce_domain:
            return str(sender)
        return self._paths.of(copy.tranche_id, copy.n, self._bounce_domain)

    def _stamps(self, own_head: bytes, body: bytes, date: str) -> bytes:
        """The signatures. The body is canonical as it stands: base64 and lines of ours, no blank too many."""
        if not self._signers:
            return b""
        fields = canonical.fields(own_head) + self._fixed_fields
        return dkim.stamps(self._signers, dkim.see(fields, body), _seconds(date))

    def _own_head(self, subject: str, to: bytes, message_id: str, date: str, leave: str) -> bytes:
        """The headers that differ from copy to copy."""
        return b"".join(
            (
                headers.exact("Date", date),
                headers.exact("Message-ID", message_id),
                to,
                headers.line_of("Subject", subject.replace("\t", " ")),
                headers.exact("List-Unsubscribe", f"<{leave}>") if self._lets_leave else b"",
            )
        )


def _sender(draft: Draft) -> Address | None:
    try:
        return parse(draft.sender.from_address)
    except AddressError:
        return None


@lru_cache(maxsize=8)  # a busy worker asks hundreds of times a second
def _seconds(date: str) -> int:
    """A Date as seconds since 1970, so that t= says the same. `-0000`, read as a naive time, is UTC (RFC 5322 §3.3)."""
    moment = parsedate_to_datetime(date)
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())


def _fixed_head(draft: Draft, mailing: Mailing, sender: Address, boundary: str) -> bytes:
    """The headers that are the same in every copy, and the empty line after them."""
    topic = _label(draft.topic_slug)
    lines = [headers.mailbox("From", _clean_name(draft.sender.name), str(sender)), _reply_to(draft)]
    if draft.lets_leave:
        lines.append(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
        identifier = f"{topic}.w{mailing.workspace_id}.{sender.domain}"
        lines.append(headers.list_id(_clean_name(draft.topic_name), identifier))
    feedback = f"l{mailing.launch_id}:{topic}:w{mailing.workspace_id}:{feedback_sender(sender)}"
    lines.append(headers.exact("Feedback-ID", feedback))
    lines.append(b"MIME-Version: 1.0\r\n")
    lines.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'.encode())
    return b"".join(lines)


def feedback_sender(sender: Address) -> str:
    """The right-most part of Feedback-ID: 5 to 15 characters that stay the same for a domain (R72)."""
    return f"rida-{sha256(sender.domain.encode()).hexdigest()[:8]}"


def _reply_to(draft: Draft) -> bytes:
    try:
        return headers.mailbox("Reply-To", "", str(parse(draft.sender.reply_to))) if draft.sender.reply_to else b""
    except AddressError:
        return b""


def _label(slug: str) -> str:
    """A topic as one label of List-Id: its slug, else a short hash of it. It never changes (RFC 2919)."""
    lower = slug.lower()
    return lower if _LABEL.fullmatch(lower) else f"t{sha256(slug.encode()).hexdigest()[:12]}"


def _clean_name(name: str) -> str:
    """A name fit to be shown in a header; preflight has complained about one that is not (R10)."""
    return " ".join("".join(" " if has_line_break(sign) else sign for sign in name).split())


def _shown_name(name: object) -> str:
    """The recipient's name, left out if it is anything but a plain short name: it is the least trusted text we have."""
    if not isinstance(name, str) or len(name) > _MAX_SHOWN_NAME or has_line_break(name) or "@" in name:
        return ""
    return " ".join(name.split())


def _part(boundary: str, subtype: str) -> bytes:
    kind = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return f"--{boundary}\r\n{kind}".encode()


def _base64(text: str) -> bytes:
    """Text in lines of 76; line ends inside the text are CRLF, as MIME wants it of text (RFC 2046 §4.1.1)."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    code = binascii.b2a_base64(text.replace("\n", "\r\n").encode(), newline=False)
    return b"\r\n".join([code[at : at + _LINE] for at in range(0, len(code), _LINE)])
