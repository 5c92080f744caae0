"""The dialogue of a message that asks for it: whole enough to be read, without secrets, content or others' messages."""

from base64 import b64encode
from dataclasses import replace

import pytest

from rida.delivery.ports import Host, Item
from rida.delivery.route import Door, Login, Tls
from rida.delivery.tests.authority import HOST, authority
from rida.delivery.tests.conftest import Play
from rida.delivery.tests.peer import DROP, PIPELINED, STEP_BY_STEP, Say
from rida.delivery.tests.scene import Scene, item, scene, volley
from rida.delivery.trace import HIDDEN, By, Line, Trace
from rida.kernel.reply import Outcome

OFFERED = PIPELINED.replace("250 SIZE", "250-STARTTLS\n250 SIZE")
PASSWORD = "tulips in May"
ROSA = Login("rosa", PASSWORD)


def read_item(name: str = "ali", n: int = 1) -> Item:
    return replace(item(name, n), traced=True)


def dialogue(s: Scene, name: str = "ali") -> list[str]:
    [result] = [one for one in s.ledger.results if one.item.address.startswith(name)]
    return [_spelled(line) for line in result.dialogue]


def _spelled(line: Line) -> str:
    marks = {By.US: ">", By.THEM: "<", By.NOTE: "*"}
    return " ".join([marks[line.by], line.text, *(str(value) for value in line.params.values())])


@pytest.mark.parametrize("ehlo", [PIPELINED, STEP_BY_STEP], ids=["pipelined", "step by step"])
def test_it_reads_as_it_was_said(play: Play, ehlo: str) -> None:
    async def story() -> None:
        async with scene({"EHLO": ehlo}) as s:
            await s.play(volley(read_item()))
            read = dialogue(s)
            assert read[:2] == [f"* connected mx.net.test 127.0.0.1 {s.peer.port}", "< 220 peer.test ESMTP"]
            assert [line for line in read if line.startswith(">")] == [
                "> EHLO mail.rida.test",
                "> MAIL FROM:<bounce@rida.test>" + (" SIZE=47" if ehlo is PIPELINED else ""),
                "> RCPT TO:<ali@net.test>", "> DATA", "> .",
            ]  # fmt: skip
            assert read[-3:] == ["* content 50", "> .", "< 250 2.0.0 queued"]
            assert "Mother" not in " ".join(read)

    play(story())


def test_nobody_else_is_written_down(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            await s.play(volley(item("bea", 1), read_item("ali", 2), item("cem", 3)))
            assert "ali@net.test" in " ".join(dialogue(s)) and "bea" not in " ".join(dialogue(s))
            assert dialogue(s, "bea") == dialogue(s, "cem") == []

    play(story())


def test_another_senders_messages_on_the_same_connection_stay_their_own(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            s.ledger.waiting.extend([volley(read_item("ali", 2), number=2), volley(item("cem", 3), number=3)])
            await s.play(volley(item("bea", 1)))
            assert dialogue(s)[0] == "* open_already" and "bea" not in " ".join(dialogue(s))
            assert s.outcomes()["cem"] is Outcome.ACCEPTED and dialogue(s, "cem") == []

    play(story())


LOGINS: list[tuple[str, dict[str, Say | list[Say]]]] = [
    ("plain", {"EHLO": OFFERED.replace("250 SIZE", "250-AUTH PLAIN\n250 SIZE")}),
    ("plain, asked again", {"EHLO": OFFERED.replace("250 SIZE", "250-AUTH PLAIN\n250 SIZE"), "AUTH": "334 "}),
    (
        "login",
        {
            "EHLO": OFFERED.replace("250 SIZE", "250-AUTH LOGIN\n250 SIZE"),
            "AUTH": "334 VXNlcm5hbWU6",
            "WORD": ["334 UGFzc3dvcmQ6", "235 ok"],
        },
    ),
    (
        "a server that repeats it",
        {
            "EHLO": OFFERED.replace("250 SIZE", "250-AUTH PLAIN\n250 SIZE"),
            "AUTH": f"535 no: {PASSWORD} {b64encode(PASSWORD.encode()).decode()}",
        },
    ),
    (
        "a server that is no server",
        {
            "EHLO": OFFERED.replace("250 SIZE", "250-AUTH PLAIN\n250 SIZE"),
            "AUTH": f"you said {b64encode(f'{chr(0)}rosa{chr(0)}{PASSWORD}'.encode()).decode()}",
        },
    ),
]


@pytest.mark.parametrize(("what", "script"), LOGINS, ids=[row[0] for row in LOGINS])
def test_a_password_is_never_written_down(play: Play, what: str, script: dict[str, Say | list[Say]]) -> None:
    async def story() -> None:
        async with scene(script, tls=authority().server()) as s:
            door = Door("mail.rida.test", Tls.REQUIRED, ROSA, authority().pem)
            stage = replace(s, door=door, hosts=(Host(HOST, ("127.0.0.1",), s.peer.port),))
            await stage.play(volley(read_item()))
            read = "\n".join(dialogue(stage))
            assert "> AUTH " in read and HIDDEN in read
            assert PASSWORD not in read and "cm9zY" not in read  # rosa in base64 begins so
            for secret in (PASSWORD, f"\0rosa\0{PASSWORD}"):
                assert b64encode(secret.encode()).decode() not in read

    play(story())


def test_what_protects_the_connection_is_named(play: Play) -> None:
    async def story() -> None:
        async with scene({"EHLO": [OFFERED, PIPELINED]}, tls=authority().server()) as s:
            door = Door("mail.rida.test", Tls.REQUIRED, None, authority().pem)
            stage = replace(s, door=door, hosts=(Host(HOST, ("127.0.0.1",), s.peer.port),))
            await stage.play(volley(read_item()))
            read = dialogue(stage)
            [encrypted] = [line for line in read if line.startswith("* encrypted TLSv1.3")]
            assert encrypted.endswith(f" {HOST} yes")
            assert (
                read.index("> STARTTLS") < read.index(encrypted) < read.index("> MAIL FROM:<bounce@rida.test> SIZE=47")
            )

    play(story())


def test_why_no_connection_came_about_is_told(play: Play) -> None:
    async def story() -> None:
        async with scene({"GREETING": DROP}) as s:
            s.forbidden = frozenset(["127.0.0.9"])
            s.hosts = (Host("mx.net.test", ("127.0.0.9", "127.0.0.1"), s.peer.port),)
            await s.play(volley(read_item()))
            read = dialogue(s)
            assert read[0].startswith("* failed guard refused 127.0.0.9")
            assert read[1].startswith("* connected") and read[-1].startswith("* failed")

    play(story())


def test_a_server_that_talks_for_ever_fills_no_page() -> None:
    trace = Trace()
    for _ in range(1000):
        trace.heard(250, ["x" * 4000, "\x1b[31mred"])
    assert len(trace.lines) < 130 and trace.lines[-1] == Line(By.NOTE, "cut")
    assert max(len(line.text) for line in trace.lines) <= 400
    assert "\x1b" not in "".join(line.text for line in trace.lines)


def test_a_line_is_kept_and_read_again() -> None:
    trace = Trace()
    trace.note("content", bytes=12)
    assert [Line.from_json(line.to_json()) for line in trace.lines] == list(trace.lines)
