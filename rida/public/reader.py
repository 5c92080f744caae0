"""Whom a public page speaks to, and about what."""

from dataclasses import dataclass

from django.conf import settings

from rida.accounts.models import Workspace
from rida.audience.models import Contact
from rida.outbox.links import Copy
from rida.outbox.models import Launch


@dataclass(frozen=True, slots=True)
class Reader:
    """language: one that the pages speak, or empty where nothing is known. topic: empty for all mail.

    is_preview: the link stood in a preview, so nobody stands behind it.
    """

    language: str
    sender: str
    topic: str
    is_preview: bool


def reader_of(copy: Copy) -> Reader:
    """From the contact, else from what was sent."""
    launch = Launch.objects.filter(tranche=copy.tranche_id).first()
    content = launch.content if launch else {}
    contact = Contact.objects.filter(workspace=copy.workspace_id, address_hash=copy.address_hash).first()
    language = _spoken(contact.locale if contact else "") or _spoken(str(content.get("language", "")))
    return Reader(language, _sender(copy, content), str(content.get("topic_name", "")), not copy.tranche_id)


def _sender(copy: Copy, content: dict[str, object]) -> str:
    sender = content.get("sender")
    named = str(sender.get("organisation") or sender.get("name") or "") if isinstance(sender, dict) else ""
    workspace = Workspace.objects.filter(pk=copy.workspace_id).first()
    return named or (workspace.name if workspace else "")


def _spoken(locale: str) -> str:
    """`ar-EG` and `ar_EG` are read by whoever reads `ar`."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return language if language in dict(settings.LANGUAGES) else ""
