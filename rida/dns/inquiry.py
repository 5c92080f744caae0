"""Asks DNS what a judge wants to know, until the judge is content; with limits, because strangers write the records."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from rida.dns.answers import Answer, Status
from rida.dns.questions import Kind, Question, Said, Unasked
from rida.dns.resolver import Resolver
from rida.kernel.clock import elapsed_seconds

T = TypeVar("T")
MOST_QUESTIONS = 150
"""One SPF record may cost 10 lookups with 10 hosts each (RFC 7208 §4.6.4); ours and its neighbours rarely cost 30."""
LONGEST_SECONDS = 20.0
"""RFC 7208 §4.6.4 wants at least this much; a person waits for it."""


async def inquire(
    resolver: Resolver,
    judge: Callable[[Said], T],
    first: Iterable[Question] = (),
    *,
    most: int = MOST_QUESTIONS,
    seconds: float = LONGEST_SECONDS,
) -> T:
    """What `judge` says once it knows enough. first: what it will surely ask; these are asked at once.

    Beyond the limits every question counts as failed, so that the judge comes to an end.
    """
    end = elapsed_seconds() + seconds
    wanted = list(dict.fromkeys(first))
    answers: dict[Question, Answer] = dict(
        zip(wanted, await asyncio.gather(*(_ask(resolver, question, end) for question in wanted)), strict=True)
    )
    while True:
        try:
            return judge(Said(answers))
        except Unasked as missing:
            late = len(answers) >= most
            answers[missing.question] = await _ask(resolver, missing.question, 0 if late else end)


async def _ask(resolver: Resolver, question: Question, end: float) -> Answer:
    left = end - elapsed_seconds()
    if left > 0:
        try:
            return await asyncio.wait_for(_asker(resolver)[question.kind](question.name), left)
        except TimeoutError:
            pass
    return question.kind.answer(Status.FAILED, reason="limit")


def _asker(resolver: Resolver) -> Mapping[Kind, Callable[[str], Coroutine[Any, Any, Answer]]]:
    return {
        Kind.MX: resolver.mx,
        Kind.ADDRESSES: resolver.addresses,
        Kind.TEXT: resolver.txt,
        Kind.POINTER: resolver.ptr,
    }
