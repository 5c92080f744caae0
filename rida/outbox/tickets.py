"""Writing launches out, as tickets: one chunk after another; a million people need no more memory than 5,000."""

from rida.kernel.clock import now
from rida.kernel.engine import submit, ticket
from rida.outbox.freezing import select, write
from rida.outbox.models import Chunk, Launch
from rida.outbox.route import locate

_CHUNKS_A_TICKET = 20


@ticket("materialise")
def materialise(launch_id: int) -> None:
    """Write the next chunks of a launch; what remains gets another ticket. Repeating a chunk is a no-op."""
    launch = Launch.objects.select_related("source").get(pk=launch_id)
    if launch.state == Launch.State.CANCELLED:
        return _leave_unwritten(launch)
    waiting = Chunk.objects.filter(launch=launch, done=False).order_by("number")
    for chunk in waiting[:_CHUNKS_A_TICKET]:
        selection = select(launch, chunk, now())
        located = locate({person.domain for person in selection.allowed}, launch.source, now())
        write(launch, chunk.pk, selection, located, now())
    if waiting.exists():
        submit("materialise", f"launch:{launch_id}", launch_id=launch_id)
    return None


def _leave_unwritten(launch: Launch) -> None:
    """Cancelled before it was written out: those people were never queued."""
    Chunk.objects.filter(launch=launch).update(done=True)
    Launch.objects.filter(pk=launch.pk).update(chunks_done=launch.chunks)


@ticket("materialise_unfinished", lane="tick", every_seconds=10)
def materialise_unfinished() -> None:
    """A node that died took its ticket along; the chunks say what is left to do."""
    open_launches = Chunk.objects.filter(done=False).values_list("launch_id", flat=True).distinct()
    for launch_id in open_launches:
        submit("materialise", f"launch:{launch_id}", launch_id=launch_id)
