"""What a message says: the draft that people approve, and its templates ready to be filled. Pure.

A draft is everything the content hash covers. `compile_content` reads it once; filling it for one person is `merging`.
"""

import hashlib
import html
import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from typing import Any

from rida.campaign import markup, tags
from rida.campaign.merging import Merger, names, plain
from rida.campaign.words import direction, words
from rida.kernel.errors import ContentError, HeaderInjection

__all__ = [
    "Content",
    "Draft",
    "Sender",
    "address_parts",
    "compile_content",
    "direction",
    "has_line_break",
    "plain",
    "unknown_names",
]

TRANSACTIONAL = "transactional_relationship"
_KNOWN_NAMES = tags.listed("name first_name email locale zone attributes unsubscribe_url view_url topic")
"""What a merge tag may name, besides what hangs under `attributes` and `sender`."""

SUBJECT, HTML, TEXT = "subject.txt", "message.html", "message.txt"
_SENDER_NAMES = tags.listed("name organisation street postal_code city region country address")
_HOLDER = "<!-- body -->"
_LEAD_HOLDER = "<!-- lead -->"
_LEAVE_HOLDER, _VIEW_HOLDER = "[[rida:leave]]", "[[rida:view]]"
_LINE_BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a message is from, with the postal address the law wants. country: ISO 3166-1 alpha-2."""

    name: str = ""
    from_address: str = ""
    reply_to: str = ""
    organisation: str = ""
    street: str = ""
    postal_code: str = ""
    city: str = ""
    region: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything a message's content depends on but the person. markup: `markdown` or `html`."""

    subject: str = ""
    preheader: str = ""
    markup: str = "markdown"
    body: str = ""
    language: str = "en"
    message_class: str = ""
    ad_label: bool = True
    topic_slug: str = ""
    topic_name: str = ""
    sender: Sender = field(default_factory=Sender)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Draft":
        """What `to_json` gave. Raises TypeError for a field it does not know."""
        return cls(**{**stored, "sender": Sender(**stored.get("sender", {}))})

    def hash(self) -> bytes:
        """32 bytes that change with any change of the content."""
        canonical = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()

    @property
    def lets_leave(self) -> bool:
        """Mail about a transaction carries no unsubscribe link: there is nothing to leave."""
        return self.message_class != TRANSACTIONAL


@dataclass(frozen=True, slots=True)
class Content:
    """A draft's templates, compiled. moving_links: an address depends on facts, so it is looked at after merging."""

    merger: Merger
    moving_links: bool

    def fill(self, facts: Mapping[str, Any]) -> tuple[str, str, str]:
        """(subject, html, text) for facts as `plain` gives them.

        Raises ContentTooCostly, ContentError (a link with a scheme that is not allowed).
        """
        page = self.merger.fill(HTML, facts)
        if self.moving_links:
            markup.check_links(page)
        return self.merger.fill(SUBJECT, facts), page, self.merger.fill(TEXT, facts)


def compile_content(draft: Draft) -> Content:
    """Read the draft once, for as many fillings as there are people.

    Raises ContentError with `part` (subject, preheader, body) and line, ContentTooCostly, HeaderInjection.
    """
    with _in_part("subject"):
        Merger({SUBJECT: draft.subject}, {})
        if has_line_break(draft.subject):
            raise HeaderInjection(name="Subject", line=1, code="line_break", detail="line break")
    with _in_part("preheader"):
        Merger({TEXT: draft.preheader}, {})
    with _in_part("body"):
        body = markup.body(draft.body, draft.markup, _BODY_STYLE)
        own_link = "unsubscribe_url" in names(draft.body)
        fixed = {"sender": _sender_names(draft), "topic": draft.topic_name}
        merger = Merger(_templates(draft, body, own_link), fixed)
    return Content(merger, body.moving_links)


def unknown_names(draft: Draft, attributes: Collection[str] | None = None) -> list[str]:
    """Merge names that nobody has. attributes: those the workspace knows; None: any will do. Raises ContentError."""
    asked = names(draft.subject) | names(draft.preheader) | names(draft.body)
    return sorted(name for name in asked if not _is_known(name.split("."), attributes))


