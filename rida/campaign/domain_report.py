"""What is said of a sender domain's records: each with its state and its notes, as codes, fit to be kept. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from rida.campaign.records import Record, Why

_MOST_SHOWN, _LONGEST_SHOWN = 5, 500
"""A report is kept; a stranger's answer may be large."""


class State(StrEnum):
    OK = "ok"
    MISSING = "missing"
    WRONG = "wrong"
    SEVERAL = "several"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be said of a record. stops: no mail may leave until it is mended."""

    code: str
    stops: bool
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """record: what is to be published. found: what stands there now."""

    record: Record
    state: State
    found: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def why(self) -> Why:
        return self.record.why

    @property
    def stops(self) -> bool:
        return any(note.stops for note in self.notes)

    @property
    def look(self) -> State:
        """What to call it: a record that stands as it should and nevertheless stops the mail is no good yet."""
        return State.WRONG if self.stops and self.state is State.OK else self.state

    def to_json(self) -> dict[str, Any]:
        notes = [{"code": note.code, "stops": note.stops, "params": dict(note.params)} for note in self.notes]
        return {**self.record.to_json(), "state": str(self.state), "found": list(self.found), "notes": notes}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Judged":
        record = Record(Why(stored["why"]), stored["name"], stored["type"], stored["value"])
        notes = tuple(Note(note["code"], note["stops"], note["params"]) for note in stored["notes"])
        return cls(record, State(stored["state"]), tuple(stored["found"]), notes)


@dataclass(frozen=True, slots=True)
class DomainReport:
    """proved: DNS shows our key under our selector, which only the domain's owner can bring about."""

    domain: str
    bounce_domain: str
    proved: bool
    records: tuple[Judged, ...]

    @property
    def stops(self) -> bool:
        return any(judged.stops for judged in self.records)

    def of(self, why: Why) -> list[Judged]:
        return [judged for judged in self.records if judged.why is why]

    def to_json(self) -> dict[str, Any]:
        return {
            "domain": self.domain,
            "bounce_domain": self.bounce_domain,
            "proved": self.proved,
            "records": [judged.to_json() for judged in self.records],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "DomainReport":
        judged = tuple(Judged.from_json(each) for each in stored["records"])
        return cls(stored["domain"], stored["bounce_domain"], stored["proved"], judged)


def stop(code: str, **params: object) -> Note:
    return Note(code, stops=True, params={name: shown(value) for name, value in params.items()})


def warn(code: str, **params: object) -> Note:
    return replace(stop(code, **params), stops=False)


def shown(value: object) -> object:
    """Fit for the database (no NUL), for a terminal (no escapes), and short."""
    if not isinstance(value, str):
        return value
    return "".join(char if char.isprintable() else "\ufffd" for char in value[:_LONGEST_SHOWN])


def judged(record: Record, state: State, found: Iterable[str], *notes: Note) -> Judged:
    texts = tuple(str(shown(text)) for text in list(found)[:_MOST_SHOWN])
    return Judged(record, state, texts, notes)
