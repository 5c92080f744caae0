"""Gives the tests a throw-away PostgreSQL before Django reads its settings.

DATABASE_URL is used if it is set; else one embedded server is started for the whole run (RIDA_PG_BIN chooses its
version). pytest-xdist's workers inherit the address, and each gets a database of its own on it.
"""

import os
import tempfile
from pathlib import Path

from rida import embedded

_OURS = "PYTEST_XDIST_WORKER" not in os.environ
_FOLDER: Path | None = None


def _throw_away_folder() -> Path:
    """Short, for the socket's path; others may pass through, because root's server runs as a user of its own."""
    folder = Path(tempfile.mkdtemp(prefix="rida-"))
    folder.chmod(0o711)
    return folder


if _OURS:
    _FOLDER = _throw_away_folder()
    os.environ["RIDA_HOME"] = str(_FOLDER / "home")
    os.environ["RIDA_SECRET"] = "only for tests"
    os.environ["RIDA_URL"] = "http://testserver"
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = embedded.ensure(_FOLDER / "server")
    os.environ["DJANGO_SETTINGS_MODULE"] = "rida.settings"


def pytest_unconfigure() -> None:
    if _FOLDER is not None:
        for home in _FOLDER.iterdir():
            embedded.remove(home)
        _FOLDER.rmdir()
