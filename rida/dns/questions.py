"""Questions to DNS as data, and judging by what was said so far. Pure.

Whoever judges what DNS says asks `Said` as if it knew everything. What it does not know yet is raised as `Unasked`; the
inquiry then asks it, and lets the judge begin again. So judging stays a pure function of answers, even where one answer
tells what to ask next (an include of SPF, a step of the tree walk of DMARC).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from rida.dns.answers import AddressAnswer, Answer, MxAnswer, PointerAnswer, Status, TextAnswer

A = TypeVar("A", bound=Answer)


class Kind(StrEnum):
    MX = "MX"
    ADDRESSES = "A"
    TEXT = "TXT"
    POINTER = "PTR"

    @property
    def answer(self) -> Callable[..., Answer]:
        return _ANSWERS[self]


_ANSWERS: Mapping[Kind, type[Answer]] = {
    Kind.MX: MxAnswer,
    Kind.ADDRESSES: AddressAnswer,
    Kind.TEXT: TextAnswer,
    Kind.POINTER: PointerAnswer,
}


@dataclass(frozen=True, slots=True)
class Question:
    """name: in A-labels, lower case, without the last dot."""

    kind: Kind
    name: str


class Unasked(Exception):
    """Not known yet. Never shown to anybody: the inquiry asks and goes on."""

    def __init__(self, question: Question) -> None:
        super().__init__(question)
        self.question = question


@dataclass(frozen=True, slots=True)
class Said:
    """What DNS said so far."""

    answers: Mapping[Question, Answer]

    def mx(self, domain: str) -> MxAnswer:
        return self._of(Kind.MX, domain, MxAnswer)

    def addresses(self, host: str) -> AddressAnswer:
        return self._of(Kind.ADDRESSES, host, AddressAnswer)

    def txt(self, name: str) -> TextAnswer:
        return self._of(Kind.TEXT, name, TextAnswer)

    def ptr(self, name: str) -> PointerAnswer:
        return self._of(Kind.POINTER, name, PointerAnswer)

    def _of(self, kind: Kind, name: str, expected: type[A]) -> A:
        question = Question(kind, name.rstrip(".").lower())
        if not question.name.isascii():
            return expected(Status.NO_DOMAIN)  # no server could hold it, and what a stranger's record names is no bug
        answer = self.answers.get(question)
        if answer is None:
            raise Unasked(question)
        assert isinstance(answer, expected)
        return answer
