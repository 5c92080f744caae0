"""Encryption and login before the first MAIL, as the route demands them; over real sockets."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace

import pytest

from rida.delivery.ports import Host
from rida.delivery.route import Door, Login, Tls
from rida.delivery.tests.authority import HOST, authority
from rida.delivery.tests.conftest import Play
from rida.delivery.tests.peer import PIPELINED, SILENCE, Raw, Say
from rida.delivery.tests.scene import QUICK, Scene, items, letter, scene, volley
from rida.kernel.errors import SettingError
from rida.kernel.reply import Outcome

OFFERED = PIPELINED.replace("250 SIZE", "250-STARTTLS\n250 SIZE")
BOTH = "250-peer.test\n250-STARTTLS\n250-AUTH PLAIN LOGIN\n250 8BITMIME"
Script = Mapping[str, Say | list[Say]]
ALL = {"ali": Outcome.ACCEPTED, "bea": Outcome.ACCEPTED}
NONE = {"ali": Outcome.DEFERRED, "bea": Outcome.DEFERRED}


def door(tls: Tls, login: Login | None = None, *, known: bool = True) -> Door:
    return Door("mail.rida.test", tls, login, authority().pem if known else "")


def at(s: Scene, door: Door, host: str = HOST) -> Scene:
    """127.0.0.1 under the name that the certificate shall be held against."""
    return replace(s, door=door, hosts=(Host(host, ("127.0.0.1",), s.peer.port),))


def verbs(s: Scene) -> list[str]:
    return [kind for kind, *_ in s.peer.story if kind.isupper() or kind == "encrypted"]


@pytest.mark.parametrize("tls", [Tls.OPPORTUNISTIC, Tls.REQUIRED])
def test_an_offered_encryption_is_used_and_the_dialogue_begins_anew(play: Play, tls: Tls) -> None:
    async def story() -> None:
        async with scene({"EHLO": [OFFERED, PIPELINED]}, tls=authority().server()) as s:
            assert await at(s, door(tls)).play(volley(*items("ali", "bea"))) == ALL
            assert verbs(s)[:4] == ["EHLO", "STARTTLS", "encrypted", "EHLO"]
            assert [message.content for message in s.peer.messages] != []

    play(story())


def test_implicit_tls_speaks_only_behind_encryption(play: Play) -> None:
    async def story() -> None:
        async with scene({"EHLO": OFFERED}, tls=authority().server(), tls_from_the_start=True) as s:
            assert await at(s, door(Tls.IMPLICIT)).play(volley(*items("ali", "bea"))) == ALL
            assert "STARTTLS" not in verbs(s)

    play(story())


def test_what_was_injected_in_plain_text_after_starttls_is_discarded(play: Play) -> None:
    """CVE-2011-0411: else the injected lines would be taken for the answers to what we say behind encryption."""
    injected = Raw(b"220 go\r\n250-evil.test\r\n250-AUTH PLAIN\r\n250 SIZE 1\r\n250 ok\r\n")

    async def story() -> None:
        async with scene({"EHLO": [OFFERED, PIPELINED], "STARTTLS": injected}, tls=authority().server()) as s:
            assert await at(s, door(Tls.REQUIRED)).play(volley(*items("ali", "bea"))) == ALL
            assert [message.mail.split()[1:] for message in s.peer.messages] == [["SIZE=47"]] * 2

    play(story())


STRANGE = [
    ("nobody vouches for it", HOST, 1, False),
    ("another name", "mx.other.test", 1, True),
    ("its time is over", HOST, -1, True),
]


@pytest.mark.parametrize(("what", "host", "days", "known"), STRANGE, ids=[row[0] for row in STRANGE])
@pytest.mark.parametrize("at_once", [False, True], ids=["starttls", "implicit"])
def test_a_required_proof_that_fails_sends_nothing(
    play: Play, what: str, host: str, days: int, known: bool, at_once: bool
) -> None:
    async def story() -> None:
        server = authority().server(host, days)
        async with scene({"EHLO": OFFERED}, tls=server, tls_from_the_start=at_once) as s:
            stage = at(s, door(Tls.IMPLICIT if at_once else Tls.REQUIRED, known=known))
            assert await stage.play(volley(*items("ali", "bea"))) == NONE
            assert s.peer.messages == [] and stage.attempted() == 0
            assert stage.reply("ali") == ("starttls", 0)

    play(story())


@pytest.mark.parametrize(("what", "host", "days", "known"), STRANGE, ids=[row[0] for row in STRANGE])
def test_between_strangers_any_certificate_will_do(play: Play, what: str, host: str, days: int, known: bool) -> None:
    async def story() -> None:
        async with scene({"EHLO": [OFFERED, PIPELINED]}, tls=authority().server(host, days)) as s:
            stage = at(s, door(Tls.OPPORTUNISTIC, known=known))
            assert await stage.play(volley(*items("ali", "bea"))) == ALL
            assert "encrypted" in verbs(s)

    play(story())


NO_ENCRYPTION: list[tuple[str, Script]] = [
    ("not offered", {"EHLO": PIPELINED}),
    ("refused for now", {"EHLO": OFFERED, "STARTTLS": "454 4.7.0 TLS not available"}),
    ("not known after all", {"EHLO": OFFERED, "STARTTLS": "502 what?"}),
    ("the handshake fails", {"EHLO": OFFERED, "STARTTLS": ["220 go", "454 not twice"]}),
]


@pytest.mark.parametrize(("what", "script"), NO_ENCRYPTION, ids=[row[0] for row in NO_ENCRYPTION])
def test_required_encryption_that_cannot_be_had_sends_nothing(play: Play, what: str, script: Script) -> None:
    async def story() -> None:
        async with scene(script) as s:
            stage = at(s, door(Tls.REQUIRED))
            assert await stage.play(volley(*items("ali", "bea"))) == NONE
            assert s.peer.messages == [] and stage.reply("bea")[0] == "starttls"

    play(story())


@pytest.mark.parametrize(("what", "script"), NO_ENCRYPTION, ids=[row[0] for row in NO_ENCRYPTION])
def test_opportunistic_encryption_that_cannot_be_had_costs_no_mail(play: Play, what: str, script: Script) -> None:
    async def story() -> None:
        async with scene(script) as s:
            assert await at(s, door(Tls.OPPORTUNISTIC)).play(volley(*items("ali", "bea"))) == ALL

    play(story())


# --- login ------------------------------------------------------------------------------------------------------------

ROSA = Login("rosa", "tulips")


def coded(text: str) -> str:
    return b64encode(text.encode()).decode()


PLAIN = coded("\0rosa\0tulips")
LOGINS: list[tuple[str, Script, list[str]]] = [
    ("plain", {"EHLO": BOTH}, ["PLAIN " + PLAIN]),
    ("plain, asked again", {"EHLO": BOTH, "AUTH": "334 "}, ["PLAIN " + PLAIN, PLAIN]),
    (
        "login",
        {"EHLO": BOTH.replace("PLAIN ", ""), "AUTH": "334 VXNlcm5hbWU6", "WORD": ["334 UGFzc3dvcmQ6", "235 ok"]},
        ["LOGIN", coded("rosa"), coded("tulips")],
    ),
    (
        "a server that never has enough",
        {"EHLO": BOTH, "AUTH": "334 ", "WORD": ["334 more", "501 5.7.0 cancelled"]},
        ["PLAIN " + PLAIN, PLAIN, "*"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("what", "script", "heard"), LOGINS, ids=[row[0] for row in LOGINS])
def test_we_log_in_behind_encryption(play: Play, what: str, script: Script, heard: list[str]) -> None:
    async def story() -> None:
        async with scene(script, tls=authority().server()) as s:
            outcomes = await at(s, door(Tls.REQUIRED, ROSA)).play(volley(*items("ali", "bea")))
            assert s.peer.seen("AUTH") + s.peer.seen("WORD") == heard
            assert verbs(s).index("encrypted") < verbs(s).index("AUTH")
            assert outcomes == (NONE if heard[-1] == "*" else ALL)

    play(story())


NO_LOGIN: list[tuple[str, Script, Tls]] = [
    ("a wrong password", {"EHLO": BOTH, "AUTH": "535 5.7.8 authentication failed"}, Tls.REQUIRED),
    ("not now", {"EHLO": BOTH, "AUTH": "454 4.7.0 temporary failure"}, Tls.REQUIRED),
    ("no mechanism in common", {"EHLO": BOTH.replace("PLAIN LOGIN", "CRAM-MD5")}, Tls.REQUIRED),
    ("encryption was refused", {"EHLO": BOTH, "STARTTLS": "454 no"}, Tls.OPPORTUNISTIC),
]


@pytest.mark.parametrize(("what", "script", "tls"), NO_LOGIN, ids=[row[0] for row in NO_LOGIN])
def test_a_login_that_fails_blames_no_recipient(play: Play, what: str, script: Script, tls: Tls) -> None:
    async def story() -> None:
        async with scene(script, tls=authority().server()) as s:
            stage = at(s, door(tls, ROSA))
            assert await stage.play(volley(*items("ali", "bea"))) == NONE
            assert stage.reply("ali")[0] == "auth" and s.peer.seen("MAIL") == []
            assert tls is Tls.REQUIRED or s.peer.seen("AUTH") == []

    play(story())


def test_the_password_is_not_shown_when_a_login_is() -> None:
    assert "tulips" not in repr(ROSA) and "tulips" not in repr(door(Tls.REQUIRED, ROSA))


# --- the relay ------------------------------------------------------------------------------------------------------


def test_a_relay_takes_what_goes_to_any_domain(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            stage = replace(s, hosts=(Host("mx.net.test", ("127.0.0.9",), 9),))
            stage.relay = (Host("relay.test", ("127.0.0.1",), s.peer.port),)
            assert await stage.play(volley(*items("ali", "bea"))) == ALL

    play(story())


def test_a_route_that_must_be_mended_first_lets_the_mail_wait_and_says_why(play: Play) -> None:
    async def story() -> None:
        async with scene() as s:
            stage = replace(s, mistake=SettingError(name="relay.test", reason="its password cannot be read"))
            assert await stage.play(volley(*items("ali", "bea"))) == NONE
            [why] = {result.reply.text for result in stage.ledger.results}
            assert "relay.test" in why and "password cannot be read" in why

    play(story())


# --- behind encryption a body's fate is judged as in the open -----------------------------------------------------


@pytest.mark.parametrize("at_once", [False, True], ids=["starttls", "implicit"])
@pytest.mark.parametrize("before", [0, 1])
def test_silence_after_the_dot_is_doubt_behind_encryption_too(play: Play, at_once: bool, before: int) -> None:
    """An encrypted transport once looked full when it was empty, at every other write: what may have arrived would have
    been sent again."""

    async def story() -> None:
        script: Script = {"EHLO": [OFFERED, PIPELINED], "DOT": [*["250 ok"] * before, SILENCE]}
        async with scene(script, tls=authority().server(), tls_from_the_start=at_once) as s:
            stage = at(s, door(Tls.IMPLICIT if at_once else Tls.REQUIRED))
            stage.manners = replace(stage.manners, patience=replace(QUICK, block=0.1, dot=0.4))
            await stage.play(volley(*items("ali", "bea")))
            last = stage.ledger.results[before]
            assert (last.outcome, last.reply.text) == (Outcome.DOUBTFUL, "the server did not answer in time")

    play(story())


@pytest.mark.parametrize("at_once", [False, True], ids=["starttls", "implicit"])
def test_a_body_that_never_left_is_no_doubt_behind_encryption_either(play: Play, at_once: bool) -> None:
    async def story() -> None:
        offers: Script = {"EHLO": [text.replace("SIZE 100000", "SIZE 0") for text in (OFFERED, PIPELINED)]}
        async with scene(offers, tls=authority().server(), tls_from_the_start=at_once) as s:
            s.peer.deaf_after = "DATA"
            stage = at(s, door(Tls.IMPLICIT if at_once else Tls.REQUIRED))
            stage.manners = replace(stage.manners, patience=replace(QUICK, block=0.3, dot=5))
            stage.letters = {"ali@net.test": letter("ali@net.test", b"x" * 20_000_000 + b"\r\n")}
            await asyncio.wait_for(stage.session(volley(*items("ali"))).run(), 8)
            assert stage.outcomes() == {"ali": Outcome.DEFERRED} and stage.reply("ali") == ("data", 0)

    play(story())
