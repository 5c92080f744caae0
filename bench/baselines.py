"""What others reach on this machine, to hold ours against: smtp-source, OpenSSL's RSA, and a stock Postfix.

`python -m bench.baselines [--messages N] [--length BYTES] [--sessions N] [--json]`; servers from `make peers`, as root.
Wall time on a shared machine says little by itself: compare only what was measured in the same run.
"""

import argparse
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from bench.sink import Sink, cpu, smtp_sink, smtp_source, tools
from tests.installation import free_port
from tests.peers.packages import POSTFIX, unpacked
from tests.peers.postfix import MASTER, USERS, lay_out
from tests.peers.root import root
from tests.peers.server import Offer, Server, started


@dataclass(frozen=True, slots=True)
class Direct:
    """smtp-source into smtp-sink. The clock runs from its start to the last message at the sink."""

    messages: int
    length: int
    sessions: int
    seconds: float
    messages_per_second: float
    source_cpu_seconds: float
    sink_cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Signing:
    """RSA-2048, one process. cpu_seconds is what one signature costs, wall or not."""

    signatures_per_second: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Relayed:
    """smtp-source into Postfix, Postfix into smtp-sink: from the first submission to the last delivery."""

    messages: int
    length: int
    sessions: int
    seconds: float
    messages_per_second: float
    taking_seconds: float
    """Until Postfix had accepted all."""
    postfix_cpu_seconds: float
    """The master and all it started, the ended ones too."""
    source_cpu_seconds: float
    sink_cpu_seconds: float


def direct(messages: int = 10_000, length: int = 7_600, sessions: int = 20, *, reconnects: bool = False) -> Direct:
    with smtp_sink() as sink, tempfile.TemporaryDirectory() as folder, tools(Path(folder)) as home:
        started_at, sink_before = time.perf_counter(), cpu(sink.process)
        source_cpu = smtp_source(home, sink.port, messages, length, sessions, reconnects=reconnects)
        sink.wait_for(messages)
        seconds = time.perf_counter() - started_at
        sink_cpu = cpu(sink.process) - sink_before
    return Direct(messages, length, sessions, seconds, messages / seconds, source_cpu, sink_cpu)


def rsa_2048(seconds: int = 2) -> Signing:
    """By Debian's openssl; `cryptography` brings an OpenSSL of its own, which may be faster."""
    return Signing(_signs("-elapsed", seconds), 1 / _signs("-mr", seconds))


def _signs(option: str, seconds: int) -> float:
    """Signatures a second: of CPU time, or of wall time with -elapsed."""
    command = ["openssl", "speed", "-mr", option, "-seconds", f"{seconds}", "rsa2048"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60 + 4 * seconds)
    found = re.search(r"^\+F2:\d+:2048:([\d.]+):", done.stdout, re.MULTILINE)
    assert found, f"openssl speed says something new: {done.stdout}"
    return float(found[1])


def stock_postfix(messages: int = 10_000, length: int = 7_600, sessions: int = 20) -> Relayed:
    with (
        smtp_sink() as sink,
        _relay(sink) as postfix,
        tempfile.TemporaryDirectory() as folder,
        tools(Path(folder)) as home,
    ):
        before, sink_before, started_at = _cpu_of(postfix), cpu(sink.process), time.perf_counter()
        source_cpu = smtp_source(home, postfix.port, messages, length, sessions)
        taken = time.perf_counter() - started_at
        sink.wait_for(messages)
        seconds = time.perf_counter() - started_at
        spent, sink_cpu = _cpu_of(postfix) - before, cpu(sink.process) - sink_before
    rate = messages / seconds
    return Relayed(messages, length, sessions, seconds, rate, taken, spent, source_cpu, sink_cpu)


@contextmanager
def _relay(sink: Sink) -> Iterator[Server]:
    """Every setting is Postfix's default but the port, the log file, no aliases, and where all mail goes."""
    with (
        tempfile.TemporaryDirectory(prefix="rida-postfix-") as folder,
        root(unpacked(POSTFIX), Path(folder), USERS) as home,
    ):
        server = Server("Postfix", "127.0.0.1", free_port(), home, greets_visitor="]: connect from")
        lay_out(home, server.port, {"relayhost": f"[127.0.0.1]:{sink.port}"}, Offer())
        with started(server, Offer(), *MASTER):
            yield server


def _cpu_of(postfix: Server) -> float:
    """Those who live, and those whom the master has buried."""
    return sum(_cpu_with_the_gone(process) for process in postfix.root.processes())


def _cpu_with_the_gone(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0  # its master counts it from now on, a moment late
    return times.user + times.system + times.children_user + times.children_system


def measure(messages: int = 10_000, length: int = 7_600, sessions: int = 20) -> dict[str, float]:
    """All of them, one after the other, as flat figures."""
    figures = {
        "smtp_source": direct(messages, length, sessions),
        "smtp_source_reconnecting": direct(messages, length, sessions, reconnects=True),
        "rsa": rsa_2048(),
        "postfix": stock_postfix(messages, length, sessions),
    }
    return {f"{of}_{name}": round(n, 6) for of, found in figures.items() for name, n in asdict(found).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--length", type=int, default=7_600, help="bytes of a body; the default is that of bench.smtp")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures = measure(asked.messages, asked.length, asked.sessions)
    print(json.dumps(figures) if asked.json else "\n".join(f"{name:<44} {n:>16,.6f}" for name, n in figures.items()))


if __name__ == "__main__":
    main()
