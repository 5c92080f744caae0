"""The named statements of `ledger.sql`, read once."""

import re
from functools import cache
from pathlib import Path

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


def functions() -> str:
    """The ledger's SQL functions, for the migration that installs them."""
    return (_HERE / "functions.sql").read_text()
