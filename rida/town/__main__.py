"""`python -m rida.town --folder F`: the town as a process of its own, until SIGTERM. F/town.json says it is ready."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

import uvloop

from rida.kernel.errors import RidaError
from rida.town.plan import named
from rida.town.server import Town


def main() -> int:
    try:
        uvloop.run(_live(_arguments()))
    except RidaError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _live(arguments: argparse.Namespace) -> None:
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    plan = named(arguments.plan)
    window = arguments.window
    async with Town(plan, arguments.folder, arguments.port, arguments.dns_port, window_seconds=window):
        await end.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m rida.town", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where mail, log and town.json lie")
    parser.add_argument("--plan", default="default", help="default, many:200, many:200:7 (seed) or fast:200")
    parser.add_argument("--port", type=int, default=_number("RIDA_MX_PORT", 0), help="of all receivers; 0: a free one")
    parser.add_argument("--dns-port", type=int, default=0, help="of the resolver; 0: a free one")
    parser.add_argument("--window", type=float, default=float(os.environ.get("RIDA_WINDOW_SECONDS") or 3600))
    return parser.parse_args()


def _number(name: str, default: int) -> int:
    return int(os.environ.get(name) or default)


if __name__ == "__main__":
    sys.exit(main())
