"""Every mood, met by a stranger's client."""

import smtplib
import time
from pathlib import Path

import pytest

from rida.town.beside import beside
from rida.town.counters import Kind
from rida.town.events import read_events
from rida.town.plan import ACCEPT, AfterDot, Mood, Plan, default
from rida.town.server import Town
from rida.town.tests.visitor import Raw, letter, polite, until

SENDER, TO = "a@sender.example", "amal@rose-mail.example"


def moody(mood: Mood) -> Plan:
    return default().with_moods(rose_mail=mood)


def send(town: Town, to: str = TO) -> tuple[int, bytes]:
    """One message over one connection: the first reply that is not friendly, else the last."""
    with polite(town, "rose-mail") as visitor:
        visitor.ehlo()
        code, text = visitor.mail(SENDER)
        if code == 250:
            code, text = visitor.rcpt(to)
        return visitor.data(letter()) if code == 250 else (code, text)


def test_accept_takes_everything(tmp_path: Path) -> None:
    with beside(moody(ACCEPT), tmp_path) as town:
        assert [send(town)[0] for _ in range(5)] == [250] * 5
        assert len(town.inboxes.letters(TO)) == 5


@pytest.mark.parametrize(
    ("local", "replies"),
    [
        ("gone-girl", [(550, b"5.1.1"), (550, b"5.1.1")]),
        ("GONE", [(550, b"5.1.1")]),
        ("full-house", [(452, b"4.2.2"), (452, b"4.2.2")]),
        ("fullonce-amal", [(452, b"4.2.2"), (250, b"2.0.0"), (250, b"2.0.0")]),
        ("begone", [(250, b"2.0.0")]),
    ],
)
def test_some_mailboxes_are_gone_or_full_everywhere(
    tmp_path: Path, local: str, replies: list[tuple[int, bytes]]
) -> None:
    with beside(default(), tmp_path) as town:
        heard = [send(town, f"{local}@rose-mail.example") for _ in replies]
    assert [(code, text[:5]) for code, text in heard] == replies
    refused = [event for event in read_events(tmp_path) if event.kind is Kind.REFUSED]
    assert len(refused) == sum(code != 250 for code, _ in replies)


def test_greylist_lets_a_triplet_in_after_its_time(tmp_path: Path) -> None:
    with beside(moody(Mood(greylist_seconds=0.3)), tmp_path) as town:
        code, text = send(town)
        assert (code, text[:5]) == (451, b"4.7.1")
        assert send(town)[0] == 451
        time.sleep(0.35)
        assert send(town)[0] == 250
        assert send(town)[0] == 250
        assert send(town, "other@rose-mail.example")[0] == 451


def test_rate_limit_says_421_and_hangs_up_until_the_window_has_passed(tmp_path: Path) -> None:
    with beside(moody(Mood(rate=3, rate_seconds=0.5)), tmp_path) as town:
        assert [send(town)[0] for _ in range(3)] == [250] * 3
        with Raw(town, "rose-mail") as visitor:
            visitor.opened()
            assert visitor.asked(b"MAIL FROM:<a@sender.example>\r\n").startswith("421 4.7.0")
            assert visitor.reply() == ""
        time.sleep(0.55)
        assert send(town)[0] == 250
        tally = town.tally("rose-mail")
        assert (tally.kinds[Kind.MAIL], tally.kinds[Kind.ACCEPTED]) == (5, 4)


def test_slow_takes_its_time_at_each_step(tmp_path: Path) -> None:
    with beside(moody(Mood(step_seconds=0.1)), tmp_path) as town:
        start = time.monotonic()
        assert send(town)[0] == 250
        assert time.monotonic() - start >= 0.55  # greeting, EHLO, MAIL, RCPT, DATA, dot
        with Raw(town, "rose-mail") as visitor:
            visitor.opened().say(b"NOOP\r\nNOOP\r\nQUIT\r\n")
            assert [visitor.reply()[:3] for _ in range(4)] == ["250", "250", "221", ""]


def test_closed_refuses_the_connection(tmp_path: Path) -> None:
    with beside(default(), tmp_path) as town, pytest.raises(ConnectionRefusedError):
        polite(town, "sunset-closed")


def test_busy_says_421_instead_of_hello(tmp_path: Path) -> None:
    with beside(default(), tmp_path) as town:
        for _ in range(2):
            with pytest.raises(smtplib.SMTPConnectError) as refused:
                polite(town, "busy-line")
            assert refused.value.smtp_code == 421


def test_siesta_opens_after_some_have_knocked(tmp_path: Path) -> None:
    with beside(moody(Mood(turns_away=2)), tmp_path) as town:
        for _ in range(2):
            with pytest.raises(smtplib.SMTPConnectError):
                send(town)
        assert send(town)[0] == 250


def test_drop_takes_the_message_and_cuts_the_line(tmp_path: Path) -> None:
    with beside(moody(Mood(after_dot=AfterDot.DROP)), tmp_path) as town:
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send(town)
        assert len(town.inboxes.letters(TO)) == 1


def test_only_every_so_manieth_message_is_dropped(tmp_path: Path) -> None:
    with beside(moody(Mood(after_dot=AfterDot.DROP, after_dot_every=2)), tmp_path) as town:
        assert send(town)[0] == 250
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send(town)
        assert send(town)[0] == 250


def test_hang_takes_the_message_and_never_answers(tmp_path: Path) -> None:
    with beside(moody(Mood(after_dot=AfterDot.HANG)), tmp_path) as town:
        visitor = polite(town, "rose-mail", timeout=0.3)
        visitor.ehlo()
        visitor.mail(SENDER)
        visitor.rcpt(TO)
        with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
            visitor.data(letter())
        visitor.close()
        assert len(town.inboxes.letters(TO)) == 1
        assert until(lambda: town.tally("rose-mail").open_now == 0)


def test_fast_keeps_nothing_but_its_totals(tmp_path: Path) -> None:
    with beside(default(), tmp_path) as town:
        with polite(town, "fast-lane") as visitor:
            visitor.sendmail(SENDER, ["amal@fast-lane.example"], letter())
        assert town.tally("fast-lane").kinds[Kind.ACCEPTED] == 1
        assert town.inboxes.networks() == []
    assert read_events(tmp_path) == []


def test_a_full_disk_is_a_452_not_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rida.town.inbox.Postman.deliver", full)
    with beside(default(), tmp_path) as town:
        code, text = send(town)
    assert (code, text[:5]) == (452, b"4.3.1")
    assert not any(event.kind is Kind.ACCEPTED for event in read_events(tmp_path))


def test_one_socket_after_another_never_counts_as_two(tmp_path: Path) -> None:
    with beside(default(), tmp_path, window_seconds=60) as town:
        for _ in range(300):
            Raw(town, "rose-mail").__exit__(None, None, None)
        assert until(lambda: town.tally("rose-mail").kinds[Kind.CLOSE] == 300)
        assert town.tally("rose-mail").max_at_once == 1


def test_sockets_held_open_count_together(tmp_path: Path) -> None:
    with beside(default(), tmp_path) as town:
        held = [Raw(town, "rose-mail").opened() for _ in range(7)]
        assert town.tally("rose-mail").max_at_once == 7
        for visitor in held:
            visitor.__exit__(None, None, None)
        assert until(lambda: town.tally("rose-mail").open_now == 0)
