"""`rida bench send [DELIVERIES]`: the whole path into the town's fast receivers, by one worker.

Claim, permission, render, SMTP, durable outcome, on this machine with its own database. The clock runs from the first
message to the last outcome; limits are lifted, so the machine is what bounds it. Plain SMTP, nothing signed.
"""

import csv
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

NETWORKS = 40
_LONGEST_SECONDS = 600


def measure(deliveries: str = "10000") -> dict[str, Any]:
    """Figures by name; seconds, messages a second, CPU microseconds a message, MB."""
    from rida.cli.laboratory import throw_away_home

    with throw_away_home("bench", url="http://127.0.0.1:9", log="ERROR") as home, _town(home):
        return _measure(home, int(deliveries))


@contextmanager
def _town(home: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "rida.town", "--folder", str(home / "town"), "--plan", f"fast:{NETWORKS}"]
    process = subprocess.Popen(command)
    try:
        while not (home / "town" / "town.json").exists():
            assert process.poll() is None, "the town did not start"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _measure(home: Path, deliveries: int) -> dict[str, Any]:
    launch_id = _launch(home, deliveries)
    _write_out(launch_id)
    worker = subprocess.Popen([sys.executable, "-m", "rida.cli", "worker"])
    try:
        return _watch(psutil.Process(worker.pid), launch_id, deliveries)
    finally:
        worker.terminate()
        worker.wait(30)


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


def _watch(worker: psutil.Process, launch_id: int, deliveries: int) -> dict[str, Any]:
    from rida.outbox.models import Launch
    from rida.reports.queries import totals

    started, cpu_before, peak, database = None, 0.0, 0, _database_cpu()
    deadline = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < deadline:
        peak = max(peak, worker.memory_info().rss)
        if started is None and totals(launch_id).waiting < deliveries:
            started, cpu_before, database = time.monotonic(), _cpu(worker), _database_cpu()
            waiting_at_start = totals(launch_id).waiting
        if Launch.objects.filter(pk=launch_id).exclude(finished_at=None).exists() or not totals(launch_id).waiting:
            break
        time.sleep(0.1)
    assert started is not None, "the worker sent nothing"
    seconds, sent = time.monotonic() - started, waiting_at_start
    total = totals(launch_id)
    return {
        "deliveries": deliveries,
        "accepted": total.accepted,
        "doubtful": total.doubtful,
        "seconds": seconds,
        "messages_per_second": sent / seconds,
        "worker_cpu_us_per_message": (_cpu(worker) - cpu_before) / sent * 1e6,
        "database_cpu_us_per_message": (_database_cpu() - database) / sent * 1e6,
        "worker_peak_rss_mb": peak / 2**20,
        "networks": NETWORKS,
    }


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _database_cpu() -> float:
    """All PostgreSQL processes of this machine; on a quiet one they are ours."""
    total = 0.0
    for process in psutil.process_iter(["name", "cpu_times"]):
        if process.info["name"] == "postgres" and process.info["cpu_times"]:
            total += process.info["cpu_times"].user + process.info["cpu_times"].system
    return total
