"""Against a real server on loopback: a small scripted one, in dnspython's words."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from rida.dns.answers import MxHost, Status, reverse_name
from rida.dns.location import Found, NotFound, Reason, find
from rida.dns.resolver import FAILED_SECONDS, NEGATIVE_SECONDS, Resolver

ZONE = {
    "two.example. MX": (120, ["20 Mx2.two.example.", "10 mx1.two.example.", "10 mx0.two.example."]),
    "mx0.two.example. A": (60, ["192.0.2.10"]),
    "mx1.two.example. A": (60, ["192.0.2.1"]),
    "mx1.two.example. AAAA": (30, ["2001:db8::1"]),
    "null.example. MX": (300, ["0 ."]),
    "muddled.example. MX": (300, ["0 .", "10 mx1.two.example."]),
    "bare.example. A": (90, ["192.0.2.7"]),
    "deaf.example. MX": (90, ["10 nowhere.example."]),
    "lame.example. MX": (90, ["10 broken-host.example."]),
    "half.example. MX": (90, ["10 broken-host.example.", "20 mx1.two.example."]),
    "quick.example. A": (0, ["192.0.2.8"]),
    "long.example. TXT": (60, ['"v=DKIM1; p=" "' + "A" * 200 + '" "' + "B" * 200 + '"', '"second"']),
    "7.2.0.192.in-addr.arpa. PTR": (60, ["Mail.Bare.example.", "bare.example."]),
    "odd.example. TXT": (60, ['"\\255\\254"']),
}
EXISTS = {key.split()[0] for key in ZONE}


class Scripted(asyncio.DatagramProtocol):
    """Answers from ZONE; counts what was asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._endpoint, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._endpoint.close()

    @property
    def server(self) -> tuple[str, int]:
        return cast("tuple[str, int]", self._endpoint.get_extra_info("sockname"))

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        response = dns.message.make_response(dns.message.from_wire(data), recursion_available=True)
        question = response.question[0]
        key = f"{question.name.to_text().lower()} {dns.rdatatype.to_text(question.rdtype)}"
        self.asked[key] += 1
        if key.startswith("silent"):
            return
        if key == "alias.example. A":
            response.answer.append(dns.rrset.from_text(question.name, 20, "IN", "CNAME", "bare.example."))
            response.answer.append(dns.rrset.from_text("bare.example.", 90, "IN", "A", "192.0.2.7"))
        elif key.startswith("broken"):
            response.set_rcode(dns.rcode.SERVFAIL)
        elif key.startswith("refused"):
            response.set_rcode(dns.rcode.REFUSED)
        elif key in ZONE:
            ttl, values = ZONE[key]
            response.answer.append(dns.rrset.from_text(question.name, ttl, "IN", key.split()[1], *values))
        elif key.split(maxsplit=1)[0] not in EXISTS and not key.startswith("alias"):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self._endpoint.sendto(response.to_wire(), peer)


def ask(question: Callable[[Resolver, Scripted], Awaitable[None]]) -> None:
    async def main() -> None:
        async with Scripted() as scripted, resolver(scripted) as asker:
            await question(asker, scripted)

    asyncio.run(main())


def resolver(scripted: Scripted, clock: Callable[[], float] = lambda: 0.0) -> Resolver:
    return Resolver(scripted.server, clock=clock, timeout_seconds=0.2, tries=1)


def test_hosts_come_by_preference_with_their_ttl() -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        answer = await asker.mx("Two.Example.")
        assert answer.hosts == tuple(MxHost(p, f"mx{n}.two.example") for p, n in [(10, 0), (10, 1), (20, 2)])
        assert (answer.status, answer.implicit, answer.null, answer.ttl) == (Status.FOUND, False, False, 120)

    ask(question)


def test_a_domain_without_mx_is_its_own_host() -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        answer = await asker.mx("bare.example")
        assert (answer.hosts, answer.implicit) == ((MxHost(0, "bare.example"),), True)

    ask(question)


def test_null_mx_is_told_apart_from_a_muddled_one() -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        null, muddled = await asker.mx("null.example"), await asker.mx("muddled.example")
        assert (null.null, null.hosts) == (True, ())
        assert (muddled.null, muddled.hosts) == (False, (MxHost(10, "mx1.two.example"),))

    ask(question)


@pytest.mark.parametrize(
    ("name", "status", "ttl"),
    [
        ("nobody.example", Status.NO_DOMAIN, NEGATIVE_SECONDS),
        ("x" * 64 + ".example", Status.NO_DOMAIN, NEGATIVE_SECONDS),
        ("a..b", Status.NO_DOMAIN, NEGATIVE_SECONDS),
        ("broken.example", Status.FAILED, FAILED_SECONDS),
        ("refused.example", Status.FAILED, FAILED_SECONDS),
        ("silent.example", Status.FAILED, FAILED_SECONDS),
    ],
)
def test_what_goes_wrong_is_an_answer_with_a_ttl(name: str, status: Status, ttl: float) -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        asked = (asker.mx(name), asker.addresses(name), asker.txt(name), asker.ptr(name))
        for answer in await asyncio.gather(*asked):
            assert (answer.status, answer.ttl) == (status, ttl)
            assert answer.reason.startswith("ARES_")

    ask(question)


