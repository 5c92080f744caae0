"""Finished messages of every kind that a signature must survive, and what verifies them without a network."""

import time
from functools import cache

import dkim

from rida.campaign.dkim_key import make_key, public_record
from rida.campaign.tests.drafts import FACTS, draft
from rida.outbox import dkim as ours
from rida.outbox.links import Copy, Links
from rida.outbox.render import Mailing, Press, Rendered

DOMAIN, SELECTOR = "flowers.example", "rida1"
KEY = make_key()
RECORD = public_record(KEY)
NOW = int(time.time())
_HEAD = (
    b"From: Rosa <rosa@flowers.example>\r\nTo: layla@example.org\r\nDate: Tue, 24 Nov 2026 03:05:57 +0000\r\n"
    b"Message-ID: <1.2.3@flowers.example>\r\nMIME-Version: 1.0\r\nReply-To: hello@flowers.example\r\n"
    b"List-Unsubscribe: <https://mail.flowers.example/u/abc>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"List-Id: Offers\r\n <offers.w7.flowers.example>\r\nFeedback-ID: l1:offers:w7:rida-abcdef\r\n"
    b"CFBL-Address: fbl@flowers.example; report=arf\r\nCFBL-Feedback-ID: l1.2\r\n"
)
_PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n"
_FOLDED = (
    b"Subject: The tulips of last year have grandchildren now, and every one of them\r\n"
    b" is looking for a window with some sun in the morning; come and \r\n\t  choose\t yours  \r\n"
)


def letter(body: bytes, subject: bytes = b"Subject: Tulips\r\n") -> bytes:
    return _HEAD + subject + _PLAIN + b"\r\n" + body


def signed(message: bytes, at: int = NOW) -> bytes:
    return ours.sign(message, [signer()], at)


@cache
def signer() -> ours.Signer:
    return ours.Signer(DOMAIN, SELECTOR, KEY)


def as_sent(message: bytes) -> bytes:
    """As a receiver has it after the final dot: the last line is ended."""
    return message if message.endswith(b"\r\n") else message + b"\r\n"


def record_at(name: bytes, timeout: int = 5) -> bytes | None:
    """DNS as dkimpy asks it: our key under our selector of any domain, and nothing else."""
    return RECORD.encode() if name.startswith(f"{SELECTOR}._domainkey.".encode()) else None


def verifies(message: bytes, which: int = 0) -> bool:
    """By dkimpy; what it cannot even read does not verify. which: of several signatures, from the top."""
    try:
        return bool(dkim.DKIM(message, minkey=2048).verify(idx=which, dnsfunc=record_at))
    except Exception:  # noqa: BLE001  it raises whatever its parsing stumbles over
        return False


def printed(language: str, subject: str, name: str) -> bytes:
    """Of our own press, signed by it."""
    press = Press(
        draft(language=language, subject=subject), Mailing(Links("https://m.example", {0: b"s" * 32}), 7, 1, [signer()])
    )
    date = time.strftime("%a, %d %b %Y %H:%M:%S -0000", time.gmtime(NOW))
    made = press.letter(Copy(7, 3, 4, b"h" * 16), "layla@example.org", {**FACTS, "name": name}, "<1@m.example>", date)
    assert isinstance(made, Rendered)
    return made.content


LETTERS: dict[str, bytes] = {
    "ascii": letter(b"Hello Layla,\r\n\r\nthe roses are in.\r\n"),
    "arabic": letter("مرحبًا ليلى،\r\n\r\nوصل الورد.\r\n".encode(), b"Subject: =?utf-8?b?2YjYsdiv?=\r\n"),
    "emoji": letter("🌷🌹 👩‍🌾\r\n".encode(), b"Subject: =?utf-8?b?8J+Mtw==?=\r\n"),
    "international headers": letter(b"Hello\r\n", "Subject: ورد 🌷\r\n".encode()),
    "long lines": letter(b"\r\n".join([b"x" * 998, b"y " * 499, b"z"]) + b"\r\n"),
    "long folded subject": letter(b"Hello\r\n", _FOLDED),
    "empty subject": letter(b"Hello\r\n", b"Subject:\r\n"),
    "1 MB": letter(b"Mother's Day is on Sunday;  the tulips have grandchildren.\t\r\n" * 17_500),
    "empty body": letter(b""),
    "only empty lines": letter(b"\r\n\r\n\r\n"),
    "only blanks": letter(b"  \r\n\t\r\n \r\n"),
    "blanks, tabs and dots": letter(b"  lead\t\ttwo  blanks  \t\r\n.\r\n..\r\n. \r\n.dot\r\n \r\n\r\n\r\n"),
    "no last line end": letter(b"Hello\r\nLayla"),
    "blank instead of the last line end": letter(b"Hello\r\nLayla \t"),
    "only a blank": letter(b" "),
    "looks like a header": letter(b"Subject: not this one\r\n\r\nFrom: nobody\r\n"),
    "few headers": b"From: rosa@flowers.example\r\n\r\nHello\r\n",
}
PRINTED = {
    "printed": ("en", "Mother's Day is on Sunday, {{ name }}", "Layla Haddad"),
    "printed in Arabic": ("ar", "عرض خاص لك يا {{ name }} اليوم 🌷", "ليلى حدّاد"),
    "printed with a long subject": ("en", "Tulips and roses " * 20, "Layla"),
}


def all_signed() -> dict[str, bytes]:
    """Every letter, signed, as a receiver has it."""
    ready = {name: signed(message) for name, message in LETTERS.items()}
    ready |= {name: printed(*spec) for name, spec in PRINTED.items()}
    return {name: as_sent(message) for name, message in ready.items()}
