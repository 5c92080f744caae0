"""One row to a person with evidence, or to the code of the reason why not."""

from datetime import UTC, datetime, timedelta

import pytest

from rida.audience.columns import place, suggest
from rida.audience.importer import Person, Reading, RowRefused, Stated, typed, yes_or_no
from rida.audience.reasons import REASONS
from rida.kernel.errors import BasisMissing
from rida.permission.rules import Basis, Deed, Fact, Grade, Kind, is_affirmative

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SEEN = NOW - timedelta(days=2)
HEADERS = ["email", "name", "locale", "zone", "last_purchase_at", "opted_in_at", "opted_out", "attribute:n"]
BOUGHT = datetime(2026, 1, 31, tzinfo=UTC)


def reading(basis: str = "", fields: list[str] | None = None) -> Reading:
    fields = HEADERS if fields is None else fields
    return Reading(
        {name: at for at, name in enumerate(fields)}, Stated(basis, "news", SEEN, NOW), {"n": "number"}, len(fields)
    )


def row(**cells: str) -> list[str]:
    return [{"email": "a@example.org", **cells}.get(name.removeprefix("attribute:"), "") for name in HEADERS]


def person(basis: str = "", **cells: str) -> Person:
    return reading(basis).person(row(**cells))


def code(basis: str = "", **cells: str) -> str:
    with pytest.raises(RowRefused) as refused:
        person(basis, **cells)
    assert refused.value.code in REASONS
    return refused.value.code


def granted(basis: Basis, at: datetime) -> Deed:
    return Deed(Kind.GRANTED, "news", basis, Grade.E1, at)


LEFT = Deed(Kind.WITHDRAWN, "*", "", Grade.E0, SEEN)

EVIDENCE = [
    ("", {"last_purchase_at": "2026-01-31"}, [granted(Basis.CUSTOMER, BOUGHT)]),
    ("", {"opted_in_at": "2026-01-31"}, [granted(Basis.SINGLE_OPT_IN, BOUGHT)]),
    ("", {"opted_in_at": "yes"}, [granted(Basis.SINGLE_OPT_IN, SEEN)]),
    ("", {"opted_in_at": "مشترك"}, [granted(Basis.SINGLE_OPT_IN, SEEN)]),
    (
        "",
        {"opted_in_at": "yes", "last_purchase_at": "31/01/2026"},
        [granted(Basis.SINGLE_OPT_IN, SEEN), granted(Basis.CUSTOMER, BOUGHT)],
    ),
    ("attestation", {}, [granted(Basis.ATTESTATION, SEEN)]),
    ("single_opt_in", {}, [granted(Basis.SINGLE_OPT_IN, SEEN)]),
    ("attestation", {"last_purchase_at": "2026-01-31"}, [granted(Basis.CUSTOMER, BOUGHT)]),
    ("customer", {"last_purchase_at": "2026-01-31"}, [granted(Basis.CUSTOMER, BOUGHT)]),
    ("", {"opted_out": "yes"}, [LEFT]),
    ("", {"opted_out": "نعم", "last_purchase_at": "2026-04-30", "opted_in_at": "yes"}, [LEFT]),
    ("attestation", {"opted_out": "Unsubscribed"}, [LEFT]),
    ("attestation", {"opted_out": "غير مشترك"}, [LEFT]),
    ("attestation", {"opted_out": "2026-01-31"}, [LEFT._replace(basis_at=BOUGHT)]),
    ("attestation", {"opted_out": "03/04/2026"}, [LEFT]),
    ("attestation", {"opted_out": "9999-12-31"}, [LEFT]),
    ("attestation", {"opted_out": "no"}, [granted(Basis.ATTESTATION, SEEN)]),
    ("attestation", {"opted_out": "subscribed"}, [granted(Basis.ATTESTATION, SEEN)]),
]


@pytest.mark.parametrize(("basis", "cells", "evidence"), EVIDENCE)
def test_a_row_bears_witness(basis: str, cells: dict[str, str], evidence: list[Deed]) -> None:
    assert list(person(basis, **cells).deeds) == evidence


@pytest.mark.parametrize(("said", "out"), [(("no", "yes"), True), (("yes", "no"), True), (("no", ""), False)])
def test_every_column_of_opt_outs_counts(said: tuple[str, str], out: bool) -> None:
    headers = ["email", "unsubscribed", "do not email"]
    read = Reading(place(headers, suggest(headers)), Stated("attestation", "news", SEEN, NOW), {}, 3)
    assert read.person(["a@example.org", *said]).deeds == ((LEFT,) if out else (granted(Basis.ATTESTATION, SEEN),))


def test_long_cells_are_read_and_not_remembered() -> None:
    read = reading()
    rows = [row(last_purchase_at=f"1{' ' * 200}May{' ' * length}2025") for length in range(1, 5)]
    assert {read.person(cells).deeds[0].basis_at.day for cells in rows} == {1}
    assert read.person(row(opted_out="yes", last_purchase_at="x" * 200)).deeds == (LEFT,)
    assert read._deeds.cache_info().currsize == 0  # type: ignore[attr-defined]


