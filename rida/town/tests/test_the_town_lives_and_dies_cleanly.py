"""The town as a process: ready, found, counted, gone; and never seen from outside."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rida.kernel.errors import SettingError
from rida.town.beside import beside
from rida.town.card import TownCard, read_card, read_totals
from rida.town.counters import Kind, max_at_once, max_in_window
from rida.town.events import EventLog, read_events
from rida.town.plan import Host, Plan, default, many, named
from rida.town.server import Town
from rida.town.tests.visitor import Raw, letter, polite, until


@contextmanager
def own_process(folder: Path, *arguments: str) -> Iterator[tuple["subprocess.Popen[bytes]", TownCard]]:
    command = [sys.executable, "-m", "rida.town", "--folder", str(folder), *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            yield process, _card(process, folder)
        finally:
            process.kill()


def _card(process: "subprocess.Popen[bytes]", folder: Path) -> TownCard:
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        if card := read_card(folder):
            return card
        time.sleep(0.02)
    raise AssertionError(process.stderr.read() if process.poll() is not None and process.stderr else "not ready")


def test_a_process_of_its_own_takes_mail_until_sigterm(tmp_path: Path) -> None:
    with own_process(tmp_path, "--plan", "many:5") as (process, card):
        assert card.pid == process.pid
        assert card.network_at("127.10.3.0/24") == "net-3"
        town = Town(many(5), tmp_path)
        town.card = card
        with polite(town, "net-2") as visitor:
            visitor.sendmail("a@sender.example", ["amal@d1.net-2.example"], letter())
        # Not a matter of the end of the process: the log is with the kernel while it lives.
        assert until(lambda: kinds(tmp_path) == [Kind.OPEN, Kind.MAIL, Kind.ACCEPTED, Kind.CLOSE])
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert read_card(tmp_path) is None
    assert read_totals(tmp_path)["net-2"]["accepted"] == 1
    assert len(town.inboxes.letters("amal@d1.net-2.example")) == 1


def test_the_death_of_a_sender_is_seen_and_logged(tmp_path: Path) -> None:
    script = "import socket,sys,time; s=socket.create_connection((sys.argv[1],int(sys.argv[2]))); time.sleep(60)"
    with beside(default(), tmp_path) as town:
        address = town.plan.networks[0].hosts[0].address
        with subprocess.Popen([sys.executable, "-c", script, address, str(town.port)]) as sender:
            assert until(lambda: town.tally("rose-mail").open_now == 1)
            os.kill(sender.pid, signal.SIGKILL)
        assert until(lambda: kinds(tmp_path) == [Kind.OPEN, Kind.CLOSE])


def kinds(folder: Path) -> list[Kind]:
    return [event.kind for event in read_events(folder)]


def test_live_figures_and_the_log_agree(tmp_path: Path) -> None:
    with beside(default(), tmp_path, window_seconds=0.2) as town:
        for burst in (3, 5, 2):
            held = [Raw(town, "rose-mail").opened() for _ in range(burst)]
            for visitor in held:
                visitor.asked(b"MAIL FROM:<a@sender.example>\r\n")
            for visitor in held:
                visitor.__exit__(None, None, None)
            time.sleep(0.25)
        tally = town.tally("rose-mail")
    events = read_events(tmp_path)
    assert tally.max_at_once == max_at_once(events, "rose-mail") == 5
    assert tally.max_in_window == max_in_window(events, "rose-mail", 0.2)
    assert max_in_window(events, "rose-mail", 60) == 10
    assert read_totals(tmp_path)["rose-mail"]["max_at_once"] == 5


def test_visitors_still_inside_are_shown_out_and_counted(tmp_path: Path) -> None:
    with beside(default(), tmp_path) as town:
        held = [Raw(town, "rose-mail").opened() for _ in range(3)]
    for visitor in held:
        visitor.__exit__(None, None, None)
    seen = kinds(tmp_path)
    assert (seen.count(Kind.OPEN), seen.count(Kind.CLOSE)) == (3, 3)


def test_a_new_town_starts_a_new_log(tmp_path: Path) -> None:
    for _ in range(2):
        with beside(default(), tmp_path) as town, polite(town, "rose-mail"):
            pass
    assert len(read_events(tmp_path)) == 2
    assert (tmp_path / "events.old.jsonl").exists()


def test_half_a_line_is_no_event_yet(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log.close()
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'[1,"rose","mail","","",""]\n[2,"rose","ma')
    assert [event.at_ns for event in read_events(tmp_path)] == [1]


def test_an_empty_folder_has_no_events_no_card_and_no_totals(tmp_path: Path) -> None:
    assert (read_events(tmp_path), read_card(tmp_path), read_totals(tmp_path)) == ([], None, {})


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "10.0.0.1"])
def test_an_address_outside_loopback_is_refused(tmp_path: Path, address: str) -> None:
    rose = replace(default().networks[0], hosts=(Host("mx1.rose-mail.example", address),))
    with pytest.raises(SettingError, match="stays on this machine"):
        asyncio.run(_open_and_close(Plan((rose,)), tmp_path))


def test_a_taken_port_is_named_and_nothing_stays_open(tmp_path: Path) -> None:
    with socket.create_server(("127.10.1.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=f"port {port}"):
            asyncio.run(_open_and_close(default(), tmp_path, port))
    assert read_card(tmp_path) is None


async def _open_and_close(plan: Plan, folder: Path, port: int = 0) -> None:
    async with Town(plan, folder, port):
        raise AssertionError("the town must not open")


@pytest.mark.parametrize("text", ["", "village", "many", "many:0", "many:x", "many:5:x", "fast:-1", "many:999999999"])
def test_a_plan_nobody_knows_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="--plan"):
        named(text)


def test_plans_are_known_by_name() -> None:
    assert named("default") == default()
    assert named("many:20:7") == many(20, seed=7)
    assert not any(network.mood.keeps for network in named("fast:3").networks)


def test_two_hundred_networks_open_in_a_moment(tmp_path: Path) -> None:
    start = time.monotonic()
    with beside(many(200), tmp_path) as town, polite(town, "net-200") as visitor:
        assert visitor.noop()[0] == 250
    assert time.monotonic() - start < 10
