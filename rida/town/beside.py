"""A town in a thread, beside a test or a demo that does not live in an event loop itself."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from rida.town.plan import Plan
from rida.town.server import Town

_START_SECONDS = 30.0


@contextmanager
def beside(plan: Plan, folder: Path, *, window_seconds: float = 3600.0) -> Iterator[Town]:
    """The running town, on free ports; gone when the block ends. Raises what the town raises at its start.

    Its figures may be read from outside (`town.tally`), its log through `read_events(folder)` 50 ms later.
    """
    loop, ready, end = asyncio.new_event_loop(), Future[Town](), asyncio.Event()
    thread = threading.Thread(target=_live, args=(loop, Town(plan, folder, window_seconds=window_seconds), ready, end))
    thread.start()
    try:
        yield ready.result(_START_SECONDS)
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(end.set)
        thread.join()


def _live(loop: asyncio.AbstractEventLoop, town: Town, ready: Future[Town], end: asyncio.Event) -> None:
    async def live() -> None:
        try:
            async with town:
                ready.set_result(town)
                await end.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(live())
