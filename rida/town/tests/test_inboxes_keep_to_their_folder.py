"""Mail as files: what goes in comes out, nothing else does, and there is an end to it."""

from pathlib import Path

import pytest

from rida.town.inbox import Inboxes, Postman, safe_name
from rida.town.tests.visitor import letter


@pytest.mark.parametrize(
    "recipient",
    [
        "amal@rose.example",
        "أمل@بريد-الورد.example",
        "../../etc/passwd@rose.example",
        ".hidden@rose.example",
        "a/b\\c%00@rose.example",
        "ن" * 64 + "@rose.example",
        "first+tag@rose.example",
    ],
)
def test_any_recipient_has_an_inbox_of_its_own(tmp_path: Path, recipient: str) -> None:
    letter_id = Postman(tmp_path).deliver("rose", recipient, letter())
    inboxes = Inboxes(tmp_path)
    assert inboxes.networks() == ["rose"]
    assert inboxes.recipients("rose") == [recipient.lower()]
    (listed,) = inboxes.letters(recipient)
    found = inboxes.letter(letter_id)
    assert found is not None
    assert (found.id, found.recipient, found.content) == (listed.id, recipient.lower(), letter())
    files = [path for path in tmp_path.rglob("*.eml") if path.is_file()]
    assert [path.relative_to(tmp_path).parts[:2] for path in files] == [("mail", "rose")]


@pytest.mark.parametrize(
    "letter_id",
    [
        "",
        "rose",
        "rose/amal@rose.example",
        "rose/amal@rose.example/1",
        "rose/amal@rose.example/99999999",
        "../mail/rose/00000001",
        "rose/../00000001",
        "rose/./00000001",
        "rose/amal@rose.example/../../../../../../etc/passwd",
        "rose/amal@rose.example/00000001.eml",
        "/etc/passwd",
        "rose/a\x00b/00000001",
        "rose//00000001",
        "rose/amal@rose.example/٠٠٠٠٠٠٠١",
    ],
)
def test_an_id_that_we_did_not_give_leads_nowhere(tmp_path: Path, letter_id: str) -> None:
    Postman(tmp_path).deliver("rose", "amal@rose.example", letter())
    assert Inboxes(tmp_path).letter(letter_id) is None


@pytest.mark.parametrize("network", ["..", ".", "/etc", "", "a/b", "rose\x00"])
def test_a_network_that_is_none_has_no_recipients(tmp_path: Path, network: str) -> None:
    Postman(tmp_path).deliver("rose", "amal@rose.example", letter())
    assert Inboxes(tmp_path).recipients(network) == []


def test_letters_are_listed_newest_first_over_networks(tmp_path: Path) -> None:
    postman = Postman(tmp_path)
    for number, network in enumerate(["rose", "olive", "rose"]):
        postman.deliver(network, "amal@rose.example", letter(f"<{number}@x.example>"))
    listed = Inboxes(tmp_path).letters("AMAL@rose.example", most=2)
    assert [(found.network, found.message_id) for found in listed] == [
        ("rose", "<2@x.example>"),
        ("olive", "<1@x.example>"),
    ]


def test_encoded_and_broken_headers_are_shown_as_well_as_possible(tmp_path: Path) -> None:
    postman = Postman(tmp_path)
    for subject in (b"=?utf-8?b?2YjYsdiv?=", b"=?no-such-charset?q?rose?=", "ورد".encode(), b"\xff\xfe"):
        postman.deliver("rose", "amal@rose.example", b"Subject: " + subject + b"\r\n\r\nbody\r\n")
    subjects = [found.subject for found in Inboxes(tmp_path).letters("amal@rose.example")]
    assert subjects[::-1] == ["ورد", "=?no-such-charset?q?rose?=", "ورد", "\ufffd\ufffd"]


def test_the_oldest_letters_go_when_there_are_too_many_bytes_or_files(tmp_path: Path) -> None:
    postman = Postman(tmp_path / "bytes", most_bytes=1000)
    for _ in range(20):
        postman.deliver("rose", "amal@rose.example", b"x" * 300)
    kept = [found.id[-2:] for found in Inboxes(tmp_path / "bytes").letters("amal@rose.example")]
    assert kept == ["20", "19", "18"]
    postman = Postman(tmp_path / "files", most_letters=2)
    for _ in range(5):
        postman.deliver("rose", "amal@rose.example", b"x")
    assert len(Inboxes(tmp_path / "files").letters("amal@rose.example")) == 2


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    first = Postman(tmp_path).deliver("rose", "amal@rose.example", letter())
    second = Postman(tmp_path).deliver("rose", "amal@rose.example", letter())
    assert (first[-8:], second[-8:]) == ("00000001", "00000002")


def test_an_empty_town_has_no_inboxes(tmp_path: Path) -> None:
    assert Inboxes(tmp_path).networks() == []
    assert Inboxes(tmp_path).letters("amal@rose.example") == []


def test_folder_names_stay_within_what_file_systems_allow() -> None:
    assert all(len(safe_name("ن" * length + "@rose.example").encode()) <= 200 for length in range(1, 300))
