"""Imports as tickets: one at a time each, in a lane of their own, begun again where a node died."""

from rida.audience.models import Import
from rida.audience.services import queue_import, run_import
from rida.kernel.clock import now
from rida.kernel.engine import ticket


@ticket("import_file", lane="import")
def import_file(import_id: int) -> None:
    run_import(import_id, now())


@ticket("imports_unfinished", lane="tick", every_seconds=10)
def imports_unfinished() -> None:
    """A node that died, or a database that went away, took the ticket along; repeating an import doubles nothing."""
    for job in Import.objects.filter(state__in=[Import.State.WAITING, Import.State.RUNNING]):
        queue_import(job)
