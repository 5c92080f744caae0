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

import django
import pytest
from django.utils import translation

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
    (_folder / "home" / "static").mkdir(parents=True)  # WhiteNoise warns where it finds none, and warnings are errors
    os.environ["RIDA_SECRET"] = "only for tests"
    os.environ["RIDA_URL"] = "http://testserver"
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = embedded.ensure(_folder / "server")
    os.environ["DJANGO_SETTINGS_MODULE"] = "rida.settings"


@pytest.fixture(scope="session", autouse=True)
def _the_consent_ledger_can_be_emptied() -> Iterator[None]:
    """Tests with real commits empty all tables afterwards, which the append-only triggers refuse, as they should."""
    from django.db import connection
    from django.test import TransactionTestCase

    flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def flush_without_triggers(case: Any) -> None:
        with connection.cursor() as cursor:
            for word in ("DISABLE", "ENABLE"):
                for table in ("permission_event", "permission_leaf", "permission_checkpoint"):
                    cursor.execute(f"ALTER TABLE {table} {word} TRIGGER USER")
                if word == "DISABLE":
                    flush(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush_without_triggers)
        yield


@pytest.fixture(autouse=True)
def _each_test_begins_in_english() -> Iterator[None]:
    """A request leaves its reader's language behind in its thread, which is ours."""
    yield
    translation.deactivate()


def pytest_configure() -> None:
    """pytest-django looked for the settings before this file was read; xdist's workers inherit their name."""
    django.setup()
