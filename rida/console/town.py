"""The inboxes of the sandbox's town. They hold every workspace's mail, so only owners of the installation look in."""

from email import message_from_bytes, policy

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin

from rida.console.access import Inside, owner_only
from rida.console.mail import framed
from rida.town.inbox import Inboxes, Letter

_MOST = 200


@owner_only
def index(request: Inside) -> HttpResponse:
    boxes, wanted = _boxes(), request.GET.get("to", "")
    networks = [(name, boxes.recipients(name)) for name in boxes.networks()]
    shown = [(name, people[:_MOST], len(people)) for name, people in networks if people]
    letters = boxes.letters(wanted) if wanted else []
    return render(request, "console/town.html", {"networks": shown, "letters": letters, "to": wanted})


@owner_only
def letter(request: Inside, letter_id: str) -> HttpResponse:
    found = _letter(letter_id)
    head = found.content.decode("utf-8", "replace").partition("\r\n\r\n")[0]
    return render(request, "console/letter.html", {"letter": found, "head": head, "text": _part(found, "plain")})


@xframe_options_sameorigin
@owner_only
def letter_html(_request: Inside, letter_id: str) -> HttpResponse:
    found = _letter(letter_id)
    return framed(_part(found, "html") or _part(found, "plain"))


def _part(letter: Letter, subtype: str) -> str:
    part = message_from_bytes(letter.content, policy=policy.default).get_body((subtype,))
    return str(part.get_content()) if part else ""


def _letter(letter_id: str) -> Letter:
    found = _boxes().letter(letter_id)
    if found is None:
        raise Http404
    return found


def _boxes() -> Inboxes:
    return Inboxes(settings.HOME / "town")
