"""What a role may do. Pure."""

from enum import StrEnum


class Verb(StrEnum):
    LOOK = "look"
    WRITE = "write"
    """Import, edit, preview, test."""
    LAUNCH = "launch"
    """Launch, pause, resume, cancel."""
    RULE = "rule"
    """Holds and limits of networks, members, routes."""


_MAY = {
    "viewer": {Verb.LOOK},
    "editor": {Verb.LOOK, Verb.WRITE, Verb.LAUNCH},
    "owner": set(Verb),
}


def may(role: str, verb: Verb) -> bool:
    """False for a role that nobody knows."""
    return verb in _MAY.get(role, set())
