"""The `rida` command: parse, call one service, print (text, or JSON with --json)."""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from rida.kernel.errors import DatabaseAway, RidaError


class Commands(click.Group):
    """Our own errors are a sentence and exit code 1, never a traceback."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except RidaError as error:
            _refuse(error)
        except Exception as error:
            from django.db import OperationalError  # not at the top: `rida --help` needs no Django

            if not isinstance(error, OperationalError):
                raise
            _refuse(DatabaseAway(reason=str(error).strip().partition("\n")[0]))


def _refuse(error: RidaError) -> NoReturn:
    click.echo(f"rida: {error}", err=True)
    sys.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rida")
def main() -> None:
    """Rida sends e-mail to many people at once: only to those who agreed, only as fast as their providers accept."""


def prepare() -> None:
    """Read the settings, start the home's database if it is ours, and bring its tables up to date."""
    open_house()
    from django.core.management import call_command  # Django is ready only now

    call_command("migrate", verbosity=0, skip_checks=True)
    from rida.shaping.services import apply_priors

    apply_priors()


def open_house() -> None:
    """Django ready, tables as they are. Commands import stages after this, because models need it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rida.settings")
    import django

    django.setup()


@main.command()
@click.option("--port", default=8000, show_default=True, help="where the web pages listen, on this machine only")
@click.option("--without-town", is_flag=True, help="no simulated internet, so nothing to rehearse in")
def up(port: int, without_town: bool) -> None:
    """Everything on this machine: database, town, web pages, worker. Ends with Ctrl-C."""
    from rida.cli.household import Household, check_port

    check_port(port)
    os.environ.setdefault("RIDA_URL", f"http://127.0.0.1:{port}")  # the links in mail lead to this port
    prepare()
    Household.of_home(port, with_town=not without_town).live()


@main.command()
@click.option("--port", default=8000, show_default=True, help="where the pages listen")
@click.option("--host", default="127.0.0.1", show_default=True, help="on which of this machine's addresses")
def web(port: int, host: str) -> None:
    """The web pages alone, for production behind a proxy."""
    from rida.cli.household import serve_web

    prepare()
    serve_web(host, port)


@main.command()
def worker() -> None:
    """A worker alone: as many as you like, on as many machines as you like, with the same DATABASE_URL."""
    prepare()
    from rida.dispatch.renaming import follow_providers
    from rida.worker import main as work

    follow_providers()
    work()


@main.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON object as the last line")
@click.option("--keep", is_flag=True, help="do not delete the home of the demonstration")
def demo(as_json: bool, keep: bool) -> None:
    """The florist's story, end to end, in a throw-away home. Ends by itself in under two minutes."""
    from rida.cli.demo import run

    sys.exit(run(as_json=as_json, keep=keep))


@main.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--workspace", default="", help="its short name; not needed while there is only one")
@click.option("--topic", default="", help="what the people signed up to; the workspace's first topic by default")
@click.option(
    "--basis",
    default="",
    help="why they may be written to, for the whole file: customer (each row holds a date of purchase), single_opt_in, "
    "or attestation (with --statement); by default a column of each row says it",
)
@click.option("--statement", default="", help="for an attestation: where the addresses come from")
def import_(file: Path, workspace: str, topic: str, basis: str, statement: str) -> None:
    """Import a CSV file of contacts with the ground for writing to them."""
    prepare()
    from rida.cli.reading import import_file

    import_file(file, workspace, topic, basis, statement)


@main.command()
@click.argument("address")
@click.option("--workspace", default="", help="its short name; not needed while there is only one")
def person(address: str, workspace: str) -> None:
    """One person's permission: every event, and what it comes to."""
    prepare()
    from rida.cli.reading import show_person

    show_person(address, workspace)


@main.command()
@click.argument("campaign", type=int)
def forecast(campaign: int) -> None:
    """When each network would finish, under the limits in force. CAMPAIGN is its number, as in its page's address."""
    prepare()
    from rida.cli.reading import show_forecast

    show_forecast(campaign)


@main.command()
@click.argument("campaign", type=int)
@click.option("--yes", is_flag=True, help="do not ask")
def send(campaign: int, yes: bool) -> None:
    """Preflight, then launch. CAMPAIGN is its number, as in its page's address."""
    prepare()
    from rida.cli.sending import send_campaign

    send_campaign(campaign, ask=not yes)


@main.group()
def dns() -> None:
    """The DNS records of the domains that mail comes from."""


@dns.command(name="check")
@click.argument("domain")
@click.option("--workspace", default="", help="its short name; not needed while there is only one")
@click.option("--relay", default="", help="host name of the relay, if mail leaves through one")
@click.option("--include", default="", help="what the relay tells its customers to include in SPF")
@click.option("--address", "addresses", multiple=True, help="an outgoing address; else those of --helo or --relay")
@click.option("--helo", default="", help="full name of this machine, by which it greets and takes bounces")
@click.option("--report-to", default="", help="address for the DMARC reports of receivers")
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def check_dns(domain: str, workspace: str, report_to: str, as_json: bool, **way: Any) -> None:
    """The exact records to publish for DOMAIN, and what stands of them now. Exit code 1 if mail may not leave yet.

    Without options it goes by the route that the workspace has chosen.
    """
    prepare()
    from rida.cli.domains import check

    sys.exit(check(domain, workspace, report_to, as_json=as_json, **way))


@main.group()
def route() -> None:
    """How mail leaves: the sandbox, a relay, or straight from here. It is chosen on the page “Out of the sandbox”."""


@route.command(name="show")
@click.option("--workspace", default="", help="its short name; not needed while there is only one")
def show_route(workspace: str) -> None:
    """By which way the workspace's mail leaves, and how far it is on its way out of the sandbox."""
    prepare()
    from rida.cli.routes import show

    show(workspace)


@route.command(name="test")
@click.option("--workspace", default="", help="its short name; not needed while there is only one")
@click.option("--campaign", type=int, help="its number; a short message of Rida's own without one")
@click.option("--user", default="", help="whose address gets it; the workspace's first owner by default")
@click.option("--seconds", default=90.0, show_default=True, help="how long to wait for the answer")
def test_route(workspace: str, campaign: int | None, user: str, seconds: float) -> None:
    """Send one real message to yourself, and read what was said. Exit code 1 if it was not accepted.

    A worker must run, such as that of `rida up`.
    """
    prepare()
    from rida.cli.routes import test

    sys.exit(test(workspace, campaign, user, seconds))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
def status(as_json: bool) -> None:
    """What is being sent, and how far it has come."""
    prepare()
    from rida.cli.reading import show_status

    show_status(as_json=as_json)


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write everything into FILE: the database and the home's secret. Rida may go on running."""
    prepare()
    from rida import embedded
    from rida.cli.keeping import backup as write_backup

    write_backup(file, embedded.database_url())


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="in the place of the data that are there, which are gone then")
def restore(file: Path, replace: bool) -> None:
    """Bring back what `rida backup` wrote. All networks hold for an hour, and campaigns stay paused."""
    from rida import embedded
    from rida.cli.keeping import read
    from rida.cli.keeping import restore as restore_backup

    found = read(file)
    open_house()
    restore_backup(found, embedded.database_url(), replace=replace)


@main.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
@click.argument("arguments", nargs=-1)
def bench(name: str, as_json: bool, arguments: tuple[str, ...]) -> None:
    """Measure: `rida bench import | sign | loop | town | send`. From a checkout; NAME is a file in `bench`."""
    from rida.cli.measuring import run_bench

    run_bench(name, arguments, as_json=as_json)
