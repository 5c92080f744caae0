"""Senders: who a message is from, with the postal address that the law wants."""

from typing import Any

from django.contrib import messages
from django.forms import model_to_dict
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from rida.accounts.rules import Verb
from rida.campaign.models import Identity
from rida.campaign.services import change_identity, create_identity
from rida.console.access import Inside, inside
from rida.console.forms import IdentityForm
from rida.kernel.clock import now


@inside(Verb.LOOK)
def index(request: Inside) -> HttpResponse:
    return render(request, "console/identities.html", {"identities": _all(request).order_by("name")})


@inside(Verb.WRITE)
def edit(request: Inside, identity_id: int | None = None) -> HttpResponse:
    known = get_object_or_404(_all(request), pk=identity_id) if identity_id else None
    form = IdentityForm(request.POST or None, initial=_shown(request, known))
    if request.method == "POST" and form.is_valid():
        _save(request, known, form)
        messages.success(request, _("The sender is saved."))
        return redirect("identities")
    return render(request, "console/identity.html", {"form": form, "identity": known})


def _all(request: Inside) -> Any:
    return Identity.objects.filter(workspace=request.workspace)


def _shown(request: Inside, known: Identity | None) -> dict[str, Any]:
    if known is None:
        return {
            "organisation": request.workspace.name,
            "name": request.workspace.name,
            "language": request.user.language,
        }
    return {**model_to_dict(known), "confirmed": known.address_confirmed_at is not None}


def _save(request: Inside, known: Identity | None, form: IdentityForm) -> None:
    given = dict(form.cleaned_data)
    confirmed = given.pop("confirmed")
    given["country"] = given["country"].upper()
    saved = change_identity(known, **given) if known else create_identity(request.workspace, **given)
    if confirmed != (saved.address_confirmed_at is not None):
        change_identity(saved, address_confirmed_at=now() if confirmed else None)
