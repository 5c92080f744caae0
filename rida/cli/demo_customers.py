"""The florist's customers: 600 rows in two files, in English and Arabic, with the trouble that real lists hold. Pure.

The same rows every time, so that the figures of a demonstration can be checked.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

ENGLISH = [
    *("Amelia Hart", "Noah Bennett", "Grace Turner", "Liam Foster", "Ruby Coleman", "Oscar Wells", "Ivy Marsh"),
    *("Ethan Brooks", "Hazel Quinn", "Leo Armstrong", "Nora Fields", "Owen Price", "Clara Dunn", "Miles Archer"),
]
ARABIC = [
    *("ليلى حداد", "عمر النجار", "سلمى الخطيب", "يوسف قاسم", "نور الدين علي", "هدى منصور", "كريم الصباغ"),
    *("رنا الشامي", "خالد العطار", "مريم الحسن", "طارق بركات", "دانا سعيد", "فارس زيدان", "هالة إبراهيم"),
]
BUSY_NETWORK = "cedar-webmail"
"""Gets three times R, so that the bulk cap has to be reached."""
_RECIPIENTS = {
    "cedar-webmail.test": 200,
    "arz.example": 100,
    "rose-mail.example": 50,
    "jasmine-mail.example": 30,
    "olive-post.example": 40,
    "falcon-net.example": 50,
    "date-palm.example": 20,
    "layla-bakery.example": 15,
    "mina-cafe.example": 10,
    "barid-al-ward.example": 20,
    "siesta-mail.example": 10,
    "sunset-closed.example": 3,
    "cut-line.example": 2,
}
_WITHOUT_PERMISSION, _OPTED_OUT, _NO_ADDRESS = 18, 20, 12
_TODAY = date(2026, 5, 1)


@dataclass(frozen=True, slots=True)
class Customer:
    email: str
    name: str
    last_purchase: str
    """ISO date, empty when nobody knows."""
    opted_out: str = ""

    @property
    def arabic(self) -> bool:
        return not self.name.isascii()


def customers() -> list[Customer]:
    """All 600, in the order in which they bought."""
    rng = Random(2026)
    rows = [*_buyers(rng), *_strangers(rng), *_leavers(rng), *_typing_errors(rng)]
    rng.shuffle(rows)
    return rows


def english_file(rows: Sequence[Customer]) -> bytes:
    """UTF-8 with commas, as an office program on an English machine saves it."""
    return _table(["Email", "Name", "last_purchase_at", "unsubscribed"], rows, ",").encode("utf-8-sig")


def arabic_file(rows: Sequence[Customer]) -> bytes:
    """Windows-1256 with semicolons, as one on an Arabic machine does."""
    return _table(["البريد الإلكتروني", "الاسم", "last_purchase_at", "unsubscribed"], rows, ";").encode("cp1256")


def _table(header: Sequence[str], rows: Sequence[Customer], delimiter: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([row.email, row.name, row.last_purchase, row.opted_out] for row in rows)
    return out.getvalue()


def _buyers(rng: Random) -> Iterator[Customer]:
    for domain, count in _RECIPIENTS.items():
        for number in range(count):
            yield Customer(f"{_local(domain, number)}@{domain}", _name(rng), _day(rng))


def _local(domain: str, number: int) -> str:
    """Some mailboxes are gone, and some full for a while; not in the network whose cap is watched."""
    if domain in ("rose-mail.example", "falcon-net.example") and number % 10 == 3:
        return f"gone{number}"
    if domain == "rose-mail.example" and number % 10 == 7:
        return f"fullonce{number}"
    return f"customer{number}"


def _strangers(rng: Random) -> Iterator[Customer]:
    """Addresses without any ground for writing to them."""
    for number in range(_WITHOUT_PERMISSION):
        yield Customer(f"stranger{number}@rose-mail.example", _name(rng), "")


def _leavers(rng: Random) -> Iterator[Customer]:
    for number in range(_OPTED_OUT):
        yield Customer(f"left{number}@jasmine-mail.example", _name(rng), _day(rng), "yes")


def _typing_errors(rng: Random) -> Iterator[Customer]:
    for number in range(_NO_ADDRESS):
        yield Customer(
            rng.choice([f"oops{number}@", f"no at sign {number}", f"a..b{number}@x.example"]), _name(rng), _day(rng)
        )


def _name(rng: Random) -> str:
    return rng.choice(ARABIC if rng.random() < 0.5 else ENGLISH)


def _day(rng: Random) -> str:
    return (_TODAY - timedelta(days=rng.randrange(20, 700))).isoformat()
