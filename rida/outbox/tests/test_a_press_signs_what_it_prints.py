"""A press with signers puts their fields on top and changes nothing else; without them nothing changes at all."""

import time
from dataclasses import replace
from typing import Any

import pytest

from rida.campaign.tests.drafts import FACTS, draft
from rida.outbox import canonical, dkim
from rida.outbox.links import Copy, Links
from rida.outbox.render import Mailing, Press, Rendered
from rida.outbox.tests.letters import signer

MAILING = Mailing(Links("https://mail.flowers.example", {0: b"s" * 32}), workspace_id=7, launch_id=12)
COPY = Copy(7, 3, 4, b"h" * 16)
DATE, MOMENT = "Tue, 24 Nov 2026 03:05:57 -0000", 1795489557


def copies(**changes: Any) -> tuple[Rendered, Rendered]:
    """(unsigned, signed)"""
    pair = []
    for signers in ((), (signer(),)):
        made = Press(draft(**changes), replace(MAILING, signers=signers)).letter(
            COPY, "a@b.example", FACTS, "<1@m.example>", DATE
        )
        assert isinstance(made, Rendered)
        pair.append(made)
    return pair[0], pair[1]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"language": "ar", "subject": "ورد 🌷"},
        {"message_class": "transactional_relationship"},
        {"sender": {"reply_to": ""}},
        {"body": "a"},
    ],
)
def test_a_signed_copy_is_the_unsigned_one_signed_as_a_whole(changes: dict[str, Any]) -> None:
    """The press keeps the form of its fixed fields and takes its body as canonical; the slow way agrees."""
    unsigned, signed = copies(**changes)
    assert signed.content == dkim.sign(unsigned.content, [signer()], MOMENT)
    assert (signed.mail_from, signed.subject, signed.html) == (unsigned.mail_from, unsigned.subject, unsigned.html)
    body = unsigned.content.partition(b"\r\n\r\n")[2]
    assert canonical.body(body) == body


@pytest.mark.parametrize("zone", ["Asia/Riyadh", "America/New_York", "UTC"])
def test_the_signature_carries_the_moment_of_the_date_wherever_the_machine_stands(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for date in (DATE, DATE.replace("-0000", "+0000"), "Tue, 24 Nov 2026 06:05:57 +0300"):
            made = Press(draft(), replace(MAILING, signers=[signer()])).letter(
                COPY, "a@b.example", FACTS, "<1@m.example>", date
            )
            assert isinstance(made, Rendered)
            assert b" t=%d; x=" % MOMENT in made.content
    finally:
        monkeypatch.undo()
        time.tzset()
