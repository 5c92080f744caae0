"""`rida bench town [DELIVERIES]`: the whole path into the town's fast receivers, by one worker.

Claim, permission, render, SMTP, durable outcome, on this machine with its own database. The clock runs from the first
outcome to the last, by the database; limits are lifted, so the machine is what bounds it. Plain SMTP, nothing signed.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.mail import NETWORKS, launch, lift_limits, workspace_of, write_out
from bench.watching import watch, workers


def measure(deliveries: str = "10000") -> dict[str, Any]:
    """Figures by name; seconds, messages a second, CPU ms a message, MB. AssertionError if the worker stands still."""
    from rida.cli.laboratory import throw_away_home

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever ends us early gets a tidy machine too
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
        process.wait(30)


def _measure(home: Path, deliveries: int) -> dict[str, Any]:
    launch_id = launch(workspace_of(home, deliveries))
    write_out(launch_id)
    lift_limits()
    with workers(1) as at_work:
        found = watch(at_work, home, launch_id, deliveries)
    return {
        "count": deliveries,
        "seconds": round(found.seconds, 2),
        "messages_per_second": round(found.messages_per_second, 1),
        "cpu_ms_per_message": round(found.cpu_a_message * 1e3, 3),
        "database_cpu_ms_per_message": round(found.database_cpu / deliveries * 1e3, 3),
        "peak_rss_mb": round(found.peak_rss_mb, 1),
        "rss_mb_at_first_message": round(found.rss_mb_at_first_message, 1),
        "networks": NETWORKS,
    }
