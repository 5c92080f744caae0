"""Messages of the kinds that go wrong on the way."""

from email import message_from_bytes, policy
from email.message import EmailMessage

from rida.delivery.ports import Letter
from tests.peers.server import DOMAIN

ARABIC = "عزيزتي فاطمة، عيد الأم يوم الأحد 🌷\n\nباقاتُ الزنبق بخصمِ ٢٠٪ — اطلبيها قبل الخميس.\n"
EMOJI = "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 \u200f\u202bوداعًا\u202c 𝕿𝖚𝖑𝖎𝖕𝖘\n"
DOTS = ".\n..\n...\n.start\n\n.\nFrom here, a line as a mbox separates messages\n.QUIT\n. \n"
LONG_LINE = "x" * 998 + "\n"
"""As long as RFC 5322 §2.1.1 allows."""


def message(name: str, text: str, subject: str = "Tulips", encoding: str = "8bit") -> Letter:
    """For the mailbox `name`, complete: a server has no header to add but its own."""
    made = EmailMessage(policy.SMTP)
    made["From"] = "Flora <flora@rida.test>"
    made["To"] = "You <you@rida.test>"
    made["Date"] = "Sun, 03 May 2026 08:00:00 +0000"
    made["Message-ID"] = f"<{name.encode().hex()}@rida.test>"
    made["Subject"] = subject
    made.set_content(text, cte=encoding)
    return Letter("bounce@rida.test", f"{name}@{DOMAIN}", made.as_bytes())


def varied() -> tuple[Letter, ...]:
    return (
        message("plain", "Mother's Day is on Sunday.\n"),
        message("arabic", ARABIC, "عيد الأم يوم الأحد 🌷"),
        message("emoji", EMOJI, EMOJI.strip()),
        message("base64", ARABIC, encoding="base64"),
        message("quoted", ARABIC, encoding="quoted-printable"),
        message("dots", DOTS),
        message("line", LONG_LINE * 3),
        message("large", "The tulips of last year have grandchildren now.\n.\n" * 20_000),
        message("empty", ""),
    )


ADDRESSES = tuple(letter.recipient for letter in varied())


def stored(letter: Letter) -> bytes:
    """What a Unix server makes of it: the same bytes, with the line ends of its files."""
    return letter.content.replace(b"\r\n", b"\n")


def subject_and_text(raw: bytes) -> tuple[str, str]:
    read = message_from_bytes(raw, policy=policy.default)
    return str(read["Subject"]), read.get_content().replace("\r\n", "\n")
