"""Sources: one outgoing address or relay account each."""

from rida.shaping.models import Source


def sandbox_source() -> Source:
    """The route that exists from the start: into the town on this machine, nowhere else."""
    return Source.objects.get_or_create(name="sandbox", defaults={"route": Source.Route.SANDBOX})[0]
