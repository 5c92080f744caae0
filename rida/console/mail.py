"""Mail content on our own pages: in a frame where no script runs and nothing of ours is in reach."""

import re

from django.http import HttpResponse

_SANDBOX = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; "
    "default-src 'none'; img-src data: https:; style-src 'unsafe-inline'; frame-ancestors 'self'"
)
_HEAD = re.compile(r"<head(?:\s[^>]*)?>", re.IGNORECASE)


def framed(html: str) -> HttpResponse:
    """The body of a message for an iframe of the console (design §8). Its links open in a window of their own: the
    pages they lead to, ours first, stand in nobody's frame.
    """
    head = _HEAD.search(html)
    start = head.end() if head else 0
    response = HttpResponse(f'{html[:start]}<base target="_blank">{html[start:]}')
    response.headers["Content-Security-Policy"] = _SANDBOX
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
