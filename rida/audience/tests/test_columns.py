"""Headers in both languages, separators, days."""

from datetime import UTC, datetime

import pytest

from rida.audience.columns import delimiter_of, place, suggest
from rida.audience.dates import DayUnclear, read_day
from rida.audience.rules import first_name
from rida.audience.table import sniff
from rida.kernel.errors import ColumnMissing, HeaderDoubled

HEADERS = {
    "Email": "email",
    "E-Mail Address": "email",
    "البريد": "email",
    "البريد الإلكتروني": "email",
    "الايميل": "email",
    "Full_Name": "name",
    "الاسم": "name",
    "الإسم الكامل": "name",
    "First name": "first_name",
    "الاسم الأول": "first_name",
    "Language": "locale",
    "اللغة": "locale",
    "Time zone": "zone",
    "last_purchase_at": "last_purchase_at",
    "Last Order Date": "last_purchase_at",
    "آخر شراء": "last_purchase_at",
    "تاريخ آخر شراء": "last_purchase_at",
    "consent": "opted_in_at",
    "opted_in_at": "opted_in_at",
    "الموافقة": "opted_in_at",
    "unsubscribed": "opted_out",
    "Opted-out": "opted_out",
    "إلغاء الاشتراك": "opted_out",
    "Favourite Colour!": "attribute:favourite_colour",
    "المدينة": "attribute:المدينة",
    "???": "",
}


@pytest.mark.parametrize(("header", "field"), HEADERS.items())
def test_a_header_says_what_its_column_holds(header: str, field: str) -> None:
    assert suggest([header]) == {header: field}


def test_a_second_column_for_one_field_becomes_an_attribute() -> None:
    assert suggest(["Email", "mail"]) == {"Email": "email", "mail": "attribute:mail"}


def test_a_table_needs_addresses() -> None:
    with pytest.raises(ColumnMissing):
        place(["name"], {"name": "name"})
    assert place(["name", "x"], {"x": "email", "name": ""}) == {"email": 1}


@pytest.mark.parametrize(
    ("headers", "mapping"),
    [
        (["email", "name", "name"], {"email": "email", "name": "name"}),
        (["email", "mail"], {"email": "email", "mail": "email"}),
        (["email", "x", "x"], {"email": "email", "x": ""}),
    ],
)
def test_two_columns_of_one_name_or_for_one_field_are_refused(headers: list[str], mapping: dict[str, str]) -> None:
    with pytest.raises(HeaderDoubled):
        place(headers, mapping)


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        (["email,name\n", "a@b.c,x\n"], ","),
        (["email;name;n\n", "a@b.c;x, y;1\n", "a@b.c;x, y, z;1\n"], ";"),
        (["email\tname\n", "a@b.c\tx, y\n"], "\t"),
        (["email|name\n", "a@b.c|x\n"], "|"),
        (["email\n", "a@b.c\n"], ","),
        (['email,"note; long"\n', 'a@b.c,"1; 2; 3"\n'], ","),
        ([], ","),
        (["sep=;\n", "email;name,x\n"], ";"),
    ],
)
def test_the_separator_is_found(lines: list[str], delimiter: str) -> None:
    assert sniff(lines) == delimiter


def test_a_quotation_mark_out_of_place_does_not_stop_the_search() -> None:
    assert delimiter_of(['email;"name\n', "a@b.c;x\n"]) in {",", ";"}


# --- days -----------------------------------------------------------------------------------------------------------

DAYS = {
    "2026-05-31": (2026, 5, 31),
    "2026/5/3": (2026, 5, 3),
    "2026.05.31": (2026, 5, 31),
    "31.05.2026": (2026, 5, 31),
    "3.5.2026": (2026, 5, 3),
    "31/05/2026": (2026, 5, 31),
    "05/31/2026": (2026, 5, 31),
    "05-31-2026": (2026, 5, 31),
    "05/05/2026": (2026, 5, 5),
    "31 May 2026": (2026, 5, 31),
    "1st June 2026": (2026, 6, 1),
    "May 31, 2026": (2026, 5, 31),
    "Sept. 3 2026": (2026, 9, 3),
    "٣١/٠٥/٢٠٢٦": (2026, 5, 31),
    "٢٠٢٦-٠٥-٣١": (2026, 5, 31),
    "31 مايو 2026": (2026, 5, 31),
    "1 أيار 2026": (2026, 5, 1),
}


@pytest.mark.parametrize(("text", "day"), DAYS.items())
def test_a_day_is_read(text: str, day: tuple[int, int, int]) -> None:
    assert read_day(text) == datetime(*day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-31 14:30", datetime(2026, 5, 31, 14, 30, tzinfo=UTC)),
        ("2026-05-31T14:30:05Z", datetime(2026, 5, 31, 14, 30, 5, tzinfo=UTC)),
        ("2026-05-31T01:30:00+03:00", datetime(2026, 5, 30, 22, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read(text: str, moment: datetime) -> None:
    assert read_day(text) == moment


@pytest.mark.parametrize("text", ["03/04/2026", "3-4-2026", "٠٣/٠٤/٢٠٢٦"])
def test_day_or_month_first_is_not_guessed(text: str) -> None:
    with pytest.raises(DayUnclear) as refused:
        read_day(text)
    assert refused.value.code == "date_ambiguous"


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "45123", "31/31/2026", "2026-02-30", "3/4/26", "0001-01-01", "1 Foo 2026"),
        *("2026-05-31T99:00", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"),
    ],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(DayUnclear) as refused:
        read_day(text)
    assert refused.value.code == "date_unreadable"


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("Lina Haddad", "Lina"),
        ("عبد الله محمد", "عبد الله"),
        ("أبو بكر", "أبو بكر"),
        ("Abu Bakr Ali", "Abu Bakr"),
        ("", ""),
    ],
)
def test_half_a_name_is_no_greeting(name: str, first: str) -> None:
    assert first_name(name) == first
