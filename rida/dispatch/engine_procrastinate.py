"""Procrastinate behind the ticket port: node registry, heartbeats, one-runner locks, periodic ticks."""

import asyncio
from collections.abc import Mapping
from typing import Any

from django.db import close_old_connections, transaction
from procrastinate import App, exceptions, jobs
from procrastinate.contrib.django import app as django_app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task

from rida.kernel.engine import REGISTRY, Ticket

_POLL_SECONDS = 0.5
_HEARTBEAT_SECONDS = 2


class ProcrastinateEngine:
    """See kernel.engine.TicketEngine."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._stop = asyncio.Event()
        # Its own, because `run` lends the app a pool of the event loop: used from a thread, that pool is outside the
        # caller's transaction, and whoever waits for one of its connections there is never woken.
        self._desk = JobManager(DjangoConnector())

    def submit(self, name: str, key: str, arguments: Mapping[str, Any]) -> bool:
        lane = REGISTRY.kinds[name].lane
        job = configure_task(name=name, job_manager=self._desk, lock=key, queueing_lock=key, queue=lane)
        try:
            # A savepoint: a refused lock must not spoil the caller's transaction.
            with transaction.atomic():
                job.defer(**arguments)
        except exceptions.AlreadyEnqueued:
            return False
        return True

    async def run(self, lanes: Mapping[str, int]) -> None:
        connector = self._app.connector
        assert isinstance(connector, DjangoConnector)
        self._stop = asyncio.Event()  # of this event loop
        with self._app.replace_connector(connector.get_worker_connector()) as app:
            async with app.open_async():
                await self._work(app, lanes)

    async def _work(self, app: App, lanes: Mapping[str, int]) -> None:
        workers = [asyncio.create_task(self._lane(app, lane, at_once)) for lane, at_once in lanes.items()]
        stopped = asyncio.create_task(self._stop.wait())
        # One lane dead: the node stops as a whole, and its supervisor starts another, rather than work by halves.
        await asyncio.wait([stopped, *workers], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        failures = [worker.exception() for worker in workers if not worker.cancelled()]
        if failure := next((failure for failure in failures if failure), None):
            raise failure

    async def _lane(self, app: App, lane: str, at_once: int) -> None:
        await app.run_worker_async(
            queues=[lane],
            name=lane,
            concurrency=at_once,
            fetch_job_polling_interval=_POLL_SECONDS,
            update_heartbeat_interval=_HEARTBEAT_SECONDS,
            install_signal_handlers=False,
            delete_jobs="successful",
            shutdown_graceful_timeout=10,
        )

    def stop(self) -> None:
        self._stop.set()

    def stopping(self) -> bool:
        return self._stop.is_set()

    async def recover(self, silent_seconds: float) -> int:
        manager = django_app.job_manager
        stalled = list(await manager.get_stalled_jobs(seconds_since_heartbeat=silent_seconds))
        for job in stalled:
            # The work itself is repeatable and the tick submits it again: end the dead one, do not retry it twice.
            await manager.finish_job(job, status=jobs.Status.FAILED, delete_job=True)
        return len(stalled)


def on_app_ready(app: App) -> None:
    """Called by procrastinate.contrib.django once every stage's `tickets` file has been read."""
    for kind in REGISTRY.kinds.values():
        declare(app, kind)
    REGISTRY.engine = ProcrastinateEngine(app)


def declare(app: App, kind: Ticket) -> None:
    """Tell Procrastinate about a kind of ticket."""
    if kind.every_seconds is None:
        app.task(name=kind.name, queue=kind.lane)(_runner(kind))
        return

    async def tick(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate's own
        await _runner(kind)()

    # No lock on a tick (procrastinate issue 1408): its queueing lock alone keeps one waiting.
    task = app.task(name=kind.name, queue=kind.lane, queueing_lock=kind.name)(tick)
    app.periodic(cron=f"* * * * * */{kind.every_seconds}")(task)


def _runner(kind: Ticket) -> Any:
    async def run(**arguments: Any) -> None:
        if asyncio.iscoroutinefunction(kind.work):
            await kind.work(**arguments)
        else:
            await asyncio.to_thread(_in_thread, kind, arguments)

    run.__name__ = kind.name
    return run


def _in_thread(kind: Ticket, arguments: Mapping[str, Any]) -> None:
    close_old_connections()
    try:
        kind.work(**arguments)
    finally:
        close_old_connections()
