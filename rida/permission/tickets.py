"""The log's work for the engine."""

from rida.kernel.clock import now
from rida.kernel.engine import ticket
from rida.permission.log import sequence


@ticket("place_events", lane="tick", every_seconds=30)
def place_events() -> None:
    """Give new events their place in the log, so that a person's page can name it. Nobody waits for this."""
    sequence(now())
