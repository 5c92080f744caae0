"""A row of a file to a contact with its evidence, or to the reason why not. Pure.

What a file says proves no more than E1: it is the operator's word. So nothing that is read here can lift an opt-out
(permission.rules); an opt-out that is read here counts at once.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from rida.audience.columns import ATTRIBUTE, Field, plain
from rida.audience.dates import DayUnclear, read_day
from rida.kernel.address import Address, parse
from rida.kernel.errors import AddressError, BasisMissing
from rida.permission.rules import EVERY_PURPOSE, Basis, Deed, Grade, Kind

MAX_NAME = 200
MAX_ATTRIBUTE = 1000
_REMEMBERED = 100  # letters: four thousand cells of any length would be half a gigabyte
FILE_BASES = frozenset({Basis.SINGLE_OPT_IN, Basis.CUSTOMER, Basis.ATTESTATION})
"""What an operator may state for a whole file. A confirmed double opt-in is nothing one can state."""


class Person(NamedTuple):
    """A contact as a row gives it; empty text and missing attributes say nothing about what is known already."""

    address: Address
    name: str
    locale: str
    zone: str
    attributes: dict[str, Any]
    deeds: tuple[Deed, ...]
    """What the row bears witness to."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What was said about the file as a whole. `as_of` dates what the rows do not: when the file first came."""

    basis: str
    purpose: str
    as_of: datetime
    now: datetime


