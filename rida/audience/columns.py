"""Which column holds what, by its header in English or Arabic. Pure."""

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from enum import StrEnum

from rida.kernel.errors import ColumnMissing, HeaderDoubled


class Field(StrEnum):
    """What a column may hold; besides these, `attribute:<name>`."""

    EMAIL = "email"
    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    LOCALE = "locale"
    ZONE = "zone"
    LAST_PURCHASE_AT = "last_purchase_at"
    OPTED_IN_AT = "opted_in_at"
    OPTED_OUT = "opted_out"


ATTRIBUTE = "attribute:"
LEAVE_OUT = ""

_NAMES = {
    Field.EMAIL: (
        "email, e mail, mail, email address, e mail address, mail address, البريد, البريد الالكتروني, الايميل, ايميل, "
        "بريد, بريد الكتروني, عنوان البريد, عنوان البريد الالكتروني"
    ),
    Field.NAME: (
        "name, full name, customer, customer name, contact, الاسم, اسم, الاسم الكامل, اسم العميل, العميل, اسم الزبون"
    ),
    Field.FIRST_NAME: "first name, firstname, given name, forename, الاسم الاول, الاسم الشخصي",
    Field.LAST_NAME: "last name, lastname, surname, family name, اسم العائله, اللقب, الاسم الاخير, اسم الاسره",
    Field.LOCALE: "locale, language, lang, اللغه, لغه",
    Field.ZONE: "zone, timezone, time zone, tz, المنطقه الزمنيه",
    Field.LAST_PURCHASE_AT: (
        "last purchase at, last purchase, last purchase date, last order, last order at, last order date, "
        "purchased at, purchase date, اخر شراء, تاريخ اخر شراء, تاريخ الشراء, اخر طلب, تاريخ اخر طلب"
    ),
    Field.OPTED_IN_AT: (
        "consent, consent at, consent date, opted in, opted in at, opt in, opt in date, subscribed, subscribed at, "
        "subscribed on, الموافقه, موافقه, تاريخ الموافقه, مشترك, تاريخ الاشتراك"
    ),
    Field.OPTED_OUT: (
        "unsubscribed, unsubscribed at, unsubscribe, opted out, opted out at, opt out, optout, do not email, no email, "
        "الغاء الاشتراك, الغي الاشتراك, ملغي, ملغي الاشتراك, غير مشترك, تاريخ الغاء الاشتراك"
    ),
}

# Spellings that Arabic writers use for one another: hamza seats, final ya, ta marbuta.
_SAME_LETTERS = str.maketrans("أإآٱىةؤئ", "ااااي" + "هوي")
_MARKS = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u0640\u200e\u200f\ufeff]")
_GAPS = re.compile(r"[\s_\-.:/]+")


def plain(header: str) -> str:
    """One spelling for headers that mean the same: case, separators, Arabic vowel signs and letter variants."""
    text = unicodedata.normalize("NFKC", header).casefold().translate(_SAME_LETTERS)
    return _GAPS.sub(" ", _MARKS.sub("", text)).strip()


_FIELDS = {plain(name): field for field, names in _NAMES.items() for name in names.split(",")}


def attribute_name(header: str) -> str:
    """The slug of a column that we do not know, letters of any alphabet kept; "" if nothing is left."""
    return re.sub(r"[^\w]+", "_", unicodedata.normalize("NFKC", header).casefold()).strip("_")[:60]


def suggest(headers: Sequence[str]) -> dict[str, str]:
    """A mapping by header. A field is given once, to the first column that names it; unknown ones become attributes.

    All columns of opt-outs count: what one of them says must not be kept as a mere attribute.
    """
    mapping: dict[str, str] = {}
    for header in headers:
        field = _FIELDS.get(plain(header))
        if field is None or (field in mapping.values() and field is not Field.OPTED_OUT):
            name = attribute_name(header)
            mapping[header] = f"{ATTRIBUTE}{name}" if name else LEAVE_OUT
        else:
            mapping[header] = field.value
    return mapping


def place(headers: Sequence[str], mapping: Mapping[str, str]) -> dict[str, int]:
    """Index of the column of each field; a further column of opt-outs is `opted_out:<index>`. Headers that the mapping
    does not name are left out.

    Raises ColumnMissing (no addresses), HeaderDoubled (two columns of one name, or for one field).
    """
    places: dict[str, int] = {}
    for index, header in enumerate(headers):
        if header and headers.index(header) != index:
            raise HeaderDoubled(header=header)
        field = mapping.get(header, LEAVE_OUT)
        if field == Field.OPTED_OUT and field in places:
            field = f"{Field.OPTED_OUT}:{index}"
        if field != LEAVE_OUT and field in places:
            raise HeaderDoubled(header=header)
        if field != LEAVE_OUT:
            places[field] = index
    if Field.EMAIL not in places:
        raise ColumnMissing
    return places


# --- delimiter ------------------------------------------------------------------------------------------------------

DELIMITERS = (",", ";", "\t", "|")


def delimiter_of(lines: Sequence[str]) -> str:
    """The separator of these first lines: the one that gives the most columns, the same number in most lines."""
    scores = [(_score(lines, delimiter), -rank, delimiter) for rank, delimiter in enumerate(DELIMITERS)]
    return max(scores)[2]


def _score(lines: Sequence[str], delimiter: str) -> float:
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return 0.0
    if not widths or widths[0] < 2:
        return 0.0
    return widths[0] * sum(width == widths[0] for width in widths) / len(widths)
