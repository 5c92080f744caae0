"""The named statements of `ledger.sql`: read once, planned once a connection, run on the calling thread's own."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connection
from psycopg import Cursor

_HERE = Path(__file__).parent
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statement(name: str) -> str:
    """The SQL under `-- name: NAME`. KeyError if there is none."""
    return _statements()[name]


@cache
def _statements() -> dict[str, str]:
    parts = _NAME.split((_HERE / "ledger.sql").read_text())
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def fetch(name: str, **params: Any) -> list[tuple[Any, ...]]:
    """Its rows; none for a statement that returns none."""
    with _executed(name, params) as cursor:
        return cursor.fetchall() if cursor.description else []


def run(name: str, **params: Any) -> None:
    with _executed(name, params):
        pass


@contextmanager
def _executed(name: str, params: Mapping[str, Any]) -> Iterator[Cursor]:
    # Prepared: planning `pick` anew took longer than running it. Django binds in the client and never prepares.
    connection.ensure_connection()
    connection.connection.prepare_threshold = 1
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        cursor.execute(statement(name), params, prepare=True)
        yield cursor


def functions() -> str:
    """The ledger's SQL functions, for the migration that installs them."""
    return (_HERE / "functions.sql").read_text()
