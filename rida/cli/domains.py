"""`rida dns check`: the records of a sender domain as they are to be published, with what stands now."""

import json
from collections.abc import Iterator

import click
from django.conf import settings

from rida.accounts.models import Workspace
from rida.campaign.domain_report import DomainReport, Judged, State
from rida.campaign.domains import check_domain, ensure
from rida.campaign.records import Kind, Way
from rida.cli.reading import the_workspace
from rida.console import say, words
from rida.kernel.clock import now
from rida.kernel.errors import SettingError
from rida.outbox.route import our_name
from rida.shaping.sources import source_of
from rida.shaping.ways import way_of

_MARKS = {State.OK: "+", State.UNREACHABLE: "?"}


def check(
    domain: str,
    workspace: str,
    report_to: str,
    *,
    as_json: bool,
    relay: str,
    include: str,
    addresses: tuple[str, ...],
    helo: str,
) -> int:
    """The exit code. Makes the key at the first call, because the record to publish holds its public half."""
    owner, at = the_workspace(workspace), now()
    told = (relay, include, addresses, helo)
    way = _told_way(*told) if any(told) else _chosen_way(owner)
    kept = ensure(owner, domain, at)
    report = check_domain(kept, way, settings.RIDA_RESOLVER, at, report_to=report_to)
    if as_json:
        proved = kept.proved_at.isoformat() if kept.proved_at else None
        click.echo(json.dumps({**report.to_json(), "stops": report.stops, "proved_at": proved}, ensure_ascii=False))
    else:
        _show(report)
    return int(report.stops)


def _chosen_way(owner: Workspace) -> Way:
    """By which the workspace's mail leaves; while that is the sandbox, as if it left straight from here."""
    chosen = way_of(source_of(owner), our_name())
    return _with_full_name(chosen or Way(Kind.DIRECT, our_name()))


def _told_way(relay: str, include: str, addresses: tuple[str, ...], helo: str) -> Way:
    """Raises SettingError for what cannot be a way out."""
    try:
        way = Way(Kind.RELAY if relay else Kind.DIRECT, helo or our_name(), addresses, relay, include)
    except ValueError as error:
        raise SettingError(name="--address", reason=str(error)) from error
    return _with_full_name(way)


def _with_full_name(way: Way) -> Way:
    if "." in way.helo and way.helo.isascii():
        return way
    raise SettingError(name="--helo", reason=f"“{way.helo}” is not a full name; give one such as mail.example.org")


def _show(report: DomainReport) -> None:
    for judged in report.records:
        click.echo("\n".join(_lines(judged)) + "\n")
    click.echo(_conclusion(report))


def _lines(judged: Judged) -> Iterator[str]:
    """One record: its state, what it is for, how to publish it, what stands there, and what to do."""
    mark = "!" if judged.stops else _MARKS.get(judged.state, "-")
    yield f"{mark} {words.of(words.RECORDS, judged.why)}: {words.of(words.RECORD_STATES, judged.look)}"
    yield f"    {words.of(words.RECORD_REASONS, judged.why)}"
    yield f"    name   {judged.record.name}"
    yield f"    type   {judged.record.kind}"
    yield f"    value  {judged.record.value}"
    if judged.state is not State.OK:
        yield from (f"    now    {text}" for text in judged.found)
    yield from (f"    → {say.note(note)}" for note in judged.notes)


def _conclusion(report: DomainReport) -> str:
    proof = "is proved to be yours" if report.proved else "is not proved to be yours yet"
    waiting = sum(judged.stops for judged in report.records)
    rest = f"{waiting} of {len(report.records)} records stop the mail" if waiting else "nothing stops the mail"
    return f"{report.domain} {proof}; {rest}."
