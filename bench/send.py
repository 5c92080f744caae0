"""`rida bench send [DELIVERIES ...]`: the whole path through a relay, and what others reach into the same sink.

Claim, permission, render, sign, SMTP, durable outcome, with the database on the same machine; the relay is Debian's
smtp-sink. By one worker and two, signed and not. In the same run: the bare send loop, smtp-source, OpenSSL's RSA, and a
stock Postfix that takes and delivers messages of the same size. As root; the servers come by `make peers`.

The wall rates share two cores with the sink and the database: only the ratios can be compared with other days.
"""

import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import baselines, loop
from bench.mail import NETWORKS, launch, lift_limits, workspace_of, write_out
from bench.sink import Sink, smtp_sink
from bench.watching import Figures, watch, workers
from tests.relayed import dns, length_of, open_relay, signing

_LOOP_MESSAGES, _SESSIONS = 20_000, 20
_RELAY: dict[str, Any] = {"host": "127.0.0.1", "tls": "none", "messages_per_connection": loop.QUOTA}


@dataclass(frozen=True, slots=True)
class Run:
    deliveries: int
    workers: int
    signed: bool
    length: int
    figures: Figures

    @property
    def name(self) -> str:
        return f"{'signed' if self.signed else 'unsigned'}_{self.deliveries}_by_{self.workers}"


def measure(*counts: str) -> dict[str, Any]:
    """Figures by name. AssertionError if anything stands still or a message is not accepted."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever ends us early gets a tidy machine too
    with smtp_sink() as sink:
        runs = _runs(sink, [int(count) for count in counts or ("10000",)])
        bare = loop.send(sink.port, _LOOP_MESSAGES, _SESSIONS, runs[0].length)
    fewest = min(run.deliveries for run in runs)
    return _told(runs, bare, _others(fewest, runs[0].length))


def _runs(sink: Sink, counts: list[int]) -> list[Run]:
    from rida.cli.laboratory import throw_away_home
    from rida.shaping.routes import Caps, RelaySettings
    from rida.town.plan import many

    settings: dict[str, Any] = {"url": "https://bench.example", "log": "ERROR", "lab_nets": "127.0.0.0/8"}
    with throw_away_home("bench", **settings) as home:
        homes = {count: workspace_of(home, count) for count in counts}
        with dns(home / "town", many(NETWORKS), list(homes.values())):
            open_relay(list(homes.values()), RelaySettings(**_RELAY, port=sink.port), "", Caps(connections=None))
            return [
                _run(home, workspace, count, at_work, signed=signed)
                for count, workspace in homes.items()
                for at_work in (1, 2)
                for signed in (False, True)
            ]


def _run(home: Path, workspace: Any, deliveries: int, at_work: int, *, signed: bool) -> Run:
    launch_id = launch(workspace)
    write_out(launch_id)
    lift_limits()
    with signing(workspace, signed), workers(at_work) as processes:
        length = length_of(launch_id)
        return Run(deliveries, at_work, signed, length, watch(processes, home, launch_id, deliveries))


@dataclass(frozen=True, slots=True)
class _Others:
    source: baselines.Direct
    reconnecting: baselines.Direct
    rsa: baselines.Signing
    postfix: baselines.Relayed


def _others(messages: int, length: int) -> _Others:
    return _Others(
        baselines.direct(_LOOP_MESSAGES, length, _SESSIONS),
        baselines.direct(_LOOP_MESSAGES, length, _SESSIONS, reconnects=True),
        baselines.rsa_2048(),
        baselines.stock_postfix(messages, length, _SESSIONS),
    )


def _told(runs: list[Run], bare: dict[str, float], others: _Others) -> dict[str, Any]:
    figures: dict[str, Any] = {"bytes_a_message": runs[0].length, "networks": NETWORKS}
    for run in runs:
        figures |= _of_run(run)
    figures |= {f"loop_{name}": value for name, value in bare.items()}
    for name, found in (("smtp_source", others.source), ("rsa", others.rsa), ("postfix", others.postfix)):
        figures |= {f"{name}_{of}": round(value, 6) for of, value in asdict(found).items()}
    return figures | _ratios(runs, bare, others)


def _of_run(run: Run) -> dict[str, float]:
    found = run.figures
    return {
        f"messages_per_second_{run.name}": round(found.messages_per_second, 1),
        f"cpu_ms_per_message_{run.name}": round(found.cpu_a_message * 1e3, 3),
        f"database_cpu_ms_per_message_{run.name}": round(found.database_cpu / found.messages * 1e3, 3),
        f"rss_mb_{run.name}": round(found.peak_rss_mb, 1),
    }


def _ratios(runs: list[Run], bare: dict[str, float], others: _Others) -> dict[str, float]:
    """Of the smallest count, by one worker; the sum of both its processes is what one message costs Rida."""
    fewest = min(run.deliveries for run in runs)
    by_one = {run.signed: run.figures for run in runs if run.deliveries == fewest and run.workers == 1}
    unsigned = max(run.figures.messages_per_second for run in runs if run.deliveries == fewest and not run.signed)
    rate = bare["messages_per_second"]
    return {
        "ratio_loop_to_smtp_source": round(rate / others.source.messages_per_second, 3),
        "ratio_loop_to_smtp_source_reconnecting": round(rate / others.reconnecting.messages_per_second, 3),
        "cpu_per_message_over_cpu_per_rsa_signature": round(by_one[True].cpu_a_message / others.rsa.cpu_seconds, 3),
        "ratio_unsigned_to_postfix": round(unsigned / others.postfix.messages_per_second, 3),
        "peak_rss_mb": round(max(run.figures.peak_rss_mb for run in runs), 1),
    }
