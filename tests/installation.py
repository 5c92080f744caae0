"""A whole `rida up` for tests: real processes in an empty home, ended with Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rida import embedded

_LINK = re.compile(r"First login, .*: (\S+)")
_STOP_SECONDS = 40


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def installation(home: Path, port: int, *options: str, **settings: str) -> Iterator["subprocess.Popen[str]"]:
    """`rida up` with nothing of this test run's own settings; those given are environment variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RIDA_", "DATABASE_", "DJANGO_"))}
    environment = {**kept, "HOME": str(home), "RIDA_HOME": str(home / "rida"), **settings}
    command = [sys.executable, "-m", "rida.cli", "up", "--port", str(port), *options]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(_STOP_SECONDS)
            embedded.remove(home / "rida")  # as root its cluster lies elsewhere, and pytest would leave it there


def first_link(process: "subprocess.Popen[str]") -> str:
    """The link that it prints when all roles are ready."""
    assert process.stdout is not None
    return next(found.group(1) for line in process.stdout if (found := _LINK.match(line)))
