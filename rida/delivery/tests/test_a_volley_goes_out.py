"""One volley over one connection: the good day, every refusal, and what is left to the next time."""

from dataclasses import replace

import pytest

from rida.delivery.ports import Host, Key, Letter, NoPlace, Place, Refusal, Word
from rida.delivery.tests.conftest import Play
from rida.delivery.tests.peer import DROP, PIPELINED, SILENCE, STEP_BY_STEP, Peer, Raw, Say
from rida.delivery.tests.scene import item, items, letter, scene, volley
from rida.kernel.errors import HeaderInjection
from rida.kernel.reply import Outcome

A, D, B, W = Outcome.ACCEPTED, Outcome.DEFERRED, Outcome.BOUNCED, Outcome.WITHHELD
WAYS = pytest.mark.parametrize("ehlo", [PIPELINED, STEP_BY_STEP], ids=["pipelined", "step by step"])


@WAYS
def test_all_are_accepted_one_after_another_over_one_connection(play: Play, ehlo: str) -> None:
    async def story() -> None:
        async with scene({"EHLO": ehlo}) as s:
            assert await s.play(volley(*items("ali", "bea", "cem"))) == {"ali": A, "bea": A, "cem": A}
            assert [message.rcpt for message in s.peer.messages] == [
                f"TO:<{n}@net.test>" for n in ("ali", "bea", "cem")
            ]
            assert s.peer.messages[0].content == letter("x").content
            assert s.ledger.closed == [(1, 3, ())]
            assert s.peer.seen("open") == [] and s.peer.most_open == 1
            assert s.peer.story[-1][0] == "close" and ("QUIT", "") in s.peer.story

    play(story())


REFUSALS = [
    ("MAIL", "450 4.7.1 later", "mail", D),
    ("MAIL", "550 5.1.8 who are you", "mail", B),
    ("RCPT", "451 4.7.1 Greylisted", "rcpt", D),
    ("RCPT", "550 5.1.1 user unknown", "rcpt", B),
    ("DATA", "451 4.3.0 not now", "data", D),
    ("DATA", "554 5.6.0 no", "data", B),
    ("DOT", "452 4.3.1 disk", "dot", D),
    ("DOT", "554 5.7.1 spam", "dot", B),
]


@WAYS
@pytest.mark.parametrize(("verb", "refusal", "step", "outcome"), REFUSALS, ids=[f"{r[0]} {r[1][:3]}" for r in REFUSALS])
def test_a_refusal_at_any_step_is_known_by_step_and_the_next_message_goes_on(
    play: Play, ehlo: str, verb: str, refusal: str, step: str, outcome: Outcome
) -> None:
    polite = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go", "DOT": "250 ok"}[verb]

    async def story() -> None:
        async with scene({"EHLO": ehlo, verb: [refusal, polite]}) as s:
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": outcome, "bea": A}
            assert s.reply("ali") == (step, int(refusal[:3]))
            assert len(s.peer.messages) == 1 and s.attempted() == 2

    play(story())


def test_a_354_without_a_recipient_is_answered_by_the_lone_dot(play: Play) -> None:
    async def story() -> None:
        script: dict[str, Say | list[Say]] = {
            "RCPT": ["550 5.1.1 user unknown", "250 ok"],
            "DATA": "354 go",
            "DOT": ["554 no recipients", "250 ok"],
        }
        async with scene(script) as s:
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": B, "bea": A}
            assert s.reply("ali") == ("rcpt", 550)
            assert s.peer.lone_dots == 1 and len(s.peer.messages) == 1

    play(story())


def test_an_unknown_user_is_a_hard_bounce_and_a_full_mailbox_is_not(play: Play) -> None:
    async def story() -> None:
        async with scene({"RCPT": ["550 5.1.1 user unknown", "552 5.2.2 over quota"]}) as s:
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": B, "bea": B}
            assert [result.hard for result in s.ledger.results] == [True, False]

    play(story())


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
@WAYS
def test_421_before_any_success_defers_all_with_the_same_reply(play: Play, ehlo: str, verb: str) -> None:
    async def story() -> None:
        async with scene({"EHLO": ehlo, verb: "421 4.3.2 shutting down"}) as s:
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": D, "bea": D}
            assert s.reply("ali") == s.reply("bea") == (verb.lower(), 421)
            assert s.ledger.closed == [(1, 1, ())]

    play(story())


@pytest.mark.parametrize("verb", ["GREETING", "EHLO"])
@pytest.mark.parametrize("reply", ["421 too many connections", "450 later", "554 no service here"])
def test_a_shut_door_defers_all_and_attempts_nothing(play: Play, verb: str, reply: str) -> None:
    async def story() -> None:
        async with scene({verb: reply, "HELO": reply}) as s:
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": D, "bea": D}
            assert s.reply("bea") == ("connect" if verb == "GREETING" else "ehlo", int(reply[:3]))
            assert s.ledger.closed == [(1, 0, ())] and s.peer.seen("MAIL") == []
            assert ("begin", "1") not in s.peer.story

    play(story())


