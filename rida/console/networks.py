"""Receiving networks: limits in force, what is in hand, holds by hand. All of it is the installation's."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from rida.accounts.rules import Verb
from rida.accounts.services import note
from rida.console.access import Inside, inside, owner_only
from rida.console.forms import HoldForm
from rida.kernel.clock import milliseconds, now
from rida.shaping.models import Budget, Network
from rida.shaping.services import hold, release
from rida.shaping.sources import caps_of, held_because

_MOST = 200


@inside(Verb.LOOK)
def index(request: Inside) -> HttpResponse:
    at = milliseconds(now())
    budgets = Budget.objects.filter(source=None).select_related("network").order_by("-in_hand", "network__name")
    rows = [{"budget": budget, "held": budget.hold_until > at} for budget in budgets[:_MOST]]
    page = {"rows": rows, "may_rule": request.user.is_owner, "caps": caps_of(request.source)}
    return render(request, "console/networks.html", {**page, "held": held_because(request.source, now())})


@owner_only
def hold_page(request: Inside, network_id: int) -> HttpResponse:
    network = get_object_or_404(Network, pk=network_id)
    form = HoldForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        hold(network, None, form.cleaned_data["reason"], request.user.email, now())
        note(None, request.user, "network.hold", network.key)
        messages.success(request, _("Nothing new is sent to this network until you release it."))
        return redirect("networks")
    return render(request, "console/hold.html", {"form": form, "network": network})


@owner_only
def release_now(request: Inside, network_id: int) -> HttpResponse:
    network = get_object_or_404(Network, pk=network_id)
    if request.method != "POST":
        return redirect("networks")
    release(network, request.user.email, now())
    note(None, request.user, "network.release", network.key)
    messages.success(request, _("The hold is over; sending goes on."))
    return redirect("networks")
