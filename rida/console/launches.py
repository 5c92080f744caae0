"""A launch while it runs: outcomes by network, pause, resume, cancel."""

from collections.abc import Callable

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from rida.accounts.rules import Verb
from rida.accounts.services import note
from rida.console import words
from rida.console.access import Inside, inside
from rida.console.say import tell
from rida.kernel.clock import now
from rida.kernel.errors import RidaError
from rida.outbox.models import Launch
from rida.outbox.services import cancel, pause, resume
from rida.reports.queries import by_network, totals, withheld
from rida.shaping.sources import held_because

_CHANGES: dict[str, Callable[[Launch], None]] = {"pause": pause, "resume": resume, "cancel": cancel}


@inside(Verb.LOOK)
def show(request: Inside, launch_id: int) -> HttpResponse:
    """Counted from the ledger at every look; the page asks again every two seconds until it is over."""
    launch = _one(request, launch_id)
    counted = totals(launch.pk)
    done = counted.queued - counted.waiting
    over = launch.finished_at is not None
    page = {
        "launch": launch,
        "held": held_because(launch.source, now()),
        "totals": counted,
        "networks": by_network(launch.pk, now()),
        "percent": round(100 * done / counted.queued) if counted.queued else 0,
        "over": over,
        "writing": launch.chunks_done < launch.chunks,
        "excluded": [(words.of(words.REASONS, code), n) for code, n in sorted(launch.excluded.items())],
        "withheld": _withheld(launch) if counted.withheld else [],
        "may_change": Verb.LAUNCH in request.verbs,
    }
    template = "console/launch_part.html" if request.headers.get("HX-Request") else "console/launch.html"
    return render(request, template, page)


def _withheld(launch: Launch) -> list[tuple[str, int]]:
    return [(words.of(words.BY_NAME["reason"], code), n) for code, n in withheld(launch.pk)]


@inside(Verb.LAUNCH)
def change(request: Inside, launch_id: int, change: str) -> HttpResponse:
    """In force within a second. What cannot be taken back is asked for first."""
    launch = _one(request, launch_id)
    if change not in _CHANGES:
        raise Http404
    if request.method != "POST":
        over = launch.state not in {Launch.State.RUNNING, Launch.State.PAUSED}
        if change != "cancel" or over:
            return redirect("launch", launch.pk)
        return render(request, "console/cancel.html", {"launch": launch, "waiting": totals(launch.pk).waiting})
    try:
        _CHANGES[change](launch)
        note(request.workspace, request.user, f"launch.{change}", str(launch.pk))
    except RidaError as error:
        tell(request, error)
    return redirect("launch", launch.pk)


def _one(request: Inside, launch_id: int) -> Launch:
    found = Launch.objects.select_related("campaign", "source").filter(workspace=request.workspace)
    return get_object_or_404(found, pk=launch_id)
