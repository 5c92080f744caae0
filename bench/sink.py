"""Debian's own yardsticks, both from the postfix package: smtp-sink takes and counts mail, smtp-source sends it."""

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.installation import free_port
from tests.peers.packages import POSTFIX, unpacked
from tests.peers.root import Root, root

_START_SECONDS, _SLOWEST_PER_SECOND = 30, 50
"""It fails rather than take longer: so long to start, and so slow."""
_PAUSE_SECONDS = 0.01
_BACKLOG = "1000"  # of connections not yet taken; smtp-sink has no default
_SESSIONS = "1000"  # at the same time; beyond its 256 smtp-sink lets senders wait


@dataclass(frozen=True, slots=True)
class Sink:
    root: Root
    port: int
    process: psutil.Process

    def received(self) -> int:
        """Messages so far. smtp-sink -c prints its counters after each event, one over the other."""
        last = self.root.path("var/log/console").read_bytes()[-200:]
        counted = re.findall(rb"mesg=(\d+)\r", last)
        return int(counted[-1]) if counted else 0

    def wait_for(self, messages: int) -> None:
        deadline = time.monotonic() + deadline_seconds(messages)
        while (received := self.received()) < messages:
            assert time.monotonic() < deadline, f"the sink got {received} messages of {messages}"
            assert self.process.is_running(), "the sink ended"
            time.sleep(_PAUSE_SECONDS)


@contextmanager
def smtp_sink() -> Iterator[Sink]:
    with tempfile.TemporaryDirectory(prefix="rida-sink-") as folder, tools(Path(folder)) as home:
        port = free_port()
        # -u: as root it insists on another user.
        command = ("/usr/sbin/smtp-sink", "-c", "-u", "nobody", "-m", _SESSIONS, f"127.0.0.1:{port}", _BACKLOG)
        with home.running(*command) as process:
            _wait_until_bound(port)
            yield Sink(home, port, psutil.Process(process.pid))


@contextmanager
def tools(folder: Path) -> Iterator[Root]:
    """A root folder with both programs."""
    with root(unpacked(POSTFIX), folder, {"nobody": 61003}) as home:
        home.write("etc/postfix/main.cf", "")  # read by all that comes with Postfix
        yield home


def _wait_until_bound(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not any(one.laddr.port == port and one.status == "LISTEN" for one in psutil.net_connections("tcp4")):
        assert time.monotonic() < deadline, "the sink does not listen"
        time.sleep(_PAUSE_SECONDS)


def deadline_seconds(messages: int) -> float:
    return _START_SECONDS + messages / _SLOWEST_PER_SECOND


def smtp_source(home: Root, port: int, messages: int, length: int, sessions: int, *, reconnects: bool = False) -> float:
    """Send messages of `length` bytes over so many connections at once; CPU seconds used.

    reconnects: a connection a message; else each is kept for its share of them all. It knows nothing in between.
    """
    command = [
        "/usr/sbin/smtp-source",
        *([] if reconnects else ["-d"]),
        "-s",
        f"{sessions}",
        "-m",
        f"{messages}",
        "-l",
        f"{length}",
    ]
    command += ["-f", "bounce@rida.test", "-t", "reader@sink.test", f"127.0.0.1:{port}"]
    before = _cpu_of_children()
    home.run(*command, seconds=deadline_seconds(messages))
    return _cpu_of_children() - before


def _cpu_of_children() -> float:
    times = psutil.Process().cpu_times()
    return times.children_user + times.children_system


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
