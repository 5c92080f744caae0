"""Pause, resume, cancel: one row, whatever the size of the launch."""

from django.db import transaction

from rida.kernel.errors import WrongState
from rida.outbox.models import Launch
from rida.outbox.waking import wake_launch


def pause(launch: Launch) -> None:
    """No new message leaves after the one now in hand: claims and every group commit look at the state."""
    _change(launch, Launch.State.RUNNING, Launch.State.PAUSED)


def resume(launch: Launch) -> None:
    with transaction.atomic():
        # Budgets first: whoever writes a chunk holds them and goes on to the launch's row, and would wait for us there.
        wake_launch(launch.pk)
        _change(launch, Launch.State.PAUSED, Launch.State.RUNNING)


def cancel(launch: Launch) -> None:
    """One row, whatever the size; the tick gives what was not sent its outcome."""
    _change(launch, (Launch.State.RUNNING, Launch.State.PAUSED), Launch.State.CANCELLED)


def _change(launch: Launch, before: str | tuple[str, ...], after: str) -> None:
    states = (before,) if isinstance(before, str) else before
    if not Launch.objects.filter(pk=launch.pk, state__in=states).update(state=after):
        raise WrongState(state=Launch.objects.get(pk=launch.pk).state)
    launch.state = after
