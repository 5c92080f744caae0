"""The receiving organisations of providers.toml, and whose an MX host is. Pure, but for reading the file once."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib import resources
from typing import Any

from rida.shaping.limits import Wish


class Confidence(StrEnum):
    """Who says so."""

    PUBLISHED = "published"
    """The provider itself."""
    COMMUNITY = "community"
    """Other senders' configurations."""
    CAREFUL = "careful"
    """No figure was found: a low start of our own."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One row. connections, messages_per_connection: priors, None where nothing is known."""

    id: str
    name: str
    mx: tuple[str, ...]
    connections: int | None
    messages_per_connection: int | None
    source: str
    source_date: date
    confidence: Confidence
    verified: bool

    def owns(self, host: str) -> bool:
        """host: a name in A-labels, lower case, without its last dot."""
        return self.verified and any(_matches(pattern, host) for pattern in self.mx)

    @property
    def prior(self) -> Wish:
        return Wish(k=self.connections, messages_per_connection=self.messages_per_connection)


def provider_of(hosts: Collection[str], among: Sequence["Provider"] | None = None) -> Provider | None:
    """The provider to whom all the MX hosts belong. Vanity names that mix providers belong to none."""
    known = PROVIDERS if among is None else among
    return next((provider for provider in known if hosts and all(map(provider.owns, hosts))), None)


def named(provider_id: str) -> Provider | None:
    return next((provider for provider in PROVIDERS if provider.id == provider_id), None)


def _matches(pattern: str, host: str) -> bool:
    return host.endswith(pattern) if pattern.startswith(".") else host == pattern


def _provider(row: Mapping[str, Any]) -> Provider:
    return Provider(
        id=row["id"],
        name=row["name"],
        mx=tuple(row["mx"]),
        connections=row.get("conn"),
        messages_per_connection=row.get("msgs_per_conn"),
        source=row["source"],
        source_date=row["source_date"],
        confidence=Confidence(row["confidence"]),
        verified=row.get("verified", True),
    )


def _read() -> tuple[Provider, ...]:
    text = resources.files("rida.shaping").joinpath("providers.toml").read_text()
    return tuple(_provider(row) for row in tomllib.loads(text)["provider"])


PROVIDERS = _read()
