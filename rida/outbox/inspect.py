"""Specimens for preflight and preview: real copies, read back by the standard library's parser. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from rida.campaign.content import Draft
from rida.outbox.links import Copy
from rida.outbox.render import Mailing, Press, Refused
from rida.preflight.case import Specimen

__all__ = ["Specimen", "specimens"]

_MAX_PEOPLE = 5
_NOBODY = bytes(16)
_MADE_UP: dict[str, dict[str, Any]] = {
    "complete": {"name": "Layla Haddad", "first_name": "Layla", "email": "layla@example.org", "locale": "en"},
    "missing": {
        "name": "",
        "first_name": "",
        "email": "reader@example.org",
        "locale": "",
        "zone": "",
        "attributes": {},
    },
    "arabic": {"name": "ليلى حدّاد", "first_name": "ليلى", "email": "layla@example.org", "locale": "ar"},
}


def specimens(draft: Draft, mailing: Mailing, people: Sequence[Mapping[str, Any]], at: datetime) -> list[Specimen]:
    """Copies dated `at` for up to five of the given people (their merge facts), then for one of whom nothing is known
    and one with an Arabic name; with nobody given, for a made-up person first. Raises ContentError.
    """
    press = Press(draft, mailing)
    cast = [("person", person) for person in people[:_MAX_PEOPLE]] or [("complete", _MADE_UP["complete"])]
    cast += [(kind, _MADE_UP[kind]) for kind in ("missing", "arabic")]
    return [_specimen(press, mailing, kind, person, at) for kind, person in cast]


def _specimen(press: Press, mailing: Mailing, kind: str, person: Mapping[str, Any], at: datetime) -> Specimen:
    copy = Copy(mailing.workspace_id, 0, 0, _NOBODY)
    address = str(person.get("email") or _MADE_UP["missing"]["email"])
    made = press.letter(copy, address, person, f"<specimen.{mailing.launch_id}@{press.domain}>", format_datetime(at))
    if isinstance(made, Refused):
        return Specimen(kind, refused=made.reason)
    message = message_from_bytes(made.content, policy=policy.default)
    return Specimen(
        kind=kind,
        headers=tuple((name, str(value)) for name, value in message.items()),
        subject=str(message["Subject"] or ""),
        html=_body(message, "html"),
        text=_body(message, "plain"),
        raw=made.content,
        mail_from=made.mail_from,
        leave_url=mailing.links.leave(copy),
    )


def _body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    content = part.get_content() if part else ""
    return str(content).replace("\r\n", "\n")
