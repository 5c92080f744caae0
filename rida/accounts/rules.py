"""What a role may do. Pure."""

from datetime import timedelta
from enum import StrEnum

LOGIN_FAILURES = 10
"""So many wrong passwords for one address, and it rests: the price is that a stranger can make it rest."""
LOGIN_REST = timedelta(minutes=15)


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


def may_try(failures: int) -> bool:
    """Whether another login may be tried after so many failures within LOGIN_REST."""
    return failures < LOGIN_FAILURES
