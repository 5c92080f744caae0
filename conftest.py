"""Gives the tests a throw-away PostgreSQL before Django reads its settings.

DATABASE_URL is used if it is set; else one embedded server is started for the whole run (RIDA_PG_BIN chooses its
version). pytest-xdist's workers inherit the address, and each gets a database of its own on it.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rida import embedded


def _throw_away_folder() -> Path:
    """Short, for the socket's path; others may pass through, because root's server runs as a user of its own."""
    folder = Path(tempfile.mkdtemp(prefix="rida-"))
    folder.chmod(0o711)
    atexit.register(_throw_away, folder)  # pytest's own hooks are not called when the settings cannot be read
    return folder


def _throw_away(folder: Path) -> None:
    for home in folder.iterdir():
        embedded.remove(home)
    shutil.rmtree(folder)


if "PYTEST_XDIST_WORKER" not in os.environ:
    _folder = _throw_away_folder()
    os.environ["RIDA_HOME"] = str(_folder / "home")
    os.environ["RIDA_SECRET"] = "only for tests"
    os.environ["RIDA_URL"] = "http://testserver"
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = embedded.ensure(_folder / "server")
    os.environ["DJANGO_SETTINGS_MODULE"] = "rida.settings"
