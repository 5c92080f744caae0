"""Mail content on our own pages: in a frame where no script runs and nothing of ours is in reach."""

from django.http import HttpResponse

_SANDBOX = "sandbox; default-src 'none'; img-src data: https:; style-src 'unsafe-inline'; frame-ancestors 'self'"


def framed(html: str) -> HttpResponse:
    """The body of a message for an iframe of the console (design §8)."""
    response = HttpResponse(html)
    response.headers["Content-Security-Policy"] = _SANDBOX
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
