"""Every copy is read back by a parser that is not ours; nothing a stranger writes can add a header or a part."""

import base64
import html
import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rida.campaign.tests.drafts import FACTS, draft
from rida.outbox import headers
from rida.outbox.links import Copy, Links
from rida.outbox.render import Mailing, Press, Refused, Rendered

LINKS = Links("https://mail.flowers.example", {0: b"s" * 32})
MAILING = Mailing(LINKS, workspace_id=7, launch_id=12)
COPY = Copy(7, 3, 4, b"h" * 16)
MESSAGE_ID = "<3.4.abcdef@flowers.example>"
DATE = "Tue, 24 Nov 2026 03:05:57 +0000"
EVERY_FIELD = [
    "Date", "Message-ID", "To", "Subject", "List-Unsubscribe", "From", "Reply-To", "List-Unsubscribe-Post", "List-Id",
    "Feedback-ID", "MIME-Version", "Content-Type",
]  # fmt: skip


def letter(changes: dict[str, Any] | None = None, **facts: Any) -> Rendered:
    made = copy_for(changes, **facts)
    assert isinstance(made, Rendered)
    return made


def copy_for(
    changes: dict[str, Any] | None = None, address: str = "layla@example.org", **facts: Any
) -> Rendered | Refused:
    return Press(draft(**(changes or {})), MAILING).letter(COPY, address, {**FACTS, **facts}, MESSAGE_ID, DATE)


def read(made: Rendered) -> EmailMessage:
    return message_from_bytes(made.content, policy=policy.default)


def head(made: Rendered) -> bytes:
    return made.content.partition(b"\r\n\r\n")[0]


def shown_name(field: bytes) -> str:
    """By the old parser: the new one puts a space between two encoded words of a name, which RFC 2047 §6.2 forbids."""
    value = message_from_bytes(field + b"\r\n")[field.partition(b":")[0].decode()]
    return str(make_header(decode_header(parseaddr(value)[0])))


def part(message: EmailMessage, subtype: str) -> str:
    found = message.get_body((subtype,))
    assert found is not None
    return str(found.get_content())


def test_a_copy_has_every_header_once_and_text_before_html() -> None:
    message = read(letter())
    assert message.keys() == EVERY_FIELD
    assert message["From"] == "Rosa's Flowers <rosa@flowers.example>"
    assert message["Reply-To"] == "hello@flowers.example"
    assert message["To"] == "Layla Haddad <layla@example.org>"
    assert message["Subject"] == "Mother's Day is on Sunday, Layla"
    assert message["Message-ID"] == MESSAGE_ID
    assert message["Date"] == DATE
    assert message["List-Unsubscribe"] == f"<{LINKS.leave(COPY)}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "Offers <offers.w7.flowers.example>"
    assert message.get_content_type() == "multipart/alternative"
    assert [found.get_content_type() for found in message.iter_parts()] == ["text/plain", "text/html"]
    assert not message.defects
    assert not [found.defects for found in message.iter_parts() if found.defects]


def test_both_parts_hold_what_was_rendered() -> None:
    made = letter()
    message = read(made)
    assert part(message, "html").replace("\r\n", "\n") == made.html
    assert part(message, "plain").replace("\r\n", "\n") == made.text
    assert LINKS.leave(COPY) in made.text
    assert LINKS.view(COPY) in made.html


def test_the_feedback_id_ends_with_a_stable_sender_of_5_to_15_characters() -> None:
    parts = read(letter())["Feedback-ID"].split(":")
    assert len(parts) == 4
    assert 5 <= len(parts[3]) <= 15
    assert parts[3] == read(letter({"subject": "x", "topic_slug": "news"}))["Feedback-ID"].split(":")[3]


def test_the_list_id_depends_on_the_topic_only() -> None:
    assert read(letter({"topic_slug": "Offers", "body": "other"}))["List-Id"].endswith("<offers.w7.flowers.example>")
    odd = read(letter({"topic_slug": "عروض x", "topic_name": "عروض"}))["List-Id"]
    assert re.fullmatch(r"عروض <t[0-9a-f]{12}\.w7\.flowers\.example>", odd)


def test_mail_about_a_transaction_has_no_list_headers() -> None:
    message = read(letter({"message_class": "transactional_relationship"}))
    assert [name for name in message.keys() if name.startswith("List-")] == []  # noqa: SIM118  not a dict


