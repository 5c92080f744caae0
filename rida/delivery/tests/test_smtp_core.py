"""The sans-IO core: replies cut anywhere, one write where pipelining is offered, dots; letters not fit to travel."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rida.delivery.ports import Letter, Refusal
from rida.delivery.route import Door, Tls
from rida.delivery.smtp import Client, Heard, Turn
from rida.delivery.smtp_letter import has_whole_line_ends, objection, wire_form
from rida.delivery.smtp_reply import Capabilities, ReplyReader, Spoken, capabilities
from rida.kernel.reply import Reply, Step

GREETED = b"220 hi\r\n"
PIPELINED = b"250-peer\r\n250 PIPELINING\r\n"
LETTER = Letter("b@rida.test", "ali@net.test", b"Subject: x\r\n\r\nhello\r\n")
EVERYTHING = Capabilities(pipelining=True, size=0, eightbit=True, smtputf8=True)


def ready(ehlo: bytes = PIPELINED) -> Client:
    client = Client(Door("me.test", Tls.NONE))
    assert client.receive(GREETED + ehlo) == [Turn.READY]
    client.outgoing.clear()
    return client


def said(client: Client) -> list[bytes]:
    lines = list(client.outgoing)
    client.outgoing.clear()
    return lines


# --- replies ----------------------------------------------------------------------------------------------------------

words = st.text(st.characters(min_codepoint=32, max_codepoint=0x6FF, exclude_categories=["C", "Z"]), max_size=60)
whole_reply = st.tuples(st.integers(200, 599), st.lists(words, min_size=1, max_size=5))


def rendered(code: int, lines: list[str]) -> bytes:
    marks = ["-"] * (len(lines) - 1) + [" "]
    return b"".join(f"{code}{mark}{line}\r\n".encode() for mark, line in zip(marks, lines, strict=True))


@given(replies=st.lists(whole_reply, max_size=4), cuts=st.lists(st.integers(0, 400), max_size=12))
def test_replies_are_the_same_however_the_network_cuts_them(
    replies: list[tuple[int, list[str]]], cuts: list[int]
) -> None:
    stream = b"".join(rendered(code, lines) for code, lines in replies)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader = ReplyReader()
    heard = [spoken for a, b in pairwise(edges) for spoken in reader.feed(stream[a:b])]
    assert heard == [Spoken(code, tuple(line.strip() for line in lines)) for code, lines in replies]


@given(noise=st.lists(st.binary(max_size=200), max_size=20))
def test_no_noise_makes_the_client_raise_or_accept(noise: list[bytes]) -> None:
    client = Client(Door("me.test", Tls.NONE))
    heard = [event for piece in noise for event in client.receive(piece)]
    assert all(isinstance(event, Turn | Reply) for event in heard)


ENHANCED = [
    ("550 5.1.1 no such user", "5.1.1", "no such user"),
    ("550 #5.1.0 Address rejected.", "5.1.0", "Address rejected."),
    ("554 5.7.1: blocked", "5.7.1", "blocked"),
    ("550 5.1.1", "5.1.1", ""),
    ("550 5.1 is not one", "", "5.1 is not one"),
    ("550 192.0.2.1 is not one", "", "192.0.2.1 is not one"),
    ("421 4.16.55.1 nor this", "", "4.16.55.1 nor this"),
    ("250", "", ""),
    ("250 a\x00b\x1b[31m", "", "a b [31m"),
]


@pytest.mark.parametrize(("line", "enhanced", "text"), ENHANCED)
def test_the_enhanced_code_is_taken_out_of_the_text(line: str, enhanced: str, text: str) -> None:
    [spoken] = ReplyReader().feed(line.encode() + b"\r\n")
    assert spoken.at(Step.RCPT) == Reply(Step.RCPT, int(line[:3]), enhanced, text)


def test_every_line_of_a_long_reply_loses_its_enhanced_code() -> None:
    [spoken] = ReplyReader().feed(b"550-5.1.1 The account\r\n550-5.1.1 does not\n550 5.1.1 exist\r\n")
    assert spoken.at(Step.RCPT) == Reply(Step.RCPT, 550, "5.1.1", "The account does not exist")


def test_a_stored_text_has_an_end() -> None:
    [spoken] = ReplyReader().feed(b"250-" + b"x" * 900 + b"\r\n250 " + b"y" * 900 + b"\r\n")
    assert len(spoken.at(Step.DOT).text) == 1000


HOSTILE = [b"250-x\r\n" * 1000, b"2" * 100_000, b"250 " + b"x" * 5000 + b"\r\n", b"hello\r\n", b"199 no\r\n", b"\r\n"]


@pytest.mark.parametrize("stream", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_stream_ends_in_one_reply_with_code_0(stream: bytes) -> None:
    reader = ReplyReader()
    assert [spoken.code for spoken in reader.feed(stream)] == [0]
    assert reader.feed(b"250 and now something nice\r\n") == []


def test_capabilities_are_read_whatever_their_case_and_order() -> None:
    lines = ["peer greets PIPELINING", "size 1000", "8BitMime", "STARTTLS", "", "X-ODD thing", "EnhancedStatusCodes"]
    offered = capabilities(lines)
    assert offered == Capabilities(size=1000, eightbit=True, enhanced_codes=True, starttls=True)
    assert [capabilities(["x", line]).size for line in ("SIZE", "SIZE lots", "SIZE ٣")] == [0, 0, 0]


# --- the dialogue -----------------------------------------------------------------------------------------------------


def test_a_pipelined_envelope_is_one_write() -> None:
    client = ready()
    client.envelope(LETTER)
    assert said(client) == [b"MAIL FROM:<b@rida.test>\r\nRCPT TO:<ali@net.test>\r\nDATA\r\n"]


def test_an_envelope_without_pipelining_waits_for_each_answer() -> None:
    client = ready(b"250 peer\r\n")
    client.envelope(LETTER)
    assert said(client) == [b"MAIL FROM:<b@rida.test>\r\n"]
    assert client.receive(b"250 ok\r\n") == [] and said(client) == [b"RCPT TO:<ali@net.test>\r\n"]
    assert client.receive(b"250 ok\r\n") == [] and said(client) == [b"DATA\r\n"]
    assert client.receive(b"354 go\r\n") == [Turn.GO_AHEAD]


# Answers to a pipelined MAIL, RCPT, DATA → the step that failed (None: go ahead), is a lone dot sent, is RSET needed.
GROUPS: list[tuple[tuple[int, int, int], Step | None, bool, bool]] = [
    ((250, 250, 354), None, False, False),
    ((250, 251, 354), None, False, False),
    ((550, 503, 503), Step.MAIL, False, False),
    ((450, 250, 354), Step.MAIL, True, False),
    ((550, 503, 354), Step.MAIL, True, False),
    ((250, 550, 503), Step.RCPT, False, True),
    ((250, 450, 554), Step.RCPT, False, True),
    ((250, 550, 354), Step.RCPT, True, True),
    ((250, 250, 451), Step.DATA, False, True),
]


@pytest.mark.parametrize(("codes", "step", "lone_dot", "reset"), GROUPS, ids=[str(group[0]) for group in GROUPS])
def test_every_answer_to_a_pipelined_envelope(
    codes: tuple[int, int, int], step: Step | None, lone_dot: bool, reset: bool
) -> None:
    client = ready()
    client.envelope(LETTER)
    said(client)
    heard: list[Heard] = client.receive(b"".join(b"%d x\r\n" % code for code in codes))
    assert said(client) == ([b".\r\n"] if lone_dot else [])
    if lone_dot:
        assert heard == []
        heard = client.receive(b"250 accepted a message for nobody\r\n")
    if step is None:
        assert heard == [Turn.GO_AHEAD]
    else:
        [reply] = heard
        assert isinstance(reply, Reply) and reply.step is step and reply.code >= 400
    assert client.needs_reset is reset and client.usable


def test_a_refusal_outlives_the_connection_that_breaks_after_it() -> None:
    client = ready()
    client.envelope(LETTER)
    assert client.receive(b"250 ok\r\n550 5.1.1 no such user\r\n") == []
    assert client.lost("gone") == Reply(Step.RCPT, 550, "5.1.1", "no such user")


def test_a_loss_after_an_answered_message_is_no_doubt_about_it() -> None:
    client = ready()
    client.envelope(LETTER)
    client.receive(b"250 a\r\n250 b\r\n354 c\r\n")
    client.body(wire_form(LETTER.content))
    assert client.step is Step.DOT
    [reply] = client.receive(b"250 queued\r\n")
    assert isinstance(reply, Reply) and reply.positive
    assert client.lost("gone").step is Step.MAIL


def test_quit_makes_no_sense_while_a_body_is_due() -> None:
    client = ready()
    client.envelope(LETTER)
    assert client.receive(b"250 a\r\n250 b\r\n354 c\r\n") == [Turn.GO_AHEAD]
    assert not client.idle
    client.body(wire_form(LETTER.content))
    client.receive(b"250 queued\r\n")
    assert client.idle


# --- the letter -------------------------------------------------------------------------------------------------------

lines = st.lists(st.binary(max_size=8).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b".")), max_size=8)


@given(lines=lines, ended=st.booleans())
def test_dots_come_back_from_the_wire_as_they_went(lines: list[bytes], ended: bool) -> None:
    content = b"\r\n".join(lines) + (b"\r\n" if ended else b"")
    wire = wire_form(content)
    assert wire.endswith(b"\r\n.\r\n") or wire == b".\r\n"
    received, end = wire[:-3].split(b"\r\n"), wire[-3:]
    assert end == b".\r\n" and b"." not in received
    sent = b"\r\n".join(line.removeprefix(b".") for line in received)
    assert sent.removesuffix(b"\r\n") == content.removesuffix(b"\r\n")


@given(st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"x"]), max_size=8).map(b"".join))
def test_bare_line_ends_are_seen_in_any_mixture(content: bytes) -> None:
    rest = content.replace(b"\r\n", b"")
    assert has_whole_line_ends(content) is (b"\r" not in rest and b"\n" not in rest)


def test_a_letter_that_fits_has_no_objection() -> None:
    assert objection(LETTER, Capabilities()) is None
    assert objection(Letter("", "ali@net.test", b"x"), Capabilities()) is None


INJECTIONS = ["a@b>\r\nRCPT TO:<c@d", "a b@c", "a@b\n", "<a@b>", "", "a\x00@b", "x" * 300 + "@b"]


@pytest.mark.parametrize("path", INJECTIONS, ids=range(len(INJECTIONS)))
def test_an_address_cannot_end_its_command(path: str) -> None:
    assert isinstance(objection(Letter("b@rida.test", path, b"x\r\n"), EVERYTHING), Refusal)
    assert not path or isinstance(objection(Letter(path, "ali@net.test", b"x\r\n"), EVERYTHING), Refusal)


SMUGGLES = [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\n\n.\r\n", b"\r\r\n.\r\n"]


@pytest.mark.parametrize("end", SMUGGLES, ids=range(len(SMUGGLES)))
def test_no_second_message_is_smuggled_behind_a_false_end(end: bytes) -> None:
    content = b"Subject: x\r\n\r\nhello" + end + b"MAIL FROM:<eve@x>\r\n"
    assert isinstance(objection(Letter("b@rida.test", "ali@net.test", content), EVERYTHING), Refusal)


def test_mail_says_what_it_needs_and_only_what_was_offered() -> None:
    arabic = Letter("b@rida.test", "علي@net.test", "سلام\r\n".encode(), smtputf8=True)
    client = ready(b"250-peer\r\n250-PIPELINING\r\n250-SIZE 0\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
    client.envelope(arabic)
    [written] = said(client)
    assert written.startswith(b"MAIL FROM:<b@rida.test> SIZE=10 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<")
    plain = ready()
    plain.envelope(LETTER)
    assert said(plain)[0].startswith(b"MAIL FROM:<b@rida.test>\r\n")
