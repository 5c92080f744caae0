"""Asks both verifiers what they make of the messages that would leave, by one resolver's answers of this moment."""

from dataclasses import replace
from functools import partial

from asgiref.sync import async_to_sync

from rida.dns.inquiry import inquire
from rida.dns.resolver import Resolver
from rida.preflight import by_dkimpy, by_mailauth
from rida.preflight.opinion import Exhibit, Opinion

_MOST_ADDRESSES = 10


def opinions_on(exhibit: Exhibit, server: tuple[str, int] | None, *, host: str = "") -> tuple[Opinion, ...]:
    """server: the resolver to ask; None for the system's. host: whose addresses mail leaves from, where none is told.

    Seconds may pass: call it outside transactions and off the event loop.
    """
    return async_to_sync(_asked)(exhibit, server, host)


async def _asked(exhibit: Exhibit, server: tuple[str, int] | None, host: str) -> tuple[Opinion, ...]:
    async with Resolver(server) as resolver:
        if host and not exhibit.addresses:
            found = await resolver.addresses(host)
            exhibit = replace(exhibit, addresses=found.addresses[:_MOST_ADDRESSES])
        # One after the other: the second finds the answers there, and a slow DNS does not count as its slowness.
        judge, first = partial(by_dkimpy.judge, exhibit), by_dkimpy.first_questions(exhibit)
        ours = await inquire(resolver, judge, first)
        return ours, await by_mailauth.judge(exhibit, resolver)
