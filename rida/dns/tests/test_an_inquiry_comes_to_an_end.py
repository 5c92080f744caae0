"""The inquiry against a real server: it asks what the judge wants, and not for ever."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from rida.dns.answers import Status
from rida.dns.inquiry import MOST_QUESTIONS, inquire
from rida.dns.questions import Kind, Question, Said
from rida.dns.resolver import Resolver
from rida.dns.spf import Result, evaluate
from rida.dns.tests.zone import Server, served

T = TypeVar("T")


def asked(server: Server, judge: Callable[[Said], T], *first: Question, **limits: float) -> T:
    async def main() -> T:
        async with Resolver(server.address, timeout_seconds=0.3, tries=1) as resolver:
            return await inquire(resolver, judge, first, **limits)  # type: ignore[arg-type]

    return asyncio.run(main())


def test_each_answer_leads_to_the_next_question() -> None:
    rows = {f"i{n}.example TXT": [f"v=spf1 include:i{n + 1}.example -all"] for n in range(3)}
    rows |= {"i3.example TXT": ["v=spf1 mx -all"], "i3.example MX": ["10 mx.example"], "mx.example A": ["192.0.2.1"]}
    with served(rows) as server:
        found = asked(server, lambda said: evaluate(said, "i0.example", "192.0.2.1", "h.example"))
        assert (found.result, found.lookups) == (Result.PASS, 4)
        assert sorted(set(server.asked)) == sorted({*rows, "mx.example AAAA"})


def test_what_is_surely_asked_is_asked_once() -> None:
    with served({"a.example TXT": ["x"]}) as server:
        question = Question(Kind.TEXT, "a.example")
        assert asked(server, lambda said: said.txt("A.example.").texts, question, question) == ("x",)
        assert server.asked == ["a.example TXT"]


@pytest.mark.parametrize("limits", [{"most": 20}, {"seconds": 0.2}])
def test_a_judge_without_end_is_told_that_dns_failed(limits: dict[str, float]) -> None:
    def judge(said: Said) -> int:
        number = 0
        while said.txt(f"n{number}.example").status is not Status.FAILED:
            number += 1
        return number

    with served({}) as server:
        reached = asked(server, judge, **limits)
        assert reached <= limits.get("most", MOST_QUESTIONS)


def test_a_name_that_dns_cannot_hold_is_no_domain() -> None:
    def judge(said: Said) -> tuple[Status, ...]:
        return said.txt("ورد.example").status, said.mx("x" * 64 + ".example").status

    with served({}) as server:
        assert asked(server, judge) == (Status.NO_DOMAIN, Status.NO_DOMAIN)
