"""The first page: what to do next, and what goes on."""

from django.http import HttpResponse
from django.shortcuts import render

from rida.accounts.rules import Verb
from rida.audience.models import Contact
from rida.campaign.models import Campaign, Identity
from rida.console.access import Inside, inside
from rida.kernel.clock import now
from rida.outbox.models import Launch
from rida.reports.queries import dashboard


@inside(Verb.LOOK)
def home(request: Inside) -> HttpResponse:
    launches = Launch.objects.filter(workspace=request.workspace).select_related("campaign").order_by("-pk")
    steps = {
        "people": Contact.objects.filter(workspace=request.workspace).exists(),
        "sender": Identity.objects.filter(workspace=request.workspace).exists(),
        "campaign": Campaign.objects.filter(workspace=request.workspace).exists(),
        "launch": launches.filter(kind=Launch.Kind.BULK).exists(),
    }
    page = {"steps": steps, "first_hour": not all(steps.values()), "launches": launches[:8]}
    return render(request, "console/home.html", {**page, "glance": dashboard(request.workspace.pk, now())})
