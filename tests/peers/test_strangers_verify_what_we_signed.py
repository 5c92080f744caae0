"""The same messages that dkimpy verifies, judged by two programs of other people in other languages."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from rida.outbox.dkim import OVERSIGNED
from rida.outbox.tests.letters import DOMAIN, LETTERS, RECORD, SELECTOR, all_signed, signed
from tests.peers.verifiers import VERIFIERS, Verdicts

pytestmark = [pytest.mark.peers, pytest.mark.parametrize("verifier", VERIFIERS)]


def judged(verifier: str, messages: Mapping[str, bytes], folder: Path) -> Verdicts:
    files = {name.replace(" ", "-"): message for name, message in messages.items()}
    verdicts = VERIFIERS[verifier](files, folder / "messages", f"{SELECTOR}._domainkey.{DOMAIN}", RECORD)
    assert verdicts.keys() == files.keys()
    return verdicts


def test_every_kind_of_message_is_verified(verifier: str, tmp_path: Path) -> None:
    verdicts = judged(verifier, all_signed(), tmp_path)
    assert set(verdicts.values()) == {"pass"}, verdicts


def test_a_byte_changed_in_the_body_is_noticed(verifier: str, tmp_path: Path) -> None:
    """The last letter of each body; those that have none get one."""
    changed = {}
    for name, message in all_signed().items():
        text = message.rstrip()
        changed[name] = text[:-1] + b"#\r\n" if text.partition(b"\r\n\r\n")[2] else message + b"#\r\n"
    verdicts = judged(verifier, changed, tmp_path)
    assert "pass" not in verdicts.values(), verdicts


def test_a_field_added_above_or_below_is_noticed(verifier: str, tmp_path: Path) -> None:
    message, added = signed(LETTERS["ascii"]), {}
    for field in OVERSIGNED:
        line = field.title() + b": x@evil.example\r\n"
        added[f"above {field.decode()}"] = line + message
        added[f"below {field.decode()}"] = message.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n", 1)
    verdicts = judged(verifier, added, tmp_path)
    assert "pass" not in verdicts.values(), verdicts


def test_a_byte_changed_in_the_middle_of_each_line_of_the_head_is_noticed(verifier: str, tmp_path: Path) -> None:
    message, changed = signed(LETTERS["ascii"]), {}
    for n, line in enumerate(message.partition(b"\r\n\r\n")[0].split(b"\r\n")):
        middle = len(line) // 2
        changed[f"line {n}"] = message.replace(line, line[:middle] + b"#" + line[middle + 1 :], 1)
    verdicts = judged(verifier, changed, tmp_path)
    assert "pass" not in verdicts.values(), verdicts
