"""When to try a delivery again. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """window: R is counted over it. retry_waits: after the 1st, 2nd ... try; the last repeats."""

    window_ms: int = 3_600_000
    lease_ms: int = 60_000
    grace_ms: int = 5_000
    """How long past its lease a volley is left alone, for outcomes still on their way."""
    retry_waits_ms: Sequence[int] = (300_000, 900_000, 3_600_000, 14_400_000)


def next_attempt(attempt: int, give_up_at: int, now: int, waits_ms: Sequence[int]) -> int | None:
    """When to try again after try number `attempt` (from 1), in ms; None: give up, the delivery expires.

    RFC 5321 §4.5.4.1 asks for 30 minutes between tries and 4-5 days in all. We are earlier on the first two, because
    greylisting wants about five minutes, and give up after 72 h unless the campaign says otherwise (design §1).
    """
    due = now + waits_ms[min(attempt, len(waits_ms)) - 1]
    return due if due < give_up_at else None
