"""Leaving, and a message in the browser. The token is the authority: no login, no cookie, no script.

Leaving follows RFC 8058 and 16 CFR 316.5: one page with one button; a POST, from the page or from a mail program, takes
effect before the answer is sent; looking (GET, HEAD) changes nothing, because scanners follow every link.
"""

from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from rida.feedback.services import How
from rida.feedback.services import leave as leave_now
from rida.kernel.clock import now
from rida.kernel.errors import TokenError
from rida.outbox.copies import Copies
from rida.outbox.links import Copy, Links
from rida.outbox.models import Delivery
from rida.outbox.render import Refused
from rida.public.reader import reader_of

_ONE_CLICK = "One-Click"
_MOST_BYTES = 10_000
_SANDBOX = "sandbox; default-src 'none'; img-src data: https:; style-src 'unsafe-inline'"


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, token: str) -> HttpResponse:
    """GET: the page with its one button. POST: it is done when the answer is sent."""
    copy = _read(token)
    if request.method == "POST":
        leave_now(copy, _how(request), now())
    reader = reader_of(copy)
    with translation.override(reader.language or translation.get_language()):
        response = render(request, "public/leave.html", {"reader": reader, "done": request.method == "POST"})
        response.headers["Content-Language"] = translation.get_language()
    return _private(response)


@never_cache
@require_safe
def view(request: HttpRequest, token: str) -> HttpResponse:
    """The message as it was sent to this person, where no script runs and nothing of ours is in reach."""
    copy = _read(token, viewing=True)
    if not copy.tranche_id:  # it stood in a preview
        return _private(render(request, "public/of_preview.html"))
    html = _html(copy)
    if html is None:
        raise Http404
    response = HttpResponse(html)
    response.headers["Content-Security-Policy"] = _SANDBOX
    return _private(response)


def _how(request: HttpRequest) -> How:
    """Only a note for the record: whoever has the link may leave, whatever the body says or fails to say."""
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > _MOST_BYTES:  # no stranger's files on our disk
            return "page"
        said = request.POST.get("List-Unsubscribe")
    except (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError, ValueError):
        return "page"
    return "one_click" if said == _ONE_CLICK else "page"


def _html(copy: Copy) -> str | None:
    delivery = Delivery.objects.select_related("tranche").filter(tranche=copy.tranche_id, n=copy.n).first()
    if delivery is None or bytes(delivery.address_hash) != copy.address_hash:
        return None
    made = Copies().render(
        delivery.tranche.launch_id,
        copy.tranche_id,
        copy.n,
        delivery.address,
        copy.address_hash,
        delivery.merge,
    )
    return None if isinstance(made, Refused) else made.html


def _read(token: str, *, viewing: bool = False) -> Copy:
    links = Links(settings.RIDA_URL, settings.RIDA_SECRETS)
    try:
        return links.read_view(token) if viewing else links.read_leave(token)
    except TokenError as error:
        raise Http404(str(error)) from error


def _private(response: HttpResponse) -> HttpResponse:
    """The address of the page is a key: no search engine keeps it, no other site learns it."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
