"""Pause, resume, cancel: one row, whatever the size of the launch."""

from django.db import connection, transaction

from rida.kernel.engine import submit
from rida.kernel.errors import WrongState
from rida.outbox.models import Launch


def pause(launch: Launch) -> None:
    """No new message leaves after the one now in hand: claims and every group commit look at the state."""
    _change(launch, Launch.State.RUNNING, Launch.State.PAUSED)


def resume(launch: Launch) -> None:
    with transaction.atomic():
        _change(launch, Launch.State.PAUSED, Launch.State.RUNNING)
        _wake(launch)


def cancel(launch: Launch) -> None:
    """One row, whatever the size; the tick gives what was not sent its outcome."""
    _change(launch, (Launch.State.RUNNING, Launch.State.PAUSED), Launch.State.CANCELLED)


def _change(launch: Launch, before: str | tuple[str, ...], after: str) -> None:
    states = (before,) if isinstance(before, str) else before
    if not Launch.objects.filter(pk=launch.pk, state__in=states).update(state=after):
        raise WrongState(state=Launch.objects.get(pk=launch.pk).state)
    launch.state = after


def _wake(launch: Launch) -> None:
    """Its networks may have slept meanwhile; a retry may wait where the launch has no tranche any more.

    The tick would find them too, up to a second later: its ticket is submitted here, so that a resume takes less.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WAKE, [launch.pk, launch.pk])
        shards = sorted({shard for (shard,) in cursor.fetchall()})
    for shard in shards:
        submit(_DRAIN, f"shard:{shard}", shard=shard)


_DRAIN = "drain"
"""A ticket of dispatch, a later stage: named here for want of an import."""
_WAKE = """
UPDATE shaping_budget SET next_due = least(next_due, rida_now())
WHERE id IN (
    SELECT b.id FROM shaping_budget b
    WHERE b.source_id IS NULL AND b.network_id IN (
        SELECT network_id FROM outbox_tranche WHERE launch_id = %s
        UNION SELECT network_id FROM dispatch_retry WHERE launch_id = %s)
    ORDER BY b.id FOR UPDATE)
RETURNING shard
"""
