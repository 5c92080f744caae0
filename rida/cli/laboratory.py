"""A home that is thrown away: for the demonstration, measurements and storms. Nothing of the user's own is touched."""

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from rida import embedded
from rida.cli import prepare


@contextmanager
def throw_away_home(name: str, *, keep: bool = False, **settings: object) -> Iterator[Path]:
    """A migrated database in a new home, with these RIDA_ settings (names without the prefix) for us and our children.

    One a process: Django reads its settings once.
    """
    home = Path(tempfile.mkdtemp(prefix=f"rida-{name}-"))
    os.environ.pop("DATABASE_URL", None)
    os.environ.update(RIDA_HOME=str(home), RIDA_SECRET=secrets.token_urlsafe(32))
    os.environ.update({f"RIDA_{key.upper()}": str(value) for key, value in settings.items()})
    try:
        prepare()
        yield home
    finally:
        if keep:
            embedded.stop(home)
            click.echo(f"The home is kept: {home}")
        else:
            embedded.remove(home)


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
