"""`rida demo`: a florist's Mother's Day reminder, from two CSV files to the last outcome.

Real processes, real sockets: a database, the town, the web pages and a worker. The rolling "hour" lasts 20 s here.
The figures at the end are counted by the ledger and, for the two limits, by the town's receivers.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from rida.cli.demo_customers import BUSY_NETWORK
from rida.cli.laboratory import free_port, throw_away_home

WINDOW_SECONDS = 20


def run(*, as_json: bool, keep: bool) -> int:
    """Tells the story; 0 if every figure is as promised."""
    click.echo(f"A florist's reminder. The rolling “hour” lasts {WINDOW_SECONDS} s in this demonstration.")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    times = {"window_seconds": WINDOW_SECONDS, "retry_seconds": "4,8,12", "lease_seconds": 10}
    with throw_away_home("demo", keep=keep, url=url, **times) as home, _household(port):
        from rida.cli.demo_story import Story  # its imports need Django

        figures = Story.begin(home, WINDOW_SECONDS).tell()
    _print_table(figures)
    if as_json:
        click.echo(json.dumps(figures))
    return 0 if _as_promised(figures) else 1


@contextmanager
def _household(port: int) -> Iterator[None]:
    from rida.cli.household import Household

    household = Household.of_home(port)
    try:
        household.start()
        yield
    finally:
        household.stop()


def _print_table(figures: Mapping[str, Any]) -> None:
    click.echo()
    for key, value in figures.items():
        if not isinstance(value, dict):
            click.echo(f"  {key:<26} {value:>8}")
    click.echo(f"\n  {'network (as its receivers counted)':<36} {'in a window':>11} {'at once':>8}")
    for name, most in figures["max_in_window_by_network"].items():
        click.echo(f"  {name:<36} {most:>11} {figures['max_at_once_by_network'][name]:>8}")


def _as_promised(figures: Mapping[str, Any]) -> bool:
    """Every copy has one outcome, no network saw more than its limit, and the busy one saw exactly the bulk cap."""
    outcomes = ("accepted", "bounced", "withheld", "expired", "cancelled", "doubtful")
    windows, at_once = figures["max_in_window_by_network"], figures["max_at_once_by_network"]
    checks = {
        "the outcomes sum to queued": sum(figures[name] for name in outcomes) == figures["queued"] > 0,
        "the busy network got exactly its bulk cap": windows.get(BUSY_NETWORK) == figures["bulk_cap"],
        "no network got more than 100 in a window": max(windows.values()) <= 100,
        "no network had more than 10 at once": max(at_once.values()) <= 10,
        "two people left, and it was heard": figures["unsubscribed_during_send"] == 2 and figures["withheld"] >= 1,
    }
    for what, kept in checks.items():
        if not kept:
            click.echo(f"NOT AS PROMISED: {what}", err=True)
    return all(checks.values())
