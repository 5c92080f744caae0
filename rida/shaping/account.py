"""When a source's own allowance would let a launch go, whatever its networks accept: a relay's hour and day."""

from datetime import datetime

from django.conf import settings
from django.db import connection

from rida.kernel.clock import milliseconds
from rida.shaping.forecast import ForecastRow, Load
from rida.shaping.forecast import forecast as foretell
from rida.shaping.models import NEVER, Allowance, Source

DAY_WINDOWS = 24


def account_forecast(source: Source, n: int, now: datetime) -> ForecastRow | None:
    """For so many bulk messages, by the limit that takes longer. None: the source has none of its own."""
    row = Allowance.objects.filter(source=source).first()
    if row is None or (row.hour is None and row.day is None):
        return None
    at, window = milliseconds(now), int(settings.RIDA_WINDOW_SECONDS * 1000)
    limits = ((row.hour, window, 0), (row.day, DAY_WINDOWS * window, row.day_more_ms))
    rows = [
        foretell([_load(source, row, n, limit, at, more)], at, long)[0]
        for limit, long, more in limits
        if limit is not None
    ]
    return max(rows, key=lambda row: float("inf") if row.hours is None else row.hours)


def _load(source: Source, row: Allowance, n: int, limit: int, at: int, more: int) -> Load:
    held = None if row.hold_until >= NEVER else row.hold_until
    if limit - limit // 10 < 1:
        held = None  # nothing may leave, so there is no end
    return Load(0, source.name, n, limit, held, _counted(source.pk, at, more), _ahead(source.pk))


# The ledger is a later stage, and these read what it counts: by the names of its tables, for want of an import.
_COUNTED = """
SELECT counts_until + %s, sum(n) FROM dispatch_volley
WHERE source_id = %s AND counts_until + %s > %s AND NOT urgent GROUP BY 1
"""
_AHEAD = """
SELECT coalesce(sum(n), 0)::bigint FROM (
    SELECT t.end_n - t.next_n AS n
    FROM outbox_tranche t JOIN outbox_launch l ON l.id = t.launch_id AND l.state = 'running'
    WHERE t.source_id = %s AND NOT t.urgent AND t.next_n < t.end_n
    UNION ALL
    SELECT 1 FROM dispatch_retry y JOIN outbox_launch l ON l.id = y.launch_id AND l.state = 'running'
    WHERE y.source_id = %s AND NOT y.urgent
) waiting
"""


def _counted(source_id: int, at: int, more: int) -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, [more, source_id, more, at])
        return [(int(until), int(n)) for until, n in cursor.fetchall()]


def _ahead(source_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_AHEAD, [source_id, source_id])
        return int(cursor.fetchone()[0])