@pytest.mark.parametrize("language", ["en", "ar"])
def test_an_arabic_copy_comes_back_as_it_was(language: str) -> None:
    made = letter(
        {"language": language, "subject": "عرض خاص لك يا {{ name }} اليوم", "sender": {"name": "متجر الورود"}},
        name="محمد علي",
    )
    message = read(made)
    assert message["Subject"] == "عرض خاص لك يا محمد علي اليوم"
    assert message["From"].addresses[0].display_name == "متجر الورود"
    assert message["To"].addresses[0].display_name == "محمد علي"
    assert head(made).isascii()


@pytest.mark.parametrize(
    "break_", ["\n", "\r", "\r\n", "\r\n ", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x00"]
)
@pytest.mark.parametrize("subject", ["Hi {{ name }}", "Hi {{ attributes.city }} there"])
def test_a_line_break_merged_into_the_subject_means_no_copy(break_: str, subject: str) -> None:
    value = f"Layla{break_}Bcc: victim@example.org"
    assert copy_for({"subject": subject}, name=value, attributes={"city": value}) == Refused("header_line_break")


def test_a_name_with_a_line_break_is_left_out_of_the_to_line() -> None:
    made = letter({"subject": "Hello"}, name="Layla\r\nBcc: victim@example.org")
    assert read(made)["To"] == "layla@example.org"
    assert b"victim" not in head(made)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("a@b.example\r\nBcc: c@d.example", "no_recipient"),
        ("a@b.example, c@d.example", "no_recipient"),
        ("<a@b.example>", "no_recipient"),
        ("a b@b.example", "no_recipient"),
        ("ab.example", "no_recipient"),
        ("", "no_recipient"),
    ],
)
def test_an_address_that_is_none_means_no_copy(address: str, reason: str) -> None:
    assert copy_for(address=address) == Refused(reason)


def test_what_cannot_be_merged_means_no_copy_and_says_why() -> None:
    assert copy_for({"body": "[x]({{ attributes.bad }})"}) == Refused("link_scheme")
    assert copy_for({"body": "{{ name }}"}, name="x" * 10_001) == Refused("value")
    assert copy_for({"body": "{{ attributes.points|join }}"}, attributes={"points": 5}) == Refused("InvalidOperation")
    assert copy_for({"subject": "{{ name }}"}, name="x" * 901) == Refused("subject_too_long")
    assert copy_for({"sender": {"from_address": "nobody"}}) == Refused("no_sender")
    assert Press(draft(), MAILING).letter(COPY, "a@b.example", FACTS, "<a b@c>", DATE) == Refused("message_id")
    assert Press(draft(), MAILING).letter(COPY, "a@b.example", FACTS, MESSAGE_ID, "now\r\nX: y") == Refused(
        "message_id"
    )


def test_an_international_address_asks_for_smtputf8() -> None:
    made = copy_for(address="ليلى@xn--mgbh0fb.example")
    assert isinstance(made, Rendered)
    assert made.smtputf8
    assert "To: Layla Haddad <ليلى@xn--mgbh0fb.example>".encode() in made.content.replace(b"\r\n ", b" ")
    assert not letter().smtputf8


def test_the_envelope_sender_is_the_from_address() -> None:
    assert letter().mail_from == "rosa@flowers.example"
    assert Press(draft(), MAILING).domain == "flowers.example"
    assert Press(draft(sender={"from_address": "x"}), MAILING).domain.endswith(".invalid")


# --- for any text at all --------------------------------------------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=200)
_NASTY = st.lists(
    st.sampled_from(
        [
            "\r\n",
            "\n",
            "\r",
            " ",
            "\t",
            "Bcc: a@b.c",
            "=?utf-8?b?YQ==?=",
            "<a@b.c>",
            ",",
            ";",
            '"',
            "\\",
            "--",
            "ل",
            "😀",
            "x" * 80,
        ]
    ),
    max_size=12,
).map("".join)
_ANY = _TEXT | _NASTY


