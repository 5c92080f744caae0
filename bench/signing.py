"""`rida bench sign [MESSAGES]`: what DKIM costs a copy, beside what RSA-2048 alone costs here.

CPU time of one core. The ways take turns of a hundredth of a second, so that a busy machine slows them alike; each
figure is the median of its turns. A signature by the press is what a signed copy costs more than an unsigned one.
"""

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from hashlib import sha256
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from rida.campaign.dkim_key import make_key
from rida.campaign.tests.drafts import FACTS, draft
from rida.outbox import dkim
from rida.outbox.links import Copy, Links
from rida.outbox.render import Mailing, Press, Rendered

_TURN = 50
_NOW = int(time.time())
_WORDS = "Mother's Day is on Sunday, and the tulips of last year have grandchildren now. "
_SPEED = ("openssl", "speed", "-mr", "-seconds", "2", "rsa2048")


def measure(messages: str = "5000") -> dict[str, Any]:
    """Figures by name; the ratios compare with the faster of the two raw rates. openssl's is None where it is not."""
    signer = dkim.Signer("flowers.example", "rida1", make_key())
    plain, signed = _press(()), _press((signer,))
    letter = plain()
    turns = max(1, int(messages) // _TURN)
    raw, whole, printed, printed_signed = _turns(
        turns, _raw(signer), lambda: dkim.sign(letter, [signer], _NOW), plain, signed
    )
    by_press = median(after - before for before, after in zip(printed, printed_signed, strict=True))
    return {"messages": turns * _TURN, "bytes_each": len(letter)} | _figures(median(raw), median(whole), by_press)


def _figures(raw: float, whole: float, by_press: float) -> dict[str, Any]:
    """CPU seconds of each."""
    openssl = _openssl_rate()
    fastest = max(openssl or 0, 1 / raw)
    return {
        "messages_per_second_signed": round(1 / by_press),
        "messages_per_second_signed_as_a_whole": round(1 / whole),
        "rsa_2048_per_second_openssl": openssl,
        "rsa_2048_per_second_cryptography": round(1 / raw),
        "ratio_signed_to_rsa": round(1 / by_press / fastest, 3),
        "ratio_signed_as_a_whole_to_rsa": round(1 / whole / fastest, 3),
        "cpu_microseconds_per_message": round(by_press * 1e6, 1),
        "cpu_microseconds_per_message_as_a_whole": round(whole * 1e6, 1),
        "cpu_microseconds_per_rsa": round(raw * 1e6, 1),
    }


def _raw(signer: dkim.Signer) -> Callable[[], object]:
    """RSA and nothing else: the hash is there already."""
    digest, padding, hashed = sha256(_WORDS.encode()).digest(), PKCS1v15(), Prehashed(SHA256())
    return lambda: signer._key.sign(digest, padding, hashed)


def _press(signers: Sequence[dkim.Signer]) -> Callable[[], bytes]:
    """Prints the same copy again and again."""
    mailing = Mailing(
        Links("https://mail.flowers.example", {0: b"s" * 32}), workspace_id=7, launch_id=12, signers=signers
    )
    press = Press(draft(body="# Hello {{ first_name }}\n\n" + _WORDS * 20), mailing)
    copy, date = Copy(7, 3, 4, b"h" * 16), formatdate(_NOW)

    def print_one() -> bytes:
        made = press.letter(copy, "layla@example.org", FACTS, "<3.4.abcdef@flowers.example>", date)
        assert isinstance(made, Rendered)
        return made.content

    return print_one


def _turns(count: int, *ways: Callable[[], object]) -> list[list[float]]:
    """CPU seconds a call, of each way in each turn."""
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(count):
        for way, spent in zip(ways, seconds, strict=True):
            start = time.process_time()
            for _ in range(_TURN):
                way()
            spent.append((time.process_time() - start) / _TURN)
    return seconds


def _openssl_rate() -> int | None:
    """Of the machine's own OpenSSL, which may be another than the one in cryptography's wheel."""
    if not shutil.which("openssl"):
        return None
    said = subprocess.run(_SPEED, capture_output=True, text=True, check=True)
    return round(float(said.stdout.split("+F2:")[1].split(":")[2]))
