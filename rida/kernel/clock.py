"""Two clocks: what time it is, and how much time has passed.

`now` names moments that people read. `elapsed_seconds` measures leases: it counts the time a machine was suspended
(CLOCK_BOOTTIME), so a laptop that slept through its lease knows it.
"""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The moment, aware, UTC. Take it once at the edge and pass it on."""
    return datetime.now(UTC)


def elapsed_seconds() -> float:
    """Seconds since some fixed point, never stepping back, suspension included."""
    return time.clock_gettime(_BOOTTIME)


def milliseconds(moment: datetime) -> int:
    """Unix time in milliseconds, the ledger's unit."""
    return int(moment.timestamp() * 1000)


def moment(unix_milliseconds: int) -> datetime:
    """The aware UTC moment of a ledger time."""
    return datetime.fromtimestamp(unix_milliseconds / 1000, UTC)


# macOS has no CLOCK_BOOTTIME; its CLOCK_MONOTONIC counts suspension.
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