def test_a_server_that_is_not_there_is_a_failure() -> None:
    async def main() -> None:
        async with Scripted() as scripted:
            server = scripted.server
        async with Resolver(server, timeout_seconds=0.2, tries=1) as asker:
            assert (await asker.mx("two.example")).status is Status.FAILED

    asyncio.run(main())


def test_addresses_of_both_kinds_come_together_ipv4_first() -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        answer = await asker.addresses("mx1.two.example")
        assert (answer.addresses, answer.ttl) == (("192.0.2.1", "2001:db8::1"), 30)
        assert (await asker.addresses("two.example")).status is Status.NO_DATA

    ask(question)


def test_an_alias_is_followed_and_lends_its_ttl() -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        answer = await asker.addresses("alias.example")
        assert (answer.addresses, answer.ttl) == (("192.0.2.7",), 20)

    ask(question)


def test_a_text_in_pieces_is_joined() -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        assert set((await asker.txt("long.example")).texts) == {"v=DKIM1; p=" + "A" * 200 + "B" * 200, "second"}
        assert (await asker.txt("odd.example")).texts == ("\ufffd\ufffd",)

    ask(question)


def test_an_address_tells_its_names() -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        for _ in range(2):
            answer = await asker.ptr(reverse_name("192.0.2.7"))
            assert (answer.names, answer.ttl) == (("bare.example", "mail.bare.example"), 60)
        assert scripted.asked["7.2.0.192.in-addr.arpa. PTR"] == 1
        assert (await asker.ptr(reverse_name("2001:db8::1"))).status is Status.NO_DOMAIN

    ask(question)


def test_a_ttl_of_zero_is_kept_for_a_second() -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        assert (await asker.addresses("quick.example")).ttl == 1

    ask(question)


def test_names_in_other_letters_are_refused() -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        with pytest.raises(ValueError, match="A-labels"):
            await asker.mx("بريد.example")

    ask(question)


def test_even_a_gone_domain_is_asked_once_until_its_time_is_over() -> None:
    async def main() -> None:
        now = 0.0
        async with Scripted() as scripted, resolver(scripted, lambda: now) as asker:
            for _ in range(3):
                assert (await asker.mx("nobody.example")).status is Status.NO_DOMAIN
            assert scripted.asked["nobody.example. MX"] == 1
            now += NEGATIVE_SECONDS
            await asker.mx("nobody.example")
            assert scripted.asked["nobody.example. MX"] == 2

    asyncio.run(main())


def test_identical_questions_at_one_time_are_one() -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        await asyncio.gather(*(asker.mx("two.example") for _ in range(100)))
        assert scripted.asked["two.example. MX"] == 1

    ask(question)


def test_closing_amid_a_question_leaves_nobody_waiting() -> None:
    async def main() -> None:
        async with Scripted() as scripted:
            asker = Resolver(scripted.server, timeout_seconds=5, tries=2)
            waiting = asyncio.create_task(asker.mx("silent.example"))
            await asyncio.sleep(0.05)
            await asker.close()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(waiting, 1)

    asyncio.run(main())


def test_a_location_lists_every_host_with_its_addresses() -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        found = await find(asker, "two.example")
        assert isinstance(found, Found)
        assert [(host.name, host.preference, host.addresses, host.failed) for host in found.hosts] == [
            ("mx0.two.example", 10, ("192.0.2.10",), False),
            ("mx1.two.example", 10, ("192.0.2.1", "2001:db8::1"), False),
            ("mx2.two.example", 20, (), False),
        ]
        assert (found.implicit, found.ttl) == (False, 30)

    ask(question)


def test_a_host_that_cannot_be_asked_is_marked_while_another_serves() -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        found = await find(asker, "half.example")
        assert isinstance(found, Found)
        assert [host.failed for host in found.hosts] == [True, False]
        assert found.ttl == FAILED_SECONDS

    ask(question)


@pytest.mark.parametrize(
    ("domain", "reason", "permanent"),
    [
        ("nobody.example", Reason.NO_DOMAIN, True),
        ("null.example", Reason.NULL_MX, True),
        ("deaf.example", Reason.NO_ADDRESS, True),
        ("long.example", Reason.NO_ADDRESS, True),
        ("lame.example", Reason.DNS_FAILED, False),
        ("broken.example", Reason.DNS_FAILED, False),
    ],
)
def test_a_domain_without_a_place_says_why_and_whether_for_good(domain: str, reason: Reason, permanent: bool) -> None:
    async def question(asker: Resolver, scripted: Scripted) -> None:
        missing = await find(asker, domain)
        assert isinstance(missing, NotFound)
        assert (missing.reason, missing.permanent) == (reason, permanent)
        assert missing.ttl > 0

    ask(question)
