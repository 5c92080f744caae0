"""Until when a volley may be sent. Pure: the clock is asked by whoever holds the lease.

The margin keeps the last write well before the reaper looks: a process may be held up between the question and the
write (design §4.5, engine facts §3.3 and W2).
"""

import math
from dataclasses import dataclass

from rida.delivery.ports import Volley

_MARGIN_SECONDS = 5.0
_MARGIN_PART = 6
"""A short lease (tests, the demo) keeps a sixth of itself as margin."""


@dataclass(slots=True)
class Lease:
    """deadline: in the time of kernel.clock.elapsed_seconds; nothing may be sent from then on."""

    seconds: float
    deadline: float
    fenced: bool = False

    def renewed(self, asked_at: float) -> None:
        """The ledger lengthened it; counts from the clock read before it was asked."""
        if not self.fenced:
            self.deadline = max(self.deadline, asked_at + self.seconds - margin(self.seconds))

    def fence(self) -> None:
        """Another node may have these messages now. There is no way back."""
        self.fenced = True
        self.deadline = -math.inf

    def ended(self, clock_reads: float) -> bool:
        return clock_reads >= self.deadline


def lease_of(volley: Volley) -> Lease:
    seconds = volley.lease_seconds
    return Lease(seconds, volley.claimed_at + seconds - margin(seconds))


def margin(lease_seconds: float) -> float:
    return min(_MARGIN_SECONDS, lease_seconds / _MARGIN_PART)