REFUSED = [
    ("", {}, "no_permission"),
    ("", {"opted_out": "no"}, "no_permission"),
    ("customer", {}, "purchase_date_missing"),
    ("attestation", {"email": " "}, "no_address"),
    ("attestation", {"email": "nobody"}, "address_invalid"),
    ("attestation", {"email": "a@example.org\r\nBcc: b@example.org"}, "address_invalid"),
    ("attestation", {"opted_out": "perhaps"}, "opt_out_unclear"),
    ("attestation", {"opted_in_at": "no"}, "consent_refused"),
    ("attestation", {"opted_in_at": "unsubscribed"}, "consent_refused"),
    ("attestation", {"opted_in_at": "perhaps"}, "consent_unclear"),
    ("attestation", {"opted_in_at": "01/02/2026"}, "date_ambiguous"),
    ("attestation", {"last_purchase_at": "01/02/2026"}, "date_ambiguous"),
    ("attestation", {"last_purchase_at": "soon"}, "date_unreadable"),
    ("attestation", {"last_purchase_at": "2026-06-01"}, "date_in_future"),
    ("attestation", {"name": "x" * 201}, "too_long"),
    ("attestation", {"name": "Ali\nb@example.org,Sara"}, "broken_quotes"),
    ("attestation", {"n": "many"}, "attribute_not_number"),
]


@pytest.mark.parametrize(("basis", "cells", "expected"), REFUSED)
def test_a_row_is_refused_with_its_reason(basis: str, cells: dict[str, str], expected: str) -> None:
    assert code(basis, **cells) == expected


@pytest.mark.parametrize("cells", [["a@example.org"], [*row(), "x"]])
def test_a_ragged_row_is_refused(cells: list[str]) -> None:
    with pytest.raises(RowRefused, match="wrong_number_of_columns"):
        reading("attestation").person(cells)


def test_empty_cells_behind_the_last_column_do_no_harm() -> None:
    assert reading("attestation").person([*row(), "", ""]).address.local == "a"


def test_nothing_in_a_file_is_an_affirmative_act() -> None:
    """So nothing in a file can lift an opt-out: see permission.rules."""
    found = [piece for basis, cells, _ in EVIDENCE for piece in person(basis, **cells).deeds]
    facts = [Fact(1, piece.purpose, piece.kind, piece.basis, piece.grade, piece.basis_at) for piece in found]
    assert not any(map(is_affirmative, facts))
    assert {piece.kind for piece in found} == {Kind.GRANTED, Kind.WITHDRAWN}


def test_a_file_without_any_basis_is_refused_as_a_whole() -> None:
    with pytest.raises(BasisMissing):
        reading("", ["email", "name"])
    with pytest.raises(BasisMissing):
        reading("double_opt_in")
    assert reading("", ["email", "opted_out"]).width == 2


def test_fields_are_put_into_one_shape() -> None:
    found = person("attestation", name="  Lina \t Haddad ", locale="ar_eg", zone="Africa/Cairo", n="١٢٫٥")
    assert (found.name, found.locale, found.zone, found.attributes) == (
        "Lina Haddad",
        "ar-EG",
        "Africa/Cairo",
        {"n": 12.5},
    )
    assert person("attestation", locale="العربية").locale == "ar"
    assert person("attestation", locale="mother tongue", zone="a; b").locale == ""


def test_a_name_in_two_columns_is_joined() -> None:
    fields = ["email", "first_name", "last_name"]
    found = reading("attestation", fields).person(["a@example.org", "Lina", "Haddad"])
    assert (found.name, found.attributes) == ("Lina Haddad", {"first_name": "Lina"})


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("7", "number", 7),
        ("-1.5", "number", -1.5),
        ("نعم", "flag", True),
        ("no", "flag", False),
        ("1 May 2026", "date", "2026-05-01"),
    ],
)
def test_attributes_have_types(text: str, kind: str, value: object) -> None:
    assert typed(text, kind) == value


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("1e5", "number", "attribute_not_number"),
        ("nan", "number", "attribute_not_number"),
        ("maybe", "flag", "attribute_not_flag"),
        ("maybe", "date", "date_unreadable"),
        ("x" * 1001, "text", "too_long"),
    ],
)
def test_a_cell_of_another_type_is_refused(text: str, kind: str, expected: str) -> None:
    with pytest.raises(RowRefused, match=expected):
        typed(text, kind)


@pytest.mark.parametrize(
    ("text", "answer"), [("Yes", True), ("1", True), ("✓", True), ("لا", False), ("-", False), ("?", None)]
)
def test_yes_and_no(text: str, answer: bool | None) -> None:
    assert yes_or_no(text) is answer


def test_every_reason_is_said_in_both_languages() -> None:
    for english, arabic in REASONS.values():
        assert english.isascii() or "“" in english
        assert any("\u0621" <= letter <= "\u064a" for letter in arabic)
