"""Who calls: a key, and the one workspace it opens. Whatever lies in another is not there."""

from django.http import HttpRequest
from ninja.security import HttpBearer

from rida.accounts.keys import key_of
from rida.accounts.models import ApiKey, Workspace
from rida.kernel.clock import now


class Bearer(HttpBearer):
    """`Authorization: Bearer rida_…`"""

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        return key_of(token, now())


def caller(request: HttpRequest) -> ApiKey:
    """The key of a request that passed Bearer."""
    key = getattr(request, "auth", None)
    assert isinstance(key, ApiKey)
    return key


def workspace_of(request: HttpRequest) -> Workspace:
    return caller(request).workspace