def test_421_after_a_success_returns_the_rest(play: Play) -> None:
    async def story() -> None:
        async with scene({"MAIL": ["250 ok", "421 Max message per connection reached"]}) as s:
            assert await s.play(volley(*items("ali", "bea", "cem"))) == {"ali": A, "bea": D}
            assert s.returned() == ["cem"] and s.attempted() == 2

    play(story())


def test_a_connection_quota_without_421_ends_the_connection_too(play: Play) -> None:
    async def story() -> None:
        async with scene({"MAIL": ["250 ok", "451 4.7.0 too many messages in one session"]}) as s:
            assert await s.play(volley(*items("ali", "bea", "cem"))) == {"ali": A, "bea": D}
            assert s.returned() == ["cem"] and len(s.peer.seen("MAIL")) == 2

    play(story())


def test_a_rate_reply_defers_the_whole_rest_even_after_a_success(play: Play) -> None:
    async def story() -> None:
        async with scene({"RCPT": ["250 ok", "450 4.7.1 rate limit exceeded"]}) as s:
            assert await s.play(volley(*items("ali", "bea", "cem"))) == {"ali": A, "bea": D, "cem": D}
            assert s.attempted() == 2 and s.returned() == []

    play(story())


def test_a_server_without_ehlo_is_spoken_to_with_helo(play: Play) -> None:
    async def story() -> None:
        async with scene({"EHLO": "502 what is that"}) as s:
            assert await s.play(volley(*items("ali"))) == {"ali": A}
            assert s.peer.seen("HELO") == ["mail.rida.test"]

    play(story())


