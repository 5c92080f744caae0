"""The first login, users and workspaces, failed logins, the audit trail."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils.crypto import salted_hmac
from django.utils.text import slugify

from rida.accounts.models import AuditEntry, FirstLogin, LoginFailure, Membership, Role, User, Workspace
from rida.accounts.rules import LOGIN_REST, Verb, may, may_try
from rida.kernel.errors import NotAllowed, TokenError

FIRST_LOGIN_LIFE = timedelta(minutes=15)
_FIRST_LOGIN_LOCK = 7_316_001
"""Any number that nothing else locks."""


def first_login_link(now: datetime) -> str | None:
    """The link that makes the first owner; None once there is one. A new link ends the ones before.

    Print it, never log it: whoever has it owns the installation. Only its hash is stored.
    """
    if User.objects.filter(is_owner=True).exists():
        return None
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        FirstLogin.objects.filter(used_at=None).delete()
        FirstLogin.objects.create(token_hash=_hash(token), expires_at=now + FIRST_LOGIN_LIFE)
    return f"{settings.RIDA_URL}/first/{token}"


def first_login_is_open(token: str, now: datetime) -> bool:
    """Looking changes nothing: a scanner that opens the link does not use it up."""
    if User.objects.filter(is_owner=True).exists():
        return False
    return FirstLogin.objects.filter(token_hash=_hash(token), used_at=None, expires_at__gt=now).exists()


def use_first_login(
    token: str, *, email: str, name: str, password: str, workspace_name: str, language: str, now: datetime
) -> User:
    """Make the first owner. Raises TokenError for a link that is wrong, old, used, or too late."""
    with transaction.atomic():
        # Two people with one link, or two links: the second waits here and finds an owner.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_FIRST_LOGIN_LOCK])
        if not first_login_is_open(token, now):
            raise TokenError
        FirstLogin.objects.filter(token_hash=_hash(token)).update(used_at=now)
        return create_owner(email=email, name=name, password=password, workspace_name=workspace_name, language=language)


def create_owner(*, email: str, name: str, password: str, workspace_name: str, language: str) -> User:
    """An owner of the installation with a workspace of their own, under the law of the United States for now."""
    with transaction.atomic():
        owner = User.objects.create_user(email, password, name=name, language=language, is_owner=True)
        workspace = Workspace.objects.create(name=workspace_name, slug=_free_slug(workspace_name), profiles=["US"])
        Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
    return owner


def _free_slug(name: str) -> str:
    wanted = slugify(name)[:40] or "workspace"
    taken = set(Workspace.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    return next(slug for slug in (wanted, *(f"{wanted}-{n}" for n in range(2, 10_000))) if slug not in taken)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def may_try_login(email: str, now: datetime) -> bool:
    """False while too many logins for this address went wrong; ask before looking at the password."""
    recent = LoginFailure.objects.filter(email_hash=_keyed(email), at__gt=now - LOGIN_REST)
    return may_try(recent.count())


def failed_login(email: str, now: datetime) -> None:
    """Remember it, whether the address is known or not: the answer must not tell. What is too old goes."""
    LoginFailure.objects.filter(at__lte=now - LOGIN_REST).delete()
    LoginFailure.objects.create(email_hash=_keyed(email), at=now)


def _keyed(email: str) -> bytes:
    return salted_hmac("rida.accounts.login", email.strip().lower(), algorithm="sha256").digest()


def membership(user: User, workspace: Workspace) -> Membership | None:
    """The user's role in this workspace; None for a stranger, whatever else they own."""
    return Membership.objects.filter(user=user, workspace=workspace).first()


def require(user: User, workspace: Workspace, verb: Verb) -> None:
    """Raises NotAllowed unless the user's role in this workspace allows the verb."""
    found = membership(user, workspace)
    if found is None or not may(found.role, verb):
        raise NotAllowed


def membership_of(user: User) -> Membership | None:
    """The user's first membership, with its workspace."""
    return Membership.objects.filter(user=user).select_related("workspace").order_by("pk").first()


def workspace_of(user: User) -> Workspace | None:
    found = membership_of(user)
    return found.workspace if found else None


def note(workspace: Workspace | None, user: User | None, verb: str, subject: str = "") -> AuditEntry:
    """What somebody did, for the audit trail."""
    return AuditEntry.objects.create(workspace=workspace, user=user, verb=verb, subject=subject[:200])
