"""How patient and how greedy a session is. Pure data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait; RFC 5321 §4.5.3.2 where it says something. A pipelined envelope has one wait for all of it."""

    connect: float = 30
    greeting: float = 300
    """For the greeting and the answer to EHLO together."""
    envelope: float = 300
    block: float = 180
    """For the body to leave this machine."""
    dot: float = 600
    """Ten minutes: whoever gives up sooner sends twice (RFC 1047)."""
    farewell: float = 2
    """For the server to close after QUIT; then we close."""


@dataclass(frozen=True, slots=True)
class Manners:
    patience: Patience = Patience()
    addresses_tried: int = 6
    """Of a site with many hosts, before the volley waits."""
    record_pause_seconds: float = 0.2
    """First pause after the ledger failed; doubles up to record_pause_longest_seconds."""
    record_pause_longest_seconds: float = 15