def test_a_server_that_hangs_up_between_two_messages_gets_the_rest_again(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": Raw(b"250 ok\r\n", then_drop=True)}) as s:
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": A}
            assert s.returned() == ["bea"] and s.attempted() == 1

    play(story())


# --- what never reaches the wire --------------------------------------------------------------------------------------


def test_withheld_ones_are_skipped_and_halted_ones_end_the_volley(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.ledger.words.extend([Word(), Word(withheld=frozenset({Key(1, 2)})), Word(halted=frozenset({Key(1, 4)}))])
            assert await s.play(volley(*items("ali", "bea", "cem", "dua", "eva"))) == {"ali": A, "cem": A}
            assert s.returned() == ["dua", "eva"] and s.attempted() == 2
            assert [m.rcpt for m in s.peer.messages] == ["TO:<ali@net.test>", "TO:<cem@net.test>"]

    play(story())


def test_a_word_at_the_beginning_can_stop_everything(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.ledger.words.append(Word(halted=frozenset({Key(1, 1), Key(1, 2)})))
            assert await s.play(volley(*items("ali", "bea"))) == {}
            assert s.returned() == ["ali", "bea"] and s.peer.seen("MAIL") == []

    play(story())


def test_a_fenced_node_hangs_up_without_a_word(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.ledger.words.extend([Word(), Word(fenced=True)])
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": A}
            assert s.returned() == ["bea"] and s.peer.seen("QUIT") == []

    play(story())


def test_a_refused_copy_is_withheld_with_its_reason(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.letters = {
                "ali@net.test": Refusal("no greeting"),
                "bea@net.test": HeaderInjection(name="Subject"),
                "cem@net.test": letter("cem@net.test", b"Subject: x\r\n\r\nbare\nnewline\r\n"),
                "dua@net.test": letter("dua@net.test>\r\nRCPT TO:<eve@net.test"),
            }
            names = ("ali", "bea", "cem", "dua", "eli")
            assert await s.play(volley(*items(*names))) == {"ali": W, "bea": W, "cem": W, "dua": W, "eli": A}
            reasons = [result.reply.text for result in s.ledger.results]
            assert "no greeting" in reasons[0] and "Subject" in reasons[1] and "bare" in reasons[2]
            assert s.attempted() == 1 and len(s.peer.seen("RCPT")) == 1

    play(story())


def test_what_the_server_cannot_take_bounces_before_it_is_sent(play: Play) -> None:
    async def story() -> None:
        async with scene({"EHLO": "250-peer\n250 SIZE 100"}) as s:
            s.letters = {
                "علي@net.test": letter("علي@net.test", b"\r\n"),
                "bea@net.test": letter("bea@net.test", b"x" * 101 + b"\r\n"),
                "cem@net.test": letter("cem@net.test", "سلام\r\n".encode()),
            }
            assert await s.play(volley(*items("علي", "bea", "cem"))) == {"علي": B, "bea": B, "cem": B}
            assert [result.reply.enhanced for result in s.ledger.results] == ["5.6.7", "5.3.4", "5.6.3"]
            assert not any(result.hard for result in s.ledger.results)
            assert s.ledger.closed == [(1, 0, ())] and s.peer.seen("MAIL") == []

    play(story())


def test_an_arabic_address_travels_where_smtputf8_is_offered(play: Play) -> None:
    async def story() -> None:
        async with scene({"EHLO": "250-peer\n250-8BITMIME\n250 SMTPUTF8"}) as s:
            s.letters = {"علي@net.test": Letter("b@rida.test", "علي@net.test", "سلام\r\n".encode())}
            assert await s.play(volley(*items("علي"))) == {"علي": A}
            assert s.peer.messages[0].mail == "FROM:<b@rida.test> BODY=8BITMIME SMTPUTF8"
            assert s.peer.messages[0].rcpt == "TO:<علي@net.test>"

    play(story())


def test_dots_arrive_as_they_were_written(play: Play) -> None:
    content = b".leading\r\n..two\r\n.\r\nmiddle .dot\r\n.\r\n"

    async def story() -> None:
        async with scene() as s:
            s.letters = {"ali@net.test": letter("ali@net.test", content)}
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": A, "bea": A}
            assert s.peer.messages[0].content == content

    play(story())


# --- where to ---------------------------------------------------------------------------------------------------------


def test_what_lives_elsewhere_now_moves_and_nothing_of_it_is_sent(play: Play) -> None:
    elsewhere = Place("other", "other-site", (Host("mx.other", ("127.0.0.1",), 9),))

    async def story() -> None:
        async with scene() as s:
            s.places = {
                "gone.test": NoPlace(True, "null MX"),
                "ill.test": NoPlace(False, "servfail"),
                "new.test": elsewhere,
            }
            members = [item(d, n, f"{d}.test") for n, d in enumerate(("gone", "ill", "new", "net"), 1)]
            assert await s.play(volley(*members)) == {"gone": B, "ill": D, "new": D, "net": A}
            assert [result.hard for result in s.ledger.results] == [True, False, False, False]
            assert [result.moved_to for result in s.ledger.results] == [None, None, elsewhere, None]
            assert s.attempted() == 1
            # Before begin: of a started volley the reaper would call the first one without an outcome doubtful.
            assert s.peer.story.index(("record", "new@new.test", "DEFERRED")) < s.peer.story.index(("begin", "1"))

    play(story())


def test_a_volley_with_nobody_left_opens_no_connection(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.places = {"net.test": NoPlace(True, "no such domain")}
            assert await s.play(volley(*items("ali"))) == {"ali": B}
            assert s.ledger.closed == [(1, 0, ())] and s.peer.most_open == 0

    play(story())


def test_the_guard_is_asked_before_every_connection(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.forbidden = frozenset({"127.0.0.1"})
            assert await s.play(volley(*items("ali"))) == {"ali": D}
            assert "guard refused 127.0.0.1" in s.ledger.results[0].reply.text
            assert s.ledger.closed == [(1, 0, ())] and s.peer.most_open == 0

    play(story())


def test_silent_addresses_are_passed_over_by_preference(play: Play) -> None:
    async def story() -> None:
        async with scene() as s, Peer({"GREETING": DROP}) as dropping, Peer({"GREETING": "554 not here"}) as closed:
            s.hosts = (
                Host("mx1", ("127.0.0.1",), 9),
                Host("mx2", ("127.0.0.1",), dropping.port),
                Host("mx3", ("127.0.0.1",), closed.port),
                Host("mx4", ("127.0.0.1",), s.peer.port),
            )
            assert await s.play(volley(*items("ali"))) == {"ali": A}
            assert dropping.most_open == closed.most_open == 1

    play(story())


def test_a_site_that_says_later_is_not_asked_at_its_next_door(play: Play) -> None:
    async def story() -> None:
        async with scene({"GREETING": "421 too many connections"}) as s, Peer() as second:
            s.hosts = (Host("mx1", ("127.0.0.1",), s.peer.port), Host("mx2", ("127.0.0.1",), second.port))
            assert await s.play(volley(*items("ali"))) == {"ali": D}
            assert second.most_open == 0

    play(story())


def test_nobody_listening_defers_all_with_the_reason(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.hosts = (Host("mx.net.test", ("127.0.0.1",), 9),)
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": D, "bea": D}
            assert "mx.net.test" in s.ledger.results[1].reply.text and s.reply("ali") == ("connect", 0)
            assert s.ledger.closed == [(1, 0, ())]

    play(story())


def test_a_server_that_never_greets_is_left(play: Play) -> None:
    async def story() -> None:
        async with scene({"GREETING": SILENCE}) as s:
            s.manners = replace(s.manners, patience=replace(s.manners.patience, greeting=0.1))
            assert await s.play(volley(*items("ali"))) == {"ali": D}
            assert s.reply("ali") == ("connect", 0)

    play(story())