class RowRefused(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Reading:
    """How to read the rows of one file."""

    places: Mapping[str, int]
    """Field to index of its column, see columns.place."""
    stated: Stated
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Attribute to text, number, date or flag; text where it is not known."""
    width: int = 0
    """Columns of the first line."""
    _attributes: list[tuple[int, str, str]] = field(init=False)
    _opt_outs: list[int] = field(init=False)
    _basis: Basis | None = field(init=False)
    _fields: Callable[[Sequence[str]], Sequence[str]] = field(init=False)
    """The cells of every Field in their order, but for opt-outs, which may have several columns."""
    _deeds: Callable[..., tuple[Deed, ...]] = field(init=False)

    def __post_init__(self) -> None:
        """Raises BasisMissing where neither the file nor a column can give permission."""
        names = [(index, name[len(ATTRIBUTE) :]) for name, index in self.places.items() if name.startswith(ATTRIBUTE)]
        self._attributes = [(index, name, self.kinds.get(name, "text")) for index, name in names]
        self._opt_outs = [index for name, index in self.places.items() if name.partition(":")[0] == Field.OPTED_OUT]
        if self.stated.basis and self.stated.basis not in FILE_BASES:
            raise BasisMissing
        self._basis = Basis(self.stated.basis) if self.stated.basis else None
        if self._basis is None and not {Field.LAST_PURCHASE_AT, Field.OPTED_IN_AT, Field.OPTED_OUT} & set(self.places):
            raise BasisMissing
        # A field without a column reads the empty cell that `person` puts last.
        self._fields = itemgetter(*(self.places.get(name, -1) for name in Field if name is not Field.OPTED_OUT))
        # A few cells tell what was done, and a file of customers holds some hundred different days.
        self._deeds = lru_cache(maxsize=4096)(self._read_deeds)

    def person(self, cells: Sequence[str]) -> Person:
        """Raises RowRefused with a key of reasons.REASONS."""
        if len(cells) != self.width and (len(cells) < self.width or any(cells[self.width :])):
            raise RowRefused("wrong_number_of_columns")
        cells = [*map(str.strip, cells), ""]
        email, name, first, last, locale, zone, bought, opted_in = self._fields(cells)
        address, name, attributes = _address(email), _name(name or f"{first} {last}"), self._known(cells, first)
        telling = (bought, opted_in, *[cells[index] for index in self._opt_outs])
        deeds = self._deeds(*telling) if max(map(len, telling)) <= _REMEMBERED else self._read_deeds(*telling)
        return Person(address, name, _locale(locale), _zone(zone), attributes, deeds)

    def _known(self, cells: Sequence[str], first_name: str) -> dict[str, Any]:
        known: dict[str, Any] = {"first_name": first_name[:MAX_NAME]} if first_name else {}
        for index, name, kind in self._attributes:
            if text := cells[index]:
                known[name] = typed(text, kind)
        return known

    # --- deeds ------------------------------------------------------------------------------------------------------

    def _read_deeds(self, bought: str, opted_in: str, *opted_out: str) -> tuple[Deed, ...]:
        if left := [at for cell in opted_out if (at := self._left(cell))]:
            return (Deed(Kind.WITHDRAWN, EVERY_PURPOSE, "", Grade.E0, max(left)),)
        found = []
        if agreed := self._agreed(opted_in):
            found.append(self._granted(Basis.SINGLE_OPT_IN, agreed))
        if bought:
            found.append(self._granted(Basis.CUSTOMER, self._past(bought)))
        return tuple(found) or (self._from_file(),)

    def _from_file(self) -> Deed:
        if self._basis is None:
            raise RowRefused("no_permission")
        if self._basis is Basis.CUSTOMER:
            raise RowRefused("purchase_date_missing")
        return self._granted(self._basis, self.stated.as_of)

    def _granted(self, basis: Basis, at: datetime) -> Deed:
        return Deed(Kind.GRANTED, self.stated.purpose, basis, Grade.E1, at)

    def _left(self, text: str) -> datetime | None:
        """When the person opted out, or None if they did not."""
        answer = yes_or_no(text, yes=_OUT, no=_IN)
        if answer is None:
            try:
                day = read_day(text)
            except DayUnclear as error:
                # An opt-out on an ambiguous day is still an opt-out.
                if error.code == "date_ambiguous":
                    return self.stated.as_of
                raise RowRefused("opt_out_unclear") from error
            # “Never again” is often written as 9999-12-31. Until that day no opt-in of the person's own would count.
            return day if day <= self.stated.now else self.stated.as_of
        return self.stated.as_of if answer else None

    def _agreed(self, text: str) -> datetime | None:
        answer = yes_or_no(text, yes=_IN, no=_OUT) if text else None
        if not text or answer:
            return self.stated.as_of if answer else None
        if answer is False:
            raise RowRefused("consent_refused")
        return self._past(text, unreadable="consent_unclear")

    def _past(self, text: str, unreadable: str = "date_unreadable") -> datetime:
        try:
            moment = read_day(text)
        except DayUnclear as error:
            raise RowRefused(unreadable if error.code == "date_unreadable" else error.code) from error
        if moment > self.stated.now + _CLOCKS_DIFFER:
            raise RowRefused("date_in_future")
        return moment


_CLOCKS_DIFFER = timedelta(days=1)


def _address(text: str) -> Address:
    if not text:
        raise RowRefused("no_address")
    try:
        return parse(text)
    except AddressError as error:
        raise RowRefused("address_invalid") from error


def _name(text: str) -> str:
    if "\n" in text or "\r" in text:
        # No name has two lines: a quotation mark was opened here and swallowed the next row.
        raise RowRefused("broken_quotes")
    if len(text) > MAX_NAME:
        raise RowRefused("too_long")
    return " ".join(text.split())


def _words(text: str) -> frozenset[str]:
    return frozenset(plain(word) or word for word in text.split(","))


_YES = _words("yes,y,true,t,1,x,on,✓,✔,نعم,صح,اجل")
_NO = _words("no,n,false,f,0,off,-,none,null,لا,كلا")
_OUT = _words("unsubscribed,opted out,out,optout,do not email,cancelled,ملغي,ملغى,غير مشترك,الغى الاشتراك,غير موافق")
_IN = _words("subscribed,opted in,in,optin,agreed,active,مشترك,موافق")


@lru_cache(maxsize=1024)
def yes_or_no(text: str, yes: frozenset[str] = frozenset(), no: frozenset[str] = frozenset()) -> bool | None:
    """What a cell of yes and no says, None if neither. `yes` and `no`: what its column also takes for an answer."""
    word = plain(text) or text.strip()
    if word in _YES or word in yes:
        return True
    return False if word in _NO or word in no or not word else None


# --- small fields ---------------------------------------------------------------------------------------------------

_LANGUAGES = {
    plain(name): code
    for code, names in {"ar": "arabic عربي العربية عربى", "en": "english انجليزي الانجليزية إنجليزي"}.items()
    for name in names.split()
}
_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2}|\d{3}))?")
_ZONE = re.compile(r"[A-Za-z]+(?:[/_+-][A-Za-z0-9]+){0,5}")


@lru_cache(maxsize=1024)
def _locale(text: str) -> str:
    """A language tag such as ar or ar-EG; "" for what is none."""
    if not text:
        return ""
    if code := _LANGUAGES.get(plain(text)):
        return code
    found = _LOCALE.fullmatch(text)
    if not found:
        return ""
    return f"{found[1].lower()}-{found[2].upper()}" if found[2] else found[1].lower()


@lru_cache(maxsize=1024)
def _zone(text: str) -> str:
    return text if len(text) <= 64 and _ZONE.fullmatch(text) else ""


_ARABIC_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩٫٬", "0123456789.,")


def typed(text: str, kind: str) -> str | int | float | bool:
    """A cell as its attribute's kind. Raises RowRefused."""
    if len(text) > MAX_ATTRIBUTE:
        raise RowRefused("too_long")
    if kind == "number":
        return _number(text)
    if kind == "flag":
        if (answer := yes_or_no(text)) is None:
            raise RowRefused("attribute_not_flag")
        return answer
    if kind == "date":
        try:
            return read_day(text).date().isoformat()
        except DayUnclear as error:
            raise RowRefused(error.code) from error
    return text


def _number(text: str) -> int | float:
    digits = text.translate(_ARABIC_DIGITS)
    if not re.fullmatch(r"[+-]?\d{1,15}(?:\.\d{1,9})?", digits):
        raise RowRefused("attribute_not_number")
    return float(digits) if "." in digits else int(digits)
