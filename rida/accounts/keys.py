"""Keys for programs: made, recognised, revoked. The token itself is shown once and never stored."""

import hashlib
import secrets
from datetime import datetime, timedelta

from rida.accounts.models import ApiKey, Workspace

_MARK = "rida_"
"""Makes a leaked token recognisable to scanners, and to the person who finds it."""
_PREFIX = 10
_USE_NOTED_EVERY = timedelta(minutes=1)


def issue(workspace: Workspace, name: str, now: datetime) -> tuple[ApiKey, str]:
    """A new key and its token (256 random bits), which nobody can read again."""
    token = _MARK + secrets.token_urlsafe(32)
    made = ApiKey.objects.create(
        workspace=workspace, name=name.strip(), prefix=token[:_PREFIX], token_hash=_hash(token), created_at=now
    )
    return made, token


def key_of(token: str, now: datetime) -> ApiKey | None:
    """The key behind a token, unless it was revoked. Its use is noted, at most once a minute."""
    key = ApiKey.objects.select_related("workspace").filter(token_hash=_hash(token), revoked_at=None).first()
    if key is not None and (key.last_used_at is None or now - key.last_used_at >= _USE_NOTED_EVERY):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def revoke(key: ApiKey, now: datetime) -> None:
    """In force at once; a key revoked before keeps its moment."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now)


def _hash(token: str) -> bytes:
    # No salt and no slow hash: the token is random, there is nothing to guess.
    return hashlib.sha256(token.encode()).digest()
