"""town.json: how others find a running town, and totals.json: what it has counted so far. Both written atomically."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rida.town.plan import Network, Plan

CARD_NAME = "town.json"
TOTALS_NAME = "totals.json"


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """hosts: (name, address), best first. prefix: the /24 by which shaping knows the network."""

    name: str
    prefix: str
    domains: tuple[str, ...]
    hosts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TownCard:
    """port: of all receivers. dns: of the resolver, on 127.0.0.1. pid: the town's process."""

    pid: int
    port: int
    dns_port: int
    networks: tuple[NetworkCard, ...]

    @property
    def resolver(self) -> tuple[str, int]:
        return ("127.0.0.1", self.dns_port)

    def network_at(self, prefix: str) -> str | None:
        """The town's name for what shaping knows by its /24."""
        return next((network.name for network in self.networks if network.prefix == prefix), None)


def card_of(plan: Plan, port: int, dns_port: int) -> TownCard:
    return TownCard(os.getpid(), port, dns_port, tuple(_network_card(network) for network in plan.networks))


def write_card(folder: Path, card: TownCard) -> None:
    write_json(folder / CARD_NAME, asdict(card))


def remove_card(folder: Path) -> None:
    (folder / CARD_NAME).unlink(missing_ok=True)


def read_card(folder: Path) -> TownCard | None:
    """None if no town is ready here. A town that was killed leaves its card behind; its pid tells."""
    try:
        found = json.loads((folder / CARD_NAME).read_text())
    except FileNotFoundError:
        return None
    networks = tuple(
        NetworkCard(row["name"], row["prefix"], tuple(row["domains"]), tuple((name, at) for name, at in row["hosts"]))
        for row in found["networks"]
    )
    return TownCard(found["pid"], found["port"], found["dns_port"], networks)


def read_totals(folder: Path) -> dict[str, dict[str, float]]:
    """Figures by network (`Tally.row`), at most half a second old; all networks count, fast ones too."""
    try:
        totals: dict[str, dict[str, float]] = json.loads((folder / TOTALS_NAME).read_text())
    except FileNotFoundError:
        return {}
    return totals


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(json.dumps(value, ensure_ascii=False))
    draft.replace(path)


def _network_card(network: Network) -> NetworkCard:
    hosts = tuple((host.name, host.address) for host in network.hosts)
    return NetworkCard(network.name, network.prefix, network.all_domains, hosts)
