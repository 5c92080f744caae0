"""`rida bench send [DELIVERIES]`: the whole path into the town's fast receivers, by one worker.

Claim, permission, render, SMTP, durable outcome, on this machine with its own database. The clock runs from the first
outcome to the last, by the database; limits are lifted, so the machine is what bounds it. Plain SMTP, nothing signed.
"""

import csv
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

NETWORKS = 40
_START_SECONDS, _SLOWEST_PER_SECOND = 60, 50
"""It fails rather than take longer: so long to start, and so slow."""


def measure(deliveries: str = "10000") -> dict[str, Any]:
    """Figures by name; seconds, messages a second, CPU ms a message, MB. AssertionError if the worker stands still."""
    from rida.cli.laboratory import throw_away_home

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever ends us early gets a tidy machine too
    with throw_away_home("bench", url="http://127.0.0.1:9", log="ERROR") as home, _town(home):
        return _measure(home, int(deliveries))


@contextmanager
def _town(home: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "rida.town", "--folder", str(home / "town"), "--plan", f"fast:{NETWORKS}"]
    with _child(command) as process:
        while not (home / "town" / "town.json").exists():
            assert process.poll() is None, "the town did not start"
            time.sleep(0.05)
        yield


@contextmanager
def _child(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _measure(home: Path, deliveries: int) -> dict[str, Any]:
    launch_id = _launch(home, deliveries)
    _write_out(launch_id)
    database = psutil.Process(int((home / "postgresql" / "data" / "postmaster.pid").read_text().split()[0]))
    with _child([sys.executable, "-m", "rida.cli", "worker"]) as worker:
        return _watch(psutil.Process(worker.pid), database, launch_id, deliveries)


def _launch(home: Path, deliveries: int) -> int:
    """Customers by CSV, a campaign, preflight, launch: as a user would."""
    from rida.accounts.models import Workspace
    from rida.audience.services import add_topic, run_import, start_import
    from rida.campaign.models import Campaign
    from rida.kernel.clock import now
    from rida.outbox.services import examine, launch
    from tests.chaos.mail import identity

    workspace = Workspace.objects.create(slug="bench", name="Bench", profiles=["US"])
    topic = add_topic(workspace, "news", "News")
    path = home / "customers.csv"
    _write_customers(path, deliveries)
    run_import(start_import(workspace, None, path, path.name, topic=topic, now=now()).pk, now())
    campaign = Campaign.objects.create(
        workspace=workspace,
        name="Bench",
        identity=identity(workspace),
        topic=topic,
        message_class="commercial",
        subject="News for {{ name }}",
        body="Hello {{ name }},\n\n" + "here is a line of the news that everybody waits for. " * 40,
    )
    examine(campaign, None, now())
    return launch(campaign, None, now()).pk


def _write_customers(path: Path, count: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "name", "last_purchase_at"])
        for number in range(count):
            writer.writerow([f"p{number}@d1.net-{number % NETWORKS + 1}.example", f"Person {number}", "2026-03-01"])


def _write_out(launch_id: int) -> None:
    """Deliveries are written before the clock starts, and limits lifted."""
    from rida.outbox.models import Chunk
    from rida.outbox.tickets import materialise
    from rida.shaping.models import Budget

    while Chunk.objects.filter(launch=launch_id, done=False).exists():
        materialise(launch_id=launch_id)
    # Pinned: a worker that starts gives every other budget its provider's limits back.
    Budget.objects.update(r=1_000_000, c=100, k=10, v=20, next_due=0, pinned=True)


def _watch(worker: psutil.Process, database: psutil.Process, launch_id: int, deliveries: int) -> dict[str, Any]:
    """Asks the database little while the worker works: counting outcomes would be half of what is measured."""
    from rida.reports.queries import totals

    deadline = time.monotonic() + _START_SECONDS + deliveries / _SLOWEST_PER_SECOND
    _wait(worker, deadline, _has_begun)
    before = _Spent.now(worker, database)
    peak = _wait(worker, deadline, lambda: _is_finished(launch_id))
    after, total, seconds = _Spent.now(worker, database), totals(launch_id), _seconds()
    assert total.accepted == deliveries, f"not every message was accepted: {total}"
    return {
        "count": deliveries,
        "seconds": round(seconds, 2),
        "messages_per_second": round(deliveries / seconds, 1),
        "cpu_ms_per_message": round((after.worker - before.worker) / deliveries * 1e3, 3),
        "database_cpu_ms_per_message": round((after.database - before.database) / deliveries * 1e3, 3),
        "peak_rss_mb": round(peak, 1),
        "rss_mb_at_first_message": round(before.resident_mb, 1),
        "accepted": total.accepted,
        "doubtful": total.doubtful,
        "networks": NETWORKS,
    }


def _wait(worker: psutil.Process, deadline: float, done: Callable[[], bool]) -> float:
    """The most memory that was seen, in MB."""
    peak = 0.0
    while not done():
        assert worker.is_running(), "the worker ended"
        assert time.monotonic() < deadline, "the worker stands still"
        peak = max(peak, _resident_mb(worker))
        time.sleep(0.05)
    return max(peak, _resident_mb(worker))


def _has_begun() -> bool:
    from rida.dispatch.models import OutcomeRow

    return OutcomeRow.objects.exists()


def _is_finished(launch_id: int) -> bool:
    from rida.outbox.models import Launch

    return Launch.objects.filter(pk=launch_id).exclude(finished_at=None).exists()


def _seconds() -> float:
    from django.db.models import Max, Min

    from rida.dispatch.models import OutcomeRow

    ends = OutcomeRow.objects.aggregate(first=Min("at"), last=Max("at"))
    return max(1, int(ends["last"]) - int(ends["first"])) / 1000


@dataclass(frozen=True, slots=True)
class _Spent:
    """CPU seconds so far, and memory now."""

    worker: float
    database: float
    resident_mb: float

    @classmethod
    def now(cls, worker: psutil.Process, database: psutil.Process) -> "_Spent":
        family = [database, *database.children()]
        return cls(_cpu(worker), sum(map(_cpu, family)) + _cpu_of_the_gone(database), _resident_mb(worker))


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


def _cpu_of_the_gone(parent: psutil.Process) -> float:
    times = parent.cpu_times()
    return times.children_user + times.children_system


def _resident_mb(process: psutil.Process) -> float:
    return process.memory_info().rss / 2**20
