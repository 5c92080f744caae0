"""The page for an error that nobody caught. It needs no database, and names the two causes that time or room mends."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.template import loader
from psycopg.errors import DiskFull as PostgresDiskFull

from rida.audience.storage import FULL
from rida.kernel.errors import DatabaseAway, DiskFull


def page(_request: HttpRequest) -> HttpResponse:
    """Django's handler500, called while the error is handled. Both languages: whose page it was, we cannot ask."""
    return HttpResponseServerError(loader.get_template("500.html").render({"cause": cause_of(sys.exception())}))


def cause_of(error: BaseException | None) -> str:
    """disk, database, or nothing that we can name."""
    while error is not None:
        if isinstance(error, DiskFull | PostgresDiskFull) or isinstance(error.__cause__, PostgresDiskFull):
            return "disk"
        if isinstance(error, OSError) and error.errno in FULL:
            return "disk"
        if isinstance(error, DatabaseAway | OperationalError | InterfaceError):
            return "database"
        error = error.__cause__
    return ""
