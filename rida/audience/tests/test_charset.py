"""Files in the charsets that people's spreadsheets write, whole and in small pieces."""

import random

import pytest

from rida.audience.charset import Survey
from rida.kernel.errors import FileNotText

ARABIC = ["محمد علي", "فاطمة الزهراء", "أحمد", "خديجة بنت خويلد", "عبد الله", "نور الهدى", "سارة"]
WESTERN = ["José Müller", "Zoë Ñandú", "François", "Grüße aus Köln"]


def table(names: list[str], rows: int, header: str = "name,email") -> str:
    lines = [f"{names[n % len(names)]},user{n}@example.com" for n in range(rows)]
    return "\r\n".join([header, *lines, ""])


def charset(raw: bytes, piece: int = 1000) -> str:
    survey = Survey()
    for at in range(0, len(raw), piece):
        survey.feed(raw[at : at + piece])
    return survey.charset()


@pytest.mark.parametrize("rows", [1, 2, 7, 3000])
@pytest.mark.parametrize("header", ["name,email", "الاسم,البريد"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "windows-1256"])
def test_arabic_is_read_right(codec: str, header: str, rows: int) -> None:
    for names in (ARABIC, ARABIC[::-1], ["John Smith", "Sara Haddad", "علي"]):
        text = table(names, rows, header)
        raw = text.encode(codec)
        assert raw.decode(charset(raw)) == text


@pytest.mark.parametrize("mark", [b"\xfe\xff"])
def test_utf_16_with_the_big_end_first_and_a_mark(mark: bytes) -> None:
    text = table(ARABIC, 5)
    raw = mark + text.encode("utf-16-be")
    assert raw.decode(charset(raw)) == text


@pytest.mark.parametrize("rows", [1, 4, 400])
def test_western_accents_are_not_taken_for_arabic(rows: int) -> None:
    text = table(WESTERN, rows)
    assert charset(text.encode("windows-1252")) == "windows-1252"
    assert charset(text.encode()) == "utf-8"


def test_iso_8859_6_is_told_from_windows_1256() -> None:
    text = table(ARABIC, 30)
    raw = text.encode("iso-8859-6")
    assert raw.decode(charset(raw)) == text


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 64, 4096])
def test_the_pieces_it_comes_in_do_not_matter(piece: int) -> None:
    for codec in ("utf-8", "windows-1256"):
        assert charset(table(ARABIC, 50).encode(codec), piece) == codec


def test_letters_far_behind_an_ascii_beginning_decide() -> None:
    plain = table(["John Smith"], 20_000)
    assert charset(plain.encode()) == "utf-8"
    assert charset(plain.encode() + table(ARABIC, 3).encode("windows-1256"), 65_536) == "windows-1256"


def test_a_few_wrong_bytes_do_not_make_utf_8_something_else() -> None:
    raw = bytearray(table(ARABIC, 3000).encode())
    raw[-40:-40] = b"\xe3\xcd\xe3\xcf"
    assert charset(bytes(raw), 65_536) == "utf-8"


@pytest.mark.parametrize(
    "raw",
    [
        b"PK\x03\x04" + bytes(range(256)) * 50,
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"%PDF-1.7\n" + b"text " * 100,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
        random.Random(1).randbytes(5000),
        b"email\n" + b"\x00" * 5000,
    ],
    ids=["xlsx", "png", "pdf", "xls", "noise", "zeros"],
)
def test_what_is_no_text_is_refused(raw: bytes) -> None:
    with pytest.raises(FileNotText):
        charset(raw)


def test_an_empty_file_is_text() -> None:
    assert charset(b"") == "utf-8"
