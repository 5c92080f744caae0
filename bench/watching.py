"""Worker processes and their database while they send: CPU, memory, and the time from the first outcome to the last.

Asks the database little while the workers work: counting outcomes would be half of what is measured.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.spent import cpu_seconds, database_cpu_seconds

_START_SECONDS, _SLOWEST_PER_SECOND = 60, 50
"""It fails rather than take longer: so long to start, and so slow."""


@dataclass(frozen=True, slots=True)
class Figures:
    """cpu: seconds of all workers; database_cpu: of the database. peak_rss_mb: of the largest worker."""

    messages: int
    seconds: float
    cpu: float
    database_cpu: float
    peak_rss_mb: float
    rss_mb_at_first_message: float

    @property
    def messages_per_second(self) -> float:
        return self.messages / self.seconds

    @property
    def cpu_a_message(self) -> float:
        return self.cpu / self.messages


@contextmanager
def workers(count: int) -> Iterator[list[psutil.Process]]:
    """So many of them; gone when the block ends."""
    command = [sys.executable, "-m", "rida.cli", "worker"]
    started = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield [psutil.Process(process.pid) for process in started]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            _bury(process)


def _bury(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def watch(at_work: Sequence[psutil.Process], home: Path, launch_id: int, deliveries: int) -> Figures:
    """To the end of the launch, of which every message must be accepted. AssertionError if a worker stands still."""
    from rida.reports.queries import totals

    deadline = time.monotonic() + _START_SECONDS + deliveries / _SLOWEST_PER_SECOND
    _wait(at_work, deadline, lambda: _has_begun(launch_id))
    before = _Spent.now(at_work, home)
    peak = _wait(at_work, deadline, lambda: _is_finished(launch_id))
    after, total = _Spent.now(at_work, home), totals(launch_id)
    assert total.accepted == deliveries, f"not every message was accepted: {total}"
    spent = (after.workers - before.workers, after.database - before.database)
    return Figures(deliveries, _seconds(launch_id), *spent, peak, before.resident_mb)


def _wait(at_work: Sequence[psutil.Process], deadline: float, done: Callable[[], bool]) -> float:
    """The most memory that was seen in one worker, in MB."""
    peak = 0.0
    while not done():
        assert all(worker.is_running() for worker in at_work), "a worker ended"
        assert time.monotonic() < deadline, "the workers stand still"
        peak = max(peak, _resident_mb(at_work))
        time.sleep(0.05)
    return max(peak, _resident_mb(at_work))


def _has_begun(launch_id: int) -> bool:
    from rida.dispatch.models import OutcomeRow

    return OutcomeRow.objects.filter(tranche__launch=launch_id).exists()


def _is_finished(launch_id: int) -> bool:
    from rida.outbox.models import Launch

    return Launch.objects.filter(pk=launch_id).exclude(finished_at=None).exists()


def _seconds(launch_id: int) -> float:
    """By the database's clock, between outcomes."""
    from django.db.models import Max, Min

    from rida.dispatch.models import OutcomeRow

    ends = OutcomeRow.objects.filter(tranche__launch=launch_id).aggregate(first=Min("at"), last=Max("at"))
    return max(1, int(ends["last"]) - int(ends["first"])) / 1000


@dataclass(frozen=True, slots=True)
class _Spent:
    """CPU seconds so far, and memory now."""

    workers: float
    database: float
    resident_mb: float

    @classmethod
    def now(cls, at_work: Sequence[psutil.Process], home: Path) -> "_Spent":
        return cls(sum(map(cpu_seconds, at_work)), database_cpu_seconds(home), _resident_mb(at_work))


def _resident_mb(at_work: Sequence[psutil.Process]) -> float:
    return max(worker.memory_info().rss for worker in at_work) / 2**20
