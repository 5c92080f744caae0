"""How much one network gets at once and in a window: pin, learned value, prior, default, in that order. Pure.

Nothing here raises R = 100 and C = K = 10. Learning, where an operator turns it on for a route, comes with a cap of its
own and will pass it as `ceiling`; a prior that is lower than the default applies at once (design §4.1).
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """r: messages a rolling window. c: messages in hand at once. k: connections at once. v: messages a volley."""

    r: int = 100
    c: int = 10
    k: int = 10
    v: int = 5
    messages_per_connection: int = 20


DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Wish:
    """Limits that somebody or something asks for; None: says nothing about this one."""

    r: int | None = None
    c: int | None = None
    k: int | None = None
    v: int | None = None
    messages_per_connection: int | None = None


NOTHING = Wish()


def effective(
    *, pin: Wish = NOTHING, learned: Wish = NOTHING, prior: Wish = NOTHING, ceiling: Limits = DEFAULT
) -> Limits:
    """The limits in force. For each, the first who says something is heard, but never above the ceiling nor below 1.

    A volley goes over one connection and is in hand as a whole, so it is never longer than either allows.
    """

    def heard(ask: Callable[[Wish], int | None], most: int) -> int:
        said = next((value for wish in (pin, learned, prior) if (value := ask(wish)) is not None), most)
        return max(1, min(said, most))

    per_connection = heard(lambda wish: wish.messages_per_connection, ceiling.messages_per_connection)
    c = heard(lambda wish: wish.c, ceiling.c)
    return Limits(
        r=heard(lambda wish: wish.r, ceiling.r),
        c=c,
        k=heard(lambda wish: wish.k, ceiling.k),
        v=min(heard(lambda wish: wish.v, ceiling.v), per_connection, c),
        messages_per_connection=per_connection,
    )


def too_high(pin: Wish, ceiling: Limits = DEFAULT) -> list[tuple[str, int]]:
    """The names of a pin's limits that lie outside 1 … ceiling, each with the most that is allowed."""
    asked = [("r", pin.r, ceiling.r), ("c", pin.c, ceiling.c), ("k", pin.k, ceiling.k), ("v", pin.v, ceiling.v)]
    return [(name, most) for name, value, most in asked if value is not None and not 1 <= value <= most]