def has_line_break(text: str) -> bool:
    """Any control character but tab, or half a character: a header line would end, or not be text."""
    return _LINE_BREAKS.search(text) is not None


def address_parts(sender: Sender) -> list[str]:
    """The parts of the postal address that are filled in, in the order they are written."""
    parts = (sender.street, sender.city, sender.region, sender.postal_code, sender.country)
    return [part.strip() for part in parts if part.strip()]


# --- the layout around the body -------------------------------------------------------------------------------------


def _read(name: str) -> str:
    return files("rida.campaign").joinpath(name).read_text(encoding="utf-8")


_STATEMENT_LINE = re.compile(r"(?m)^(\{%.*%\})\n")
_LAYOUTS = {
    name: _STATEMENT_LINE.sub(r"\1", _read(file)) for name, file in ((HTML, "layout.html"), (TEXT, "layout.txt"))
}
_BODY_STYLE = _read("body.css")


@contextmanager
def _in_part(part: str) -> Iterator[None]:
    """Says which field an error is about."""
    try:
        yield
    except ContentError as error:
        error.params.setdefault("part", part)
        raise


def _templates(draft: Draft, body: markup.Body, own_link: bool) -> dict[str, str]:
    lead = "".join(
        html.escape(piece.source) if piece.kind is tags.Kind.TEXT else piece.source
        for piece in tags.scan(draft.preheader)
    )
    frames = _frames(draft, own_link)
    return {
        SUBJECT: draft.subject,
        HTML: frames[HTML].replace(_LEAD_HOLDER, lead).replace(_HOLDER, body.html),
        TEXT: frames[TEXT].replace(_HOLDER, body.text),
    }


def _frames(draft: Draft, own_link: bool) -> dict[str, str]:
    """The layouts with everything filled in that is the same in every copy; what is left are our two links."""
    said = Merger(_LAYOUTS, {"foot": _foot(draft, own_link), "sender": _sender_names(draft)})
    links = {"unsubscribe_url": _LEAVE_HOLDER, "view_url": _VIEW_HOLDER}
    filled = {name: markup.literal_braces(said.fill(name, links)) for name in _LAYOUTS}
    return {
        name: frame.replace(_LEAVE_HOLDER, "{{ unsubscribe_url }}").replace(_VIEW_HOLDER, "{{ view_url }}")
        for name, frame in filled.items()
    }


def _foot(draft: Draft, own_link: bool) -> dict[str, Any]:
    """What stands around the body. own_link: the author placed the link to leave, the foot does not repeat it."""
    said = words(draft.language)
    params = {"organisation": draft.sender.organisation or draft.sender.name, "topic": draft.topic_name}
    way = direction(draft.language)
    return {
        "language": draft.language,
        "dir": way,
        "align": "right" if way == "rtl" else "left",
        "title": params["organisation"],
        "lead": bool(draft.preheader.strip()),
        "ad_label": said["ad_label"] if draft.ad_label else "",
        "sent_by": said["sent_by"] % params,
        "reason": said["reason" if draft.topic_name else "reason_without_topic"] % params,
        "leaves": draft.lets_leave and not own_link,
        **{name: said[name] for name in ("notice", "leave", "view")},
    }


def _sender_names(draft: Draft) -> dict[str, str]:
    """What a merge tag may say about the sender; `address` is the postal address in one line."""
    named = {name: getattr(draft.sender, name) for name in _SENDER_NAMES - {"address"}}
    return {**named, "address": words(draft.language)["comma"].join(address_parts(draft.sender))}


def _is_known(path: list[str], attributes: Collection[str] | None) -> bool:
    head, *rest = path
    if head == "attributes":
        return attributes is None or not rest or rest[0] in attributes
    if head == "sender":
        return not rest or rest[0] in _SENDER_NAMES
    return head in _KNOWN_NAMES and not rest
