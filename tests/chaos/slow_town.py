"""A town of many networks, every second one slow, so that sends lie well apart from their claims."""

import asyncio
import signal
import sys
from pathlib import Path

from rida.town.plan import Mood, many
from rida.town.server import Town

QUICK, SLOW = Mood(step_seconds=0.01), Mood(step_seconds=0.12)


async def _live(folder: Path, networks: int, window_seconds: float) -> None:
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    plan = many(networks, seed=7, moods=(QUICK, SLOW))
    async with Town(plan, folder, window_seconds=window_seconds):
        await end.wait()


if __name__ == "__main__":
    asyncio.run(_live(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
