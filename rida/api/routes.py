"""REST v1: validate, call one service, show. Everything is looked up inside the caller's workspace."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import NinjaAPI
from ninja.pagination import LimitOffsetPagination, paginate

from rida.accounts.models import AuditEntry
from rida.api.auth import Bearer, caller, workspace_of
from rida.api.schemas import (
    CampaignOut,
    Change,
    ContactIn,
    ContactOut,
    ErrorOut,
    LaunchOut,
    LaunchTotalsOut,
    NetworkOut,
)
from rida.api.signup import sign_up
from rida.audience.models import Topic
from rida.campaign.models import Campaign
from rida.kernel.clock import now
from rida.kernel.errors import NotAllowed, OptInRefused, RidaError, WrongState
from rida.outbox.halting import cancel, pause, resume
from rida.outbox.models import Launch
from rida.reports import queries

api = NinjaAPI(title="Rida", version="1", auth=Bearer(), docs_url="/docs", openapi_url="/openapi.json")

_STATUS: dict[type[RidaError], int] = {NotAllowed: 403, WrongState: 409, OptInRefused: 409}
_CHANGES: dict[Change, Callable[[Launch], None]] = {"pause": pause, "resume": resume, "cancel": cancel}


@api.exception_handler(RidaError)
def _say(request: HttpRequest, error: RidaError) -> HttpResponse:
    """See schemas.ErrorOut."""
    status = _STATUS.get(type(error), 400 if error.permanent else 503)
    params = {name: str(value) for name, value in error.params.items()}
    said = {"code": type(error).__name__, "params": params, "detail": str(error)}
    return api.create_response(request, said, status=status)


# --- campaigns ------------------------------------------------------------------------------------------------------


@api.get("/campaigns", response=list[CampaignOut], tags=["campaigns"])
@paginate(LimitOffsetPagination)
def campaigns(request: HttpRequest) -> QuerySet[Campaign]:
    """The workspace's campaigns, the newest first."""
    return _campaigns(request).order_by("-pk")


@api.get("/campaigns/{int:campaign_id}", response=CampaignOut, tags=["campaigns"])
def campaign(request: HttpRequest, campaign_id: int) -> Campaign:
    return get_object_or_404(_campaigns(request), pk=campaign_id)


@api.get("/campaigns/{int:campaign_id}/launches", response=list[LaunchOut], tags=["campaigns"])
@paginate(LimitOffsetPagination)
def launches(request: HttpRequest, campaign_id: int) -> QuerySet[Launch]:
    """A campaign's launches, test sends included, the newest first."""
    found = get_object_or_404(_campaigns(request), pk=campaign_id)
    return Launch.objects.filter(campaign=found).order_by("-pk")


def _campaigns(request: HttpRequest) -> QuerySet[Campaign]:
    return Campaign.objects.filter(workspace=workspace_of(request)).select_related("topic")


# --- launches -------------------------------------------------------------------------------------------------------


@api.get("/launches/{int:launch_id}", response=LaunchTotalsOut, tags=["launches"])
def launch(request: HttpRequest, launch_id: int) -> dict[str, Any]:
    """A launch and its totals."""
    found = _launch(request, launch_id)
    return {**LaunchOut.from_orm(found).dict(), "totals": queries.totals(found.pk)}


@api.get("/launches/{int:launch_id}/networks", response=list[NetworkOut], tags=["launches"])
def launch_networks(request: HttpRequest, launch_id: int) -> list[queries.NetworkTotals]:
    """The totals by network, with each network's limits; the one with most waiting first."""
    return queries.by_network(_launch(request, launch_id).pk)


@api.post("/launches/{int:launch_id}/{change}", response={200: LaunchOut, 409: ErrorOut}, tags=["launches"])
def change_launch(request: HttpRequest, launch_id: int, change: Change) -> Launch:
    """Pause, resume or cancel. In force within a second; 409 where the launch's state does not allow it."""
    found = _launch(request, launch_id)
    _CHANGES[change](found)
    AuditEntry.objects.create(
        workspace=found.workspace, verb=f"launch.{change}", subject=f"{found.pk}, key {caller(request).prefix}"
    )
    return found


def _launch(request: HttpRequest, launch_id: int) -> Launch:
    return get_object_or_404(Launch, pk=launch_id, workspace=workspace_of(request))


# --- people ---------------------------------------------------------------------------------------------------------


@api.post("/contacts", response={200: ContactOut, 409: ErrorOut}, tags=["people"])
def record_opt_in(request: HttpRequest, asked: ContactIn) -> ContactOut:
    """Record that a person opted in to a topic, with the evidence. Repeating it adds nothing.

    409 for a person who left, complained or whose mailbox is dead: a program cannot undo that.
    """
    key = caller(request)
    topic = get_object_or_404(Topic, workspace=key.workspace, slug=asked.topic)
    return sign_up(key, topic, asked, now())
