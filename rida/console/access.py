"""Who may open a page: a user who is logged in, in a workspace of their own, with a role that allows it.

Everything a page shows is looked up inside `request.workspace`; another workspace's number is a page that is not there.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache

from rida.accounts.models import User, Workspace
from rida.accounts.rules import Verb, may
from rida.accounts.services import membership_of
from rida.shaping.models import Source
from rida.shaping.sources import departure_of, sandbox_source


class Inside(HttpRequest):
    """Of somebody who is inside: `user` is real, `workspace` is theirs, `verbs` are what their role allows.

    source: by which the workspace's mail leaves; every page tells. approved: launches may leave by it, not only tests.
    """

    user: User
    workspace: Workspace
    source: Source
    approved: bool
    verbs: frozenset[Verb]


_View = Callable[Concatenate[Inside, ...], HttpResponseBase]


def inside(verb: Verb) -> Callable[[_View], Callable[..., HttpResponseBase]]:
    """A page for those who may do this. Others get the login page, or 403."""

    def wrap(view: _View) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: Inside, *args: object, **kwargs: object) -> HttpResponseBase:
            _enter(request, verb)
            return view(request, *args, **kwargs)

        return never_cache(login_required(guarded))

    return wrap


def owner_only(view: _View) -> Callable[..., HttpResponseBase]:
    """For what belongs to the installation, such as a hold: it is felt in every workspace."""

    @wraps(view)
    def guarded(request: Inside, *args: object, **kwargs: object) -> HttpResponseBase:
        if not request.user.is_owner:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return inside(Verb.RULE)(guarded)


def _enter(request: Inside, verb: Verb) -> None:
    found = membership_of(request.user)
    if found is None or not may(found.role, verb):
        raise PermissionDenied
    departure = departure_of(found.workspace)
    request.workspace, request.source = found.workspace, departure.source if departure else sandbox_source()
    request.approved = departure is not None and departure.approved_at is not None
    request.verbs = frozenset(each for each in Verb if may(found.role, each))
