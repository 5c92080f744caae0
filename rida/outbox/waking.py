"""Tell sleeping networks that there is mail for them, and have their shards drained.

The tick would find them too, up to a second later. `drain` is a ticket of dispatch, a later stage: it is named here for
want of an import.
"""

from collections.abc import Iterable, Sequence

from django.db import connection

from rida.kernel.engine import submit


def wake_launch(launch_id: int) -> None:
    """Where a launch has mail: its networks may have slept meanwhile, and a retry may wait where no tranche is."""
    _wake(_OF_LAUNCH, [launch_id, launch_id])


def wake_sites(sites: Iterable[int]) -> None:
    """Networks of these sites, after mail was written for them, in the same transaction."""
    _wake(_OF_SITES, [list(sites)])


def _wake(networks: str, parameters: Sequence[int | list[int]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_WAKE.format(networks=networks), parameters)
        shards = sorted({shard for (shard,) in cursor.fetchall()})
    for shard in shards:
        submit("drain", f"shard:{shard}", shard=shard)


_OF_LAUNCH = """
SELECT network_id FROM outbox_tranche WHERE launch_id = %s
UNION SELECT network_id FROM dispatch_retry WHERE launch_id = %s
"""
_OF_SITES = "SELECT network_id FROM shaping_site WHERE id = ANY (%s)"
_WAKE = """
UPDATE shaping_budget SET next_due = least(next_due, rida_now())
WHERE id IN (
    SELECT b.id FROM shaping_budget b
    WHERE b.source_id IS NULL AND b.network_id IN ({networks})
    ORDER BY b.id FOR UPDATE)
RETURNING shard
"""
