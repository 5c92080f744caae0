"""The town's event log: one JSON array a line, in the order in which things happened.

It is written by the receivers' process alone and handed to the kernel at least every 50 ms, so that no death of a
sender loses what was seen. A half-written last line is not an event yet.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from rida.town.counters import Event, Kind

LOG_NAME = "events.jsonl"
FLUSH_SECONDS = 0.05


class EventLog:
    """Starts a new log; the previous one stays beside it as `events.old.jsonl`."""

    def __init__(self, folder: Path) -> None:
        path = folder / LOG_NAME
        if path.exists():
            path.replace(folder / "events.old.jsonl")
        self._file = path.open("ab")
        self._lines: list[str] = []

    @property
    def waiting(self) -> bool:
        return bool(self._lines)

    def add(self, event: Event) -> None:
        fields = [event.at_ns, event.network, event.kind, event.recipient, event.message_id, event.detail]
        self._lines.append(json.dumps(fields, ensure_ascii=False, separators=(",", ":")))

    def flush(self) -> None:
        if self._lines:
            self._file.write(("\n".join(self._lines) + "\n").encode("utf-8", "replace"))
            self._lines.clear()
            self._file.flush()

    def close(self) -> None:
        self.flush()
        self._file.close()


def read_events(folder: Path) -> list[Event]:
    """All events of the town that runs, or ran last, in this folder; empty if there never was one."""
    return list(iter_events(folder))


def iter_events(folder: Path) -> Iterator[Event]:
    path = folder / LOG_NAME
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                at_ns, network, kind, recipient, message_id, detail = json.loads(line)
                yield Event(at_ns, network, Kind(kind), recipient, message_id, detail)
