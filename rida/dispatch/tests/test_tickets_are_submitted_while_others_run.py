"""The engine at work in this process, on the tests' database."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from rida.dispatch.engine_procrastinate import ProcrastinateEngine, declare
from rida.kernel.engine import REGISTRY, Ticket, Work

pytestmark = pytest.mark.django_db(transaction=True)

_LONGEST_SECONDS = 30


class Undone(Exception):
    """Takes the transaction back."""


@pytest.fixture
def engine() -> Iterator[ProcrastinateEngine]:
    assert isinstance(REGISTRY.engine, ProcrastinateEngine)
    yield REGISTRY.engine
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name LIKE 'probe%%'", [])
    for name in ("probe", "probed"):
        REGISTRY.kinds.pop(name, None)
        app.tasks.pop(name, None)


def _kind(name: str, work: Work) -> None:
    REGISTRY.kinds[name] = Ticket(name, work, lane=name)
    declare(app, REGISTRY.kinds[name])


def _work_until(engine: ProcrastinateEngine, done: threading.Event, at_once: int) -> None:
    async def main() -> None:
        running = asyncio.create_task(engine.run({"probe": at_once}))
        in_time = await asyncio.to_thread(done.wait, _LONGEST_SECONDS)
        engine.stop()
        if not in_time:
            running.cancel()
        await asyncio.wait([running], timeout=_LONGEST_SECONDS)
        assert in_time, "the tickets did not end"

    asyncio.run(main())


def _waiting(name: str) -> int:
    return ProcrastinateJob.objects.filter(task_name=name, status="todo").count()


def test_what_a_ticket_submits_stands_in_its_own_transaction(engine: ProcrastinateEngine) -> None:
    done = threading.Event()

    def probe() -> None:
        try:
            with transaction.atomic():
                engine.submit("probed", "taken back", {})
                raise Undone
        except Undone:
            engine.submit("probed", "kept", {})
        finally:
            done.set()

    _kind("probed", lambda: None)
    _kind("probe", probe)
    engine.submit("probe", "one", {})
    _work_until(engine, done, 1)
    assert list(ProcrastinateJob.objects.filter(task_name="probed").values_list("lock", flat=True)) == ["kept"]


def test_many_tickets_that_submit_others_do_not_wait_for_each_other_for_ever(engine: ProcrastinateEngine) -> None:
    """Submitting over the engine's own pool stood still: its waiters belong to the event loop of another thread."""
    done, ended = threading.Event(), []

    def probe(number: int) -> None:
        for turn in range(20):
            engine.submit("probed", f"{number}-{turn}", {})
        ended.append(number)
        if len(ended) == 32:
            done.set()

    _kind("probed", lambda: None)
    _kind("probe", probe)
    for number in range(32):
        engine.submit("probe", str(number), {"number": number})
    _work_until(engine, done, 16)
    assert (_waiting("probed"), len(ended)) == (640, 32)
