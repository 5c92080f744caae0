"""Bringing people in: a file, its columns, why they may be written to, and what became of each row."""

from pathlib import Path

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from rida.accounts.rules import Verb
from rida.accounts.services import note
from rida.audience import storage
from rida.audience.models import Import
from rida.audience.services import Preview, preview, queue_import, refused_report_path, start_import
from rida.campaign.models import Identity
from rida.console.access import Inside, inside
from rida.console.forms import ImportForm, UploadForm
from rida.console.say import said, tell
from rida.kernel import errors
from rida.kernel.clock import now
from rida.kernel.errors import RidaError

_WAITING = "import_file"
"""In the session: [path, name] of the file whose columns are being named."""


@inside(Verb.WRITE)
def index(request: Inside) -> HttpResponse:
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            _keep(request, form)
            return redirect("import_columns")
        except RidaError as error:
            form.add_error("file", said(error))
    done = Import.objects.filter(workspace=request.workspace).order_by("-pk")[:20]
    return render(request, "console/imports.html", {"form": form, "imports": done})


def _keep(request: Inside, form: UploadForm) -> None:
    file = form.cleaned_data["file"]
    stored = storage.store(file.file)
    _forget(request)
    request.session[_WAITING] = [str(stored.path), file.name]


def _forget(request: Inside) -> None:
    if before := request.session.pop(_WAITING, None):
        Path(before[0]).unlink(missing_ok=True)


@inside(Verb.WRITE)
def columns(request: Inside) -> HttpResponse:
    """The file's first rows under what each column is taken for."""
    path, name = request.session.get(_WAITING, ["", ""])
    if not path or not Path(path).exists():
        messages.error(request, _("Please choose the file again."))
        return redirect("imports")
    try:
        seen = preview(Path(path))
    except RidaError as error:
        _forget(request)
        tell(request, error)
        return redirect("imports")
    form = ImportForm(request.workspace, seen.headers, seen.mapping, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return _begin(request, form, Path(path), name)
        except RidaError as error:
            form.add_error(None, said(error))
    return render(request, "console/columns.html", {"form": form, "seen": seen, "name": name, "rows": _rows(seen)})


def _rows(seen: Preview) -> list[list[str]]:
    return [row[: len(seen.headers)] for row in seen.rows[:5]]


def _begin(request: Inside, form: ImportForm, path: Path, name: str) -> HttpResponse:
    given = form.cleaned_data
    job = start_import(
        request.workspace,
        request.user,
        path,
        name,
        topic=given["topic"],
        basis=given["basis"],
        mapping=form.mapping,
        statement=given["statement"],
        now=now(),
    )
    queue_import(job)
    _forget(request)
    note(request.workspace, request.user, "import.start", f"{job.pk} {name}")
    return redirect("import", job.pk)


@inside(Verb.LOOK)
def show(request: Inside, import_id: int) -> HttpResponse:
    """How far it has come; the page asks again until it is over."""
    job = _job(request, import_id)
    over = job.state in {Import.State.FINISHED, Import.State.FAILED}
    percent = 100 if over else round(100 * job.bytes_read / max(1, job.bytes_total))
    page = {"job": job, "over": over, "percent": percent, "problem": _problem(job)}
    page["sender"] = Identity.objects.filter(workspace=request.workspace).exists()
    template = "console/import_part.html" if request.headers.get("HX-Request") else "console/import.html"
    return render(request, template, page)


def _problem(job: Import) -> str:
    """The stored error in words; its class stands in the errors' one page."""
    if not job.error:
        return ""
    kind = getattr(errors, job.error["code"], RidaError)
    return said(kind(**job.error["params"]))


@inside(Verb.LOOK)
def refused(request: Inside, import_id: int) -> HttpResponseBase:
    """The report of refused rows, for a spreadsheet."""
    path = refused_report_path(_job(request, import_id))
    if not path.exists():
        raise Http404
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=f"refused-{import_id}.csv", content_type="text/csv"
    )


def _job(request: Inside, import_id: int) -> Import:
    return get_object_or_404(Import, pk=import_id, workspace=request.workspace)
