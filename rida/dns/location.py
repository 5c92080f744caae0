"""A domain's mail hosts with their addresses: all that shaping needs to name the network and the site."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from rida.dns.answers import AddressAnswer, MxAnswer, MxHost, Status
from rida.dns.resolver import Resolver

MOST_HOSTS = 16
"""A domain may list as many hosts as it likes; nobody can make us ask for hundreds."""


@dataclass(frozen=True, slots=True)
class MailHost:
    """addresses is empty when the host has none. failed: its address could not be learnt now."""

    name: str
    preference: int
    addresses: tuple[str, ...]
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """hosts: every MX host by preference, at least one of them with an address. ttl: seconds this may be kept."""

    domain: str
    hosts: tuple[MailHost, ...]
    implicit: bool
    ttl: float


class Reason(StrEnum):
    NO_DOMAIN = "no_domain"
    NULL_MX = "null_mx"
    NO_ADDRESS = "no_address"
    DNS_FAILED = "dns_failed"

    @property
    def permanent(self) -> bool:
        return self is not Reason.DNS_FAILED


@dataclass(frozen=True, slots=True)
class NotFound:
    """detail: what the resolver said, for the log."""

    domain: str
    reason: Reason
    ttl: float
    detail: str = ""

    @property
    def permanent(self) -> bool:
        return self.reason.permanent


async def find(resolver: Resolver, domain: str) -> Found | NotFound:
    """Where mail for `domain` (A-labels) goes. Never raises for what DNS says."""
    mx = await resolver.mx(domain)
    if mx.status is not Status.FOUND or mx.null:
        return _no_host(domain, mx)
    listed = mx.hosts[:MOST_HOSTS]
    answers = await asyncio.gather(*(resolver.addresses(host.name) for host in listed))
    return _located(domain, mx, listed, answers)


def _no_host(domain: str, mx: MxAnswer) -> NotFound:
    if mx.null:
        return NotFound(domain, Reason.NULL_MX, mx.ttl)
    reason = Reason.NO_DOMAIN if mx.status is Status.NO_DOMAIN else Reason.DNS_FAILED
    return NotFound(domain, reason, mx.ttl, mx.reason)


def _located(domain: str, mx: MxAnswer, listed: tuple[MxHost, ...], answers: list[AddressAnswer]) -> Found | NotFound:
    ttl = min(mx.ttl, *(answer.ttl for answer in answers))
    if not any(answer.addresses for answer in answers):
        failed = any(answer.status is Status.FAILED for answer in answers)
        return NotFound(domain, Reason.DNS_FAILED if failed else Reason.NO_ADDRESS, ttl, answers[0].reason)
    hosts = tuple(
        MailHost(host.name, host.preference, answer.addresses, answer.status is Status.FAILED)
        for host, answer in zip(listed, answers, strict=True)
    )
    return Found(domain, hosts, mx.implicit, ttl)