def _is_a_clean_message(made: Rendered) -> None:
    """Exactly our headers, exactly two parts, no line too long, no bare CR or LF, whatever was merged."""
    message = read(made)
    assert set(message.keys()) <= set(EVERY_FIELD)
    assert len(message.keys()) == len(set(message.keys()))
    for field in ("From", "To"):
        shown = message[field]
        assert isinstance(shown, AddressHeader)
        assert len(shown.addresses) == 1
    assert message["To"].addresses[0].addr_spec == "layla@example.org"
    assert message["From"].addresses[0].addr_spec == "rosa@flowers.example"
    assert len(list(message.iter_parts())) == 2
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", made.content)
    assert max(map(len, made.content.split(b"\r\n"))) <= 120
    assert made.content.isascii()
    for word in re.findall(rb"=\?utf-8\?b\?[^?]*\?=", head(made)):
        assert len(word) <= 75
        base64.b64decode(word[10:-2], validate=True).decode()
    boundary = re.search(rb'boundary="([^"]+)"', made.content)
    assert boundary
    assert made.content.count(b"--" + boundary[1]) == 3


@settings(max_examples=150, deadline=None)
@given(name=_ANY, subject=_ANY, city=_ANY)
def test_no_fact_of_a_person_can_add_a_header_or_a_part(name: str, subject: str, city: str) -> None:
    made = copy_for(
        {"subject": "{{ attributes.subject }}", "body": "{{ name }} {{ attributes.city }}"},
        name=name,
        attributes={"subject": subject, "city": city},
    )
    if isinstance(made, Refused):
        assert made.reason == "header_line_break"
        return
    _is_a_clean_message(made)
    assert str(read(made)["Subject"]) == subject.strip().replace("\t", " ")
    field = re.search(rb"^To: .*\r\n(?: .*\r\n)*", made.content, re.MULTILINE)
    assert field
    if " ".join(name.split()) == name and "@" not in name and len(name) <= 100 and not _CONTROL.search(name):
        assert shown_name(field[0]) == name


@settings(max_examples=100, deadline=None)
@given(name=_ANY, topic=_ANY, slug=_ANY, organisation=_ANY)
def test_no_field_of_the_sender_can_add_a_header_or_a_part(name: str, topic: str, slug: str, organisation: str) -> None:
    sender = {"name": name, "organisation": organisation, "reply_to": name}
    made = copy_for({"topic_name": topic, "topic_slug": slug, "sender": sender, "subject": "Hello"})
    assert isinstance(made, Rendered)
    _is_a_clean_message(made)


@settings(max_examples=300, deadline=None)
@given(_TEXT.filter(lambda text: not _CONTROL.search(text)))
def test_any_text_comes_back_from_a_header_as_it_was(text: str) -> None:
    line = headers.line_of("Subject", text)
    assert all(len(part) <= 78 for part in line.split(b"\r\n"))
    parsed = message_from_bytes(line + b"\r\n", policy=policy.default)["Subject"]
    assert str(parsed) == text


def test_every_plane_of_unicode_survives_both_ways() -> None:
    press = Press(draft(subject="{{ attributes.x }}", body="{{ attributes.x }}", markup="html"), MAILING)
    signs = [sign for sign in map(chr, range(0x20, 0x110000, 97)) if sign.isprintable() and sign.strip()]
    assert len(signs) > 1_400
    for start in range(0, len(signs), 300):
        text = "".join(signs[start : start + 300])
        made = press.letter(COPY, "a@b.example", {"attributes": {"x": text}}, MESSAGE_ID, DATE)
        assert isinstance(made, Rendered)
        message = read(made)
        assert message["Subject"] == text
        assert part(message, "plain").startswith(text)
        assert html.escape(text) in part(message, "html")


@pytest.mark.parametrize("length", [10, 68, 69, 70, 77, 78, 79, 150, 400])
def test_long_plain_subjects_are_folded_at_spaces(length: int) -> None:
    text = ("ten signs " * 50)[:length].strip()
    line = headers.line_of("Subject", text)
    assert all(len(part) <= 78 for part in line.split(b"\r\n"))
    assert b"=?" not in line
    assert line.replace(b"\r\n", b"").decode() == f"Subject: {text}"


@pytest.mark.parametrize(
    "name", ["Rosa, Ltd", 'The "Best"', "back\\slash", "a@b.example", "Rosa (old)", "=?utf-8?q?x?=", "x" * 120, "J. R."]
)
def test_odd_names_are_quoted_or_encoded(name: str) -> None:
    field = headers.mailbox("From", name, "a@b.example")
    assert shown_name(field) == name
    parsed = message_from_bytes(field + b"\r\n", policy=policy.default)["From"]
    assert [found.addr_spec for found in parsed.addresses] == ["a@b.example"]
