"""Bad days: connections that break, servers that lie, leases that end, databases that go away."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from rida.delivery.ports import Key, Word
from rida.delivery.tests.conftest import Play
from rida.delivery.tests.peer import DROP, PIPELINED, SILENCE, STEP_BY_STEP, Late, Raw, Slow
from rida.delivery.tests.scene import Scene, item, items, letter, scene, volley
from rida.kernel.clock import elapsed_seconds
from rida.kernel.reply import Outcome

A, D, B, X = Outcome.ACCEPTED, Outcome.DEFERRED, Outcome.BOUNCED, Outcome.DOUBTFUL
WAYS = pytest.mark.parametrize("ehlo", [PIPELINED, STEP_BY_STEP], ids=["pipelined", "step by step"])


def patient(s: Scene, **seconds: float) -> None:
    s.manners = replace(s.manners, patience=replace(s.manners.patience, **seconds))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - conditions of a foreign story have no event
            await asyncio.sleep(0.005)


# --- the connection ---------------------------------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_connection_lost_before_the_dot_defers(play: Play, ehlo: str, verb: str) -> None:
    async def story() -> None:
        async with scene({"EHLO": ehlo, verb: DROP}) as s:
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": D, "bea": D}
            assert s.reply("ali") == (verb.lower(), 0) and s.attempted() == 1

    play(story())


def test_a_connection_lost_at_the_dot_leaves_one_doubtful_and_returns_the_rest(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": ["250 ok", DROP]}) as s:
            assert await s.play(volley(*items("ali", "bea", "cem"))) == {"ali": A, "bea": X}
            assert s.reply("bea") == ("dot", 0)
            assert s.returned() == ["cem"] and s.attempted() == 2

    play(story())


def test_no_answer_to_the_dot_is_doubtful_and_the_first_of_all_does_not_defer_the_rest(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": SILENCE}) as s:
            patient(s, dot=0.1)
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": X}
            assert s.returned() == ["bea"]

    play(story())


def test_the_dot_has_more_patience_than_the_envelope(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": Late("250 ok", 0.3)}) as s:
            patient(s, envelope=0.1, block=0.1, dot=2)
            assert await s.play(volley(*items("ali"))) == {"ali": A}

    play(story())


def test_a_body_that_never_left_the_machine_is_not_doubtful(play: Play) -> None:
    """The server stops reading after 354: our last bytes stay here, so it cannot have the dot."""

    async def story() -> None:
        async with scene({"EHLO": "250-peer\n250 PIPELINING"}) as s:
            s.peer.deaf_after = "DATA"
            patient(s, block=0.2, dot=5)
            s.letters = {"ali@net.test": letter("ali@net.test", b"x" * 20_000_000 + b"\r\n")}
            session = s.session(volley(*items("ali")))
            await asyncio.wait_for(session.run(), 5)
            assert s.outcomes() == {"ali": D} and s.reply("ali") == ("data", 0)

    play(story())


# --- servers that lie -------------------------------------------------------------------------------------------------

NONSENSE = {
    "a line without end": Raw(b"250 " + b"x" * 100_000),
    "lines without end": Raw(b"250-more\r\n" * 10_000),
    "no SMTP": Raw(b"HTTP/1.1 400 Bad Request\r\n"),
    "two codes in one reply": Raw(b"250-yes\r\n550 no\r\n"),
    "a code out of place": Raw(b"354 already\r\n"),
    "binary": Raw(bytes(range(256)) + b"\r\n"),
}


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DOT"])
@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_at_any_step_is_a_reply_with_code_0(play: Play, verb: str, said: Raw) -> None:
    async def story() -> None:
        async with scene({verb: said}) as s:
            outcomes = await s.play(volley(*items("ali", "bea")))
            assert outcomes == ({"ali": X} if verb == "DOT" else {"ali": D, "bea": D})
            assert s.ledger.results[0].reply.code == 0
            assert s.ledger.results[0].reply.text.isprintable()

    play(story())


def test_a_reply_that_drips_does_not_renew_our_patience(play: Play) -> None:
    async def story() -> None:
        async with scene({"RCPT": Slow("250 " + "k" * 200, 0.01)}) as s:
            patient(s, envelope=0.2)
            began = elapsed_seconds()
            assert await s.play(volley(*items("ali"))) == {"ali": D}
            assert elapsed_seconds() - began < 1.5

    play(story())


def test_a_reply_cut_into_bytes_is_still_read(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": Slow("250-2.0.0 queued\r\n250 2.0.0 as 7", 0.002)}) as s:
            assert await s.play(volley(*items("ali"))) == {"ali": A}
            assert s.ledger.results[0].reply.text == "queued as 7"

    play(story())


def test_an_answer_too_many_accepts_nothing_that_was_not_sent(play: Play) -> None:
    async def story() -> None:
        async with scene({"DATA": Raw(b"354 go\r\n250 accepted already\r\n")}) as s:
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": D, "bea": D}
            assert s.peer.messages == []

    play(story())


def test_a_server_that_does_not_close_after_quit_is_closed(play: Play) -> None:
    async def story() -> None:
        async with scene({"QUIT": SILENCE}) as s:
            patient(s, farewell=0.1)
            assert await s.play(volley(*items("ali"))) == {"ali": A}
            assert s.peer.story[-1] == ("close", "1", "0 sockets open")

    play(story())


# --- the lease --------------------------------------------------------------------------------------------------------


def test_a_lease_that_ended_before_connecting_sends_nothing(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            assert await s.play(volley(*items("ali"), claimed_at=elapsed_seconds() - 100)) == {}
            assert s.returned() == ["ali"] and s.peer.most_open == 0

    play(story())


@WAYS
@pytest.mark.parametrize("verb", ["EHLO", "RCPT", "DATA"])
def test_a_lease_that_ends_before_the_dot_returns_what_was_not_sent(play: Play, ehlo: str, verb: str) -> None:
    polite = {"EHLO": ehlo, "RCPT": "250 ok", "DATA": "354 go"}[verb]

    async def story() -> None:
        async with scene({"EHLO": ehlo, verb: Late(polite, 0.5)}) as s:
            patient(s, envelope=2, greeting=2)
            assert await s.play(volley(*items("ali", "bea"), lease_seconds=0.3)) == {}
            assert s.returned() == ["ali", "bea"] and s.peer.messages == []
            assert s.attempted() == (0 if verb == "EHLO" else 1)

    play(story())


def test_a_lease_that_ends_during_the_wait_after_the_dot_leaves_a_doubt(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": Late("250 ok", 1)}) as s:
            patient(s, dot=5)
            assert await s.play(volley(*items("ali", "bea"), lease_seconds=0.3)) == {"ali": X}
            assert s.returned() == ["bea"]

    play(story())


def test_an_answer_that_came_while_the_process_was_stopped_is_read_before_giving_up(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": Late("250 ok", 0.1)}) as s:
            run = asyncio.create_task(s.session(volley(*items("ali", "bea"), lease_seconds=0.5)).run())
            await until(lambda: bool(s.peer.seen("DOT")))
            time.sleep(0.7)  # noqa: ASYNC251 - SIGSTOP and SIGCONT, as the loop sees them
            await run
            assert s.outcomes() == {"ali": A} and s.returned() == ["bea"]

    play(story())


@WAYS
def test_a_process_that_was_stopped_before_the_dot_does_not_write_it_afterwards(play: Play, ehlo: str) -> None:
    async def story() -> None:
        async with scene({"EHLO": ehlo, "DATA": Late("354 go", 0.1)}) as s:
            run = asyncio.create_task(s.session(volley(*items("ali", "bea"), lease_seconds=0.5)).run())
            await until(lambda: bool(s.peer.seen("DATA")))
            time.sleep(0.7)  # noqa: ASYNC251 - SIGSTOP and SIGCONT; the 354 is there when we wake up, the lease is not
            await run
            assert s.outcomes() == {} and s.returned() == ["ali", "bea"]
            assert s.peer.seen("DOT") == [] and s.attempted() == 1

    play(story())


def test_a_renewal_keeps_a_slow_volley_alive(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": Late("250 ok", 0.5)}) as s:
            patient(s, dot=5)
            engine = s.engine()
            engine.start(volley(*items("ali", "bea"), lease_seconds=0.4))
            await until(lambda: bool(s.ledger.closed))
            assert s.outcomes() == {"ali": A, "bea": A} and {frozenset({1})} == set(s.ledger.renewals)
            await engine.stop()

    play(story())


# --- the ledger -------------------------------------------------------------------------------------------------------


def test_a_database_that_leaves_at_begin_sends_nothing_and_returns_all(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.ledger.fails = {"begin": 1, "close": 3}
            assert await s.play(volley(*items("ali", "bea"))) == {}
            assert s.returned() == ["ali", "bea"] and s.peer.seen("MAIL") == []

    play(story())


def test_a_database_that_leaves_at_record_stops_the_sending_and_loses_no_result(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.ledger.fails = {"record": 6}
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": A}
            assert len(s.peer.seen("MAIL")) == 1 and s.ledger.closed == [(1, 1, (item("bea", 2),))]
            closed, recorded = (s.peer.story.index(e) for e in (("closed",), ("record", "ali@net.test", "ACCEPTED")))
            assert closed < recorded

    play(story())


def test_an_outcome_that_the_ledger_refuses_for_good_is_left_to_the_reaper(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """Closed, the volley would forget it; asked for ever, the session would renew its lease for ever."""

    async def story() -> None:
        async with scene() as s:
            s.ledger.refuse_records = True
            assert await s.play(volley(*items("ali", "bea"))) == {}
            assert s.ledger.closed == []
            assert "ACCEPTED 250" in caplog.text

    play(story())


def test_a_database_that_leaves_at_exchange_still_closes_the_volley(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.ledger.fails = {"exchange": 1, "close": 2}
            assert await s.play(volley(*items("ali"))) == {"ali": A}
            assert s.ledger.closed == [(1, 1, ())]

    play(story())


def test_an_error_of_ours_defers_the_message_that_causes_it_and_returns_the_rest(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.letters = {"bea@net.test": ZeroDivisionError("a bug")}
            assert await s.play(volley(*items("ali", "bea", "cem"))) == {"ali": A, "bea": D}
            assert s.returned() == ["cem"]
            assert "ZeroDivisionError" in s.ledger.results[1].reply.text

    play(story())


def test_an_error_of_ours_that_lets_nothing_out_does_not_come_back_at_once(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.letters = {"ali@net.test": ZeroDivisionError("a bug")}
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": D, "bea": D}

    play(story())


# --- the same connection again ----------------------------------------------------------------------------------------


def test_a_finished_volley_is_exchanged_for_another_on_the_same_connection(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.ledger.waiting.append(volley(item("cem", 3), item("dua", 4), number=2))
            assert await s.play(volley(*items("ali", "bea"))) == dict.fromkeys(("ali", "bea", "cem", "dua"), A)
            assert s.ledger.closed == [(1, 2, ()), (2, 2, ())]
            assert s.peer.story.count(("open",)) == 1 and ("begin", "2") in s.peer.story

    play(story())


def test_an_exchanged_volley_lives_by_its_own_lease(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": Late("250 ok", 0.15)}) as s:
            s.ledger.waiting.append(volley(item("cem", 3), item("dua", 4), number=2))
            sent = await s.play(volley(*items("ali"), lease_seconds=0.4))
            assert sent == dict.fromkeys(("ali", "cem", "dua"), A)

    play(story())


def test_a_connection_is_not_used_beyond_its_quota(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.door = replace(s.door, messages_per_connection=3)
            s.ledger.waiting.append(volley(item("cem", 3), item("dua", 4), number=2))
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": A, "bea": A}
            assert len(s.ledger.waiting) == 1

    play(story())


def test_without_a_relays_quota_the_networks_own_counts(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.ledger.waiting.append(volley(item("cem", 3), item("dua", 4), number=2))
            few = replace(volley(*items("ali", "bea")), messages_per_connection=3)
            assert await s.play(few) == {"ali": A, "bea": A}
            assert len(s.ledger.waiting) == 1

    play(story())


def test_a_volley_with_something_to_return_is_closed_not_exchanged(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.ledger.waiting.append(volley(item("cem", 3), number=2))
            s.ledger.words.append(Word(halted=frozenset({Key(1, 2)})))
            assert await s.play(volley(*items("ali", "bea"))) == {"ali": A}
            assert s.returned() == ["bea"] and len(s.ledger.waiting) == 1

    play(story())


def test_what_was_halted_stays_so_until_the_volley_ends(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.ledger.words.extend([Word(halted=frozenset({Key(1, 2)})), Word(), Word()])
            assert await s.play(volley(*items("ali", "bea", "cem"))) == {"ali": A}
            assert s.returned() == ["bea", "cem"]

    play(story())


# --- the engine -------------------------------------------------------------------------------------------------------


def test_the_engine_counts_its_sessions(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": Late("250 ok", 0.1)}) as s:
            engine = s.engine(sessions=2)
            for number in (1, 2):
                engine.start(volley(item(f"n{number}", number), number=number))
            assert (engine.free_sessions, engine.busy) == (0, 2)
            await until(lambda: not engine.busy)
            assert engine.free_sessions == 2 and s.outcomes() == {"n1": A, "n2": A}
            await engine.stop()

    play(story())


def test_a_stop_lets_the_message_in_data_end_and_returns_the_rest(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": Late("250 ok", 0.2)}) as s:
            engine = s.engine()
            engine.start(volley(*items("ali", "bea")))
            await until(lambda: bool(s.peer.seen("DOT")))
            await engine.stop()
            assert s.outcomes() == {"ali": A} and s.returned() == ["bea"]
            assert engine.free_sessions == 0 and not engine.busy
            engine.start(volley(item("cem", 3), number=2))
            await until(lambda: not engine.busy)
            assert s.returned() == ["bea", "cem"] and len(s.peer.seen("MAIL")) == 1
            await engine.stop()

    play(story())


def test_a_stop_does_not_wait_for_ever(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": SILENCE}) as s:
            patient(s, dot=60)
            engine = s.engine()
            engine.start(volley(*items("ali", "bea")))
            await until(lambda: bool(s.peer.seen("DOT")))
            await engine.stop(grace_seconds=0.1)
            assert s.outcomes() == {"ali": X} and s.returned() == ["bea"]

    play(story())


def test_what_the_ledger_never_heard_is_in_the_log_of_a_process_that_must_end(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with scene() as s:
            s.ledger.fails = {"record": 10_000}
            engine = s.engine()
            engine.start(volley(*items("ali", "bea")))
            await until(lambda: bool(s.peer.messages))
            await engine.stop(grace_seconds=0.1, settle_seconds=0.1)
            assert not engine.busy

    play(story())
    assert "the ledger was not told: 1/1 ACCEPTED 250" in caplog.text


def test_a_lost_lease_hangs_up_at_once(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": SILENCE}) as s:
            patient(s, dot=60)
            s.ledger.refuse_renewal = True
            engine = s.engine()
            engine.start(volley(*items("ali", "bea"), lease_seconds=0.9))
            await until(lambda: bool(s.ledger.closed))
            assert s.outcomes() == {"ali": X} and s.returned() == ["bea"]
            await engine.stop()

    play(story())


def test_a_renewal_asked_before_an_exchange_does_not_fence_the_new_volley(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            session = s.session(volley(*items("ali"), number=2))
            session.hear_renewal(asked={1}, granted=frozenset(), asked_at=elapsed_seconds())
            await session.run()
            assert s.outcomes() == {"ali": A}

    play(story())


def test_without_a_database_leases_run_out_and_the_sessions_stop(play: Play) -> None:
    async def story() -> None:
        async with scene({"DOT": Late("250 ok", 0.05)}) as s:
            s.ledger.fails = {"renew": 1000}
            engine = s.engine()
            engine.start(volley(*(item(f"n{n}", n) for n in range(1, 15)), lease_seconds=0.3))
            await until(lambda: bool(s.ledger.closed))
            assert 0 < len(s.peer.messages) < 14
            assert len(s.returned()) + len(s.outcomes()) == 14
            await engine.stop()

    play(story())
