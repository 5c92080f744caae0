"""What a mistake could cost: recipients times the largest penalty for one e-mail on the day. Pure."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any

LAWS: Mapping[str, Any] = tomllib.loads(files("rida.preflight").joinpath("laws.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Penalty:
    """usd: for one e-mail. since: first day of this amount. as_of: set if the day lies beyond what the table knows;
    the amount is then the last one known, as of that day.
    """

    usd: int
    since: date
    source: str
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """total_usd = recipients × penalty.usd: the most that could be asked if every copy broke the law."""

    recipients: int
    total_usd: int
    penalty: Penalty


_ROWS = sorted(
    (Penalty(row["usd"], row["from"], row["source"]) for row in LAWS["penalties"]["rows"]), key=lambda row: row.since
)
_KNOWN_UNTIL: date = LAWS["penalties"]["known_until"]


def penalty_on(day: date) -> Penalty:
    """The penalty for one e-mail, if assessed on that day. Raises ValueError before the first row (1996-11-20)."""
    in_force = [row for row in _ROWS if row.since <= day]
    if not in_force:
        raise ValueError(day)
    last = in_force[-1]
    return Penalty(last.usd, last.since, last.source, _KNOWN_UNTIL if day > _KNOWN_UNTIL else None)


def exposure(recipients: int, day: date) -> Exposure:
    penalty = penalty_on(day)
    return Exposure(recipients, recipients * penalty.usd, penalty)
