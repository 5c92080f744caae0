"""Broken tables: what is refused row by row, and where reading must stop."""

import io

import pytest

from rida.audience.table import MAX_LINE, Refused, Row, Table
from rida.kernel.errors import FileEmpty, FileNotTable


def table(text: str) -> Table:
    return Table(io.StringIO(text, newline="").readline, ",")


def rows(text: str) -> list[Row | Refused]:
    return list(table(text).rows())


def test_rows_know_their_line() -> None:
    assert rows('a,b\r\n1,"x\ny"\r\n\r\n2,z') == [Row(2, ["1", "x\ny"]), Row(5, ["2", "z"])]


def test_the_hint_of_a_spreadsheet_is_no_header() -> None:
    assert table("sep=,\na,b\n").headers == ["a", "b"]


@pytest.mark.parametrize("text", ["", "\n\n", "sep=,\n"])
def test_an_empty_file_says_so(text: str) -> None:
    with pytest.raises(FileEmpty):
        table(text)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_will_do(end: str) -> None:
    assert rows(end.join(["a,b", "1,2", "3,4"])) == [Row(2, ["1", "2"]), Row(3, ["3", "4"])]


def test_a_mark_out_of_place_refuses_its_row_only() -> None:
    assert rows('a,b\n1,"x" y\n2,z\n') == [Refused(2, "broken_quotes", ['1,"x" y']), Row(3, ["2", "z"])]


def test_lines_swallowed_by_an_open_mark_are_refused_one_by_one() -> None:
    found = rows('a,b\n1,"x\n2,y\n3,"z"\n4,w\n')
    assert [(row.line, row.code) for row in found if isinstance(row, Refused)] == [
        (2, "broken_quotes"),
        (3, "broken_quotes"),
        (4, "broken_quotes"),
    ]
    assert found[-1] == Row(5, ["4", "w"])


def test_a_mark_that_is_never_closed_stops_the_reading_at_its_line() -> None:
    read: list[Row | Refused] = []
    with pytest.raises(FileNotTable) as stopped:
        read.extend(table('a,b\n1,x\n2,"y\n' + "3,z\n" * 1_000_000).rows())
    assert read == [Row(2, ["1", "x"])]
    assert stopped.value.params == {"line": 3, "detail": "quote_not_closed"}


def test_a_mark_open_at_the_end_stops_it_too() -> None:
    with pytest.raises(FileNotTable) as stopped:
        rows('a,b\n1,x\n2,"y\n3,z\n')
    assert stopped.value.params["line"] == 3


def test_an_open_mark_in_the_last_line_refuses_that_line() -> None:
    assert rows('a,b\n1,x\n2,"y') == [Row(2, ["1", "x"]), Refused(3, "broken_quotes", ['2,"y'])]


def test_a_huge_cell_refuses_its_row() -> None:
    found = rows("a,b\n1," + "x" * 200_000 + "\n2,z\n")
    assert [row.line for row in found] == [2, 3]
    assert isinstance(found[0], Refused)
    assert found[0].code == "too_long"
    assert len(found[0].cells[0]) <= 200


def test_a_line_without_end_stops_the_reading_before_memory_does() -> None:
    with pytest.raises(FileNotTable) as stopped:
        rows("a,b\n" + "x" * (MAX_LINE + 10))
    assert stopped.value.params == {"line": 2, "detail": "line_too_long"}


def test_zero_bytes_and_broken_letters_refuse_their_row() -> None:
    found = rows("a,b\n1,x\x00\n2,\ufffd\n3,z\n")
    assert [(row.line, row.code) for row in found if isinstance(row, Refused)] == [
        (2, "control_character"),
        (3, "bad_bytes"),
    ]
    assert found[-1] == Row(4, ["3", "z"])


def test_a_broken_header_is_no_table() -> None:
    with pytest.raises(FileNotTable):
        table('a,"b" c\n1,2\n')
