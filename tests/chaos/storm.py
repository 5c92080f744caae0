"""The real program under SIGKILL, SIGSTOP and the loss of its database; counted at the receivers.

    python tests/chaos/storm.py [--seconds 40] [--faulty] [--relay]

Four workers, one town, one embedded PostgreSQL, all real processes. Prints one JSON object. `--faulty` runs workers
whose permits count from the reservation (the negative control). `--relay` sends through a relay with TLS and a password
instead, whose account may have less than its networks together.
"""

import argparse
import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NETWORKS, WORKERS = 16, 4
BULK_EACH, URGENT_EACH = 90, 25
WINDOW_SECONDS, LEASE_SECONDS = 5.0, 3.0
R, C, V = 25, 10, 4
ACCOUNT_R, ACCOUNT_K = 140, 12
"""What a relay's account may have in a window, and connections at once: less than all the networks together."""
_LONGEST_SECONDS = 240


def main() -> None:
    arguments = _arguments()
    from rida.cli.laboratory import throw_away_home

    way = _by_relay if arguments.relay else _by_town
    times: dict[str, Any] = {"window_seconds": WINDOW_SECONDS, "lease_seconds": LEASE_SECONDS, "retry_seconds": "1,2"}
    quiet: dict[str, Any] = {"url": "https://bench.example", "node_silence_seconds": 4, "log": "CRITICAL"}
    with throw_away_home("storm", lab_nets="127.0.0.0/8", **times, **quiet) as home, way(home):
        figures = _storm(home, arguments.seconds, faulty=arguments.faulty, seed=arguments.seed)
    print(json.dumps(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--faulty", action="store_true")
    parser.add_argument("--relay", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


@contextmanager
def _by_town(home: Path) -> Iterator[None]:
    with _program("slow_town.py", home / "town", str(NETWORKS), str(WINDOW_SECONDS), ready="town.json"):
        yield


@contextmanager
def _by_relay(home: Path) -> Iterator[None]:
    """The town beside us answers for DNS only; what the relay saw lies where the town would have written it."""
    from rida.shaping.routes import Caps, RelaySettings
    from rida.town.plan import many
    from tests.chaos.mail import workspace_of
    from tests.chaos.relay import AUTHORITY_FILE, PORT_FILE
    from tests.relayed import dns, open_relay

    workspaces, folder = [workspace_of(urgent=urgent) for urgent in (False, True)], home / "town"
    folder.mkdir()
    with _program("relay.py", folder, ready=PORT_FILE), dns(home / "dns", many(NETWORKS), workspaces):
        port, pem = int((folder / PORT_FILE).read_text()), (folder / AUTHORITY_FILE).read_text()
        relay = RelaySettings("localhost", port, "required", "storm", authority=pem, messages_per_connection=12)
        open_relay(workspaces, relay, "a password", Caps(hour=ACCOUNT_R, connections=ACCOUNT_K))
        yield


@contextmanager
def _program(name: str, folder: Path, *arguments: str, ready: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, str(HERE / name), str(folder), *arguments], cwd=HERE.parent.parent)
    try:
        while not (folder / ready).exists():
            assert process.poll() is None, f"{name} did not start"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


# --- the mail -------------------------------------------------------------------------------------------------------


def _launch_everything() -> list[int]:
    """A bulk and an urgent launch over all networks, through the same services as the console."""
    from tests.chaos.mail import launch_to

    domains = [f"d1.net-{number}.example" for number in range(1, NETWORKS + 1)]
    bulk = launch_to(domains, BULK_EACH, urgent=False)
    urgent = launch_to(domains, URGENT_EACH, urgent=True)
    return [bulk, urgent]


def _limit_networks() -> None:
    """R and C as the test wants them; every fourth network sends single messages, so that C shows as open sockets."""
    from rida.shaping.models import Budget

    Budget.objects.update(r=R, c=C, k=C, v=V, pinned=True)
    for budget in Budget.objects.order_by("pk")[::4]:
        Budget.objects.filter(pk=budget.pk).update(v=1)


# --- the storm ------------------------------------------------------------------------------------------------------


def _worker(*, faulty: bool) -> "subprocess.Popen[bytes]":
    command = [str(HERE / "faulty_worker.py")] if faulty else ["-m", "rida.cli", "worker"]
    return subprocess.Popen([sys.executable, *command], start_new_session=True, stderr=subprocess.DEVNULL)


def _storm(home: Path, seconds: float, *, faulty: bool, seed: int) -> dict[str, Any]:
    launches = _launch_everything()
    rng, blows = random.Random(seed), Counter[str]()
    workers = [_worker(faulty=faulty) for _ in range(WORKERS)]
    started = time.monotonic()
    try:
        _wait(lambda: _materialised(launches), 60)
        _limit_networks()
        end = time.monotonic() + seconds
        database_dies_at = time.monotonic() + seconds / 2
        while time.monotonic() < end:
            time.sleep(rng.uniform(0.4, 1.2))
            if time.monotonic() > database_dies_at:
                _kill_database(home)
                blows["database"] += 1
                database_dies_at = math.inf
            else:
                _strike(workers, rng, blows, faulty=faulty)
        finished = _wait(lambda: _finished(launches), _LONGEST_SECONDS - seconds)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return _figures(home, launches, blows) | {"finished": finished, "seconds": round(time.monotonic() - started, 1)}


def _strike(workers: list["subprocess.Popen[bytes]"], rng: random.Random, blows: Counter[str], *, faulty: bool) -> None:
    place = rng.randrange(len(workers))
    victim = workers[place]
    if rng.random() < 0.5:
        victim.kill()
        victim.wait()
        workers[place] = _worker(faulty=faulty)
        blows["kill"] += 1
    else:
        victim.send_signal(signal.SIGSTOP)
        threading.Timer(rng.uniform(1, 5), _wake, [victim]).start()
        blows["stop"] += 1


def _wake(victim: "subprocess.Popen[bytes]") -> None:
    if victim.poll() is None:
        victim.send_signal(signal.SIGCONT)


def _kill_database(home: Path) -> None:
    pid = int((home / "postgresql").resolve().joinpath("data/postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)


def _wait(until: Any, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if _answers(until):
            return True
        time.sleep(0.5)
    return False


def _answers(question: Any) -> bool:
    """No answer while the database is away."""
    from django.db import Error, connection

    from rida.worker import revive_database

    try:
        return bool(question())
    except Error:
        connection.close()
        revive_database()
        return False


def _materialised(launches: list[int]) -> bool:
    from rida.outbox.models import Launch

    return all(launch.chunks_done == launch.chunks for launch in Launch.objects.filter(pk__in=launches))


def _finished(launches: list[int]) -> bool:
    from rida.outbox.models import Launch

    return not Launch.objects.filter(pk__in=launches, finished_at=None).exists()


# --- what the receivers saw -----------------------------------------------------------------------------------------


def _figures(home: Path, launches: list[int], blows: Counter[str]) -> dict[str, Any]:
    from rida.town.counters import Kind, by_network
    from rida.town.events import read_events

    events = sorted(read_events(home / "town"), key=lambda event: event.at_ns)
    tallies = by_network(events, WINDOW_SECONDS)
    account = tallies.pop("relay", None)
    received = Counter(event.message_id for event in events if event.kind is Kind.ACCEPTED)
    return {
        "blows": dict(blows),
        "r": R,
        "c": C,
        "v": V,
        "max_in_window": max(tally.max_in_window for tally in tallies.values()),
        "max_at_once": max(tally.max_at_once for tally in tallies.values()),
        "account_r": ACCOUNT_R,
        "account_k": ACCOUNT_K,
        "account_max_in_window": account.max_in_window if account else 0,
        "account_max_at_once": account.max_at_once if account else 0,
        "received": sum(received.values()),
        **_compare(launches, received),
    }


def _compare(launches: list[int], received: Counter[str]) -> dict[str, Any]:
    from tests.chaos.mail import ledger_rows

    rows = ledger_rows(launches)
    twice = {message_id for message_id, count in received.items() if count > 1}
    doubted = {row.message_id for row in rows if row.doubted}
    return {
        "queued": len(rows),
        "without_outcome": sum(row.outcome is None for row in rows),
        "doubtful": sum(row.outcome == "doubtful" for row in rows),
        "doubted": len(doubted),
        "accepted_but_never_received": sum(row.outcome == "accepted" and not received[row.message_id] for row in rows),
        "received_twice": len(twice),
        "received_twice_without_doubt": len(twice - doubted),
        "most_doubtful_in_a_volley": max(Counter(row.doubted for row in rows if row.doubted).values(), default=0),
    }


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent.parent))
    main()
