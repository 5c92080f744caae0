"""Days as people write them. Pure.

Whoever reads 03/04/2024 as one of its two meanings dates a permission wrongly half of the time, so it is refused.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

from rida.kernel.errors import RidaError


class DayUnclear(RidaError):
    """Not a row's fate yet: `code` names the reason, a key of `reasons.REASONS`."""

    def __init__(self, code: str) -> None:
        super().__init__(code=code)
        self.code = code


_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_DOTS = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_SLASHES = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})")
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[\s-]+([^\W\d]+)\.?,?[\s-]+(\d{4})")
_MONTH_FIRST = re.compile(r"([^\W\d]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")

_MONTHS = (
    "january jan يناير",
    "february feb فبراير شباط",
    "march mar مارس اذار آذار",
    "april apr ابريل أبريل نيسان",
    "may مايو ايار أيار",
    "june jun يونيو حزيران",
    "july jul يوليو تموز",
    "august aug اغسطس أغسطس اب آب",
    "september sep sept سبتمبر ايلول أيلول",
    "october oct اكتوبر أكتوبر",
    "november nov نوفمبر",
    "december dec ديسمبر",
)
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_OLDEST = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def read_day(text: str) -> datetime:
    """The moment or the day's beginning in UTC. Raises DayUnclear: date_ambiguous, date_unreadable."""
    plain = text.translate(_DIGITS).strip()
    if moment := _iso_moment(plain):
        return moment
    try:
        moment = datetime(*_parts(plain), tzinfo=UTC)
    except ValueError as error:
        raise DayUnclear("date_unreadable") from error
    return _checked(moment)


def _checked(moment: datetime) -> datetime:
    if moment < _OLDEST:
        raise DayUnclear("date_unreadable")
    return moment


def _iso_moment(text: str) -> datetime | None:
    """A day with a time as machines write it. A time without a zone is taken as UTC."""
    if len(text) < 16 or not _ISO.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
        return _checked(moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC))
    except (ValueError, OverflowError):  # no day, or one that lies beyond the calendar's end in UTC
        return None


def _parts(text: str) -> tuple[int, int, int]:
    """Year, month, day."""
    if found := _ISO.fullmatch(text):
        return int(found[1]), int(found[2]), int(found[3])
    if found := _DOTS.fullmatch(text):
        return int(found[3]), int(found[2]), int(found[1])
    if found := _SLASHES.fullmatch(text):
        return int(found[3]), *_month_and_day(int(found[1]), int(found[2]))
    if found := _DAY_FIRST.fullmatch(text):
        return int(found[3]), _month(found[2]), int(found[1])
    if found := _MONTH_FIRST.fullmatch(text):
        return int(found[3]), _month(found[1]), int(found[2])
    raise DayUnclear("date_unreadable")


def _month_and_day(first: int, second: int) -> tuple[int, int]:
    """Americans put the month first, most others the day: only a number above 12, or twice the same, decides."""
    if first > 12 or first == second:
        return second, first
    if second > 12:
        return first, second
    raise DayUnclear("date_ambiguous")


def _month(name: str) -> int:
    if number := _MONTH.get(name.casefold()):
        return number
    raise DayUnclear("date_unreadable")
