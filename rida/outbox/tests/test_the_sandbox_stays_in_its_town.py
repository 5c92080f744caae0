"""Whose DNS is asked for the sandbox, and whose for the world."""

from pathlib import Path
from typing import Any

import pytest

from rida.kernel.errors import SettingError
from rida.outbox.route import Sandbox, sandbox, world
from rida.town.card import card_of, write_card
from rida.town.plan import default

WORLD = ("127.0.0.1", 53)


@pytest.fixture(autouse=True)
def _home(settings: Any, tmp_path: Path) -> None:
    settings.HOME, settings.RIDA_RESOLVER, settings.RIDA_MX_PORT = tmp_path, WORLD, 25


def test_a_town_of_this_home_is_asked_whoever_answers_for_the_world(settings: Any) -> None:
    (settings.HOME / "town").mkdir()
    write_card(settings.HOME / "town", card_of(default(), 2500, 5300))
    assert sandbox() == Sandbox(("127.0.0.1", 5300), 2500)
    assert (world().resolver, world().mx_port) == (WORLD, 25)


def test_without_one_it_is_the_named_resolver_on_this_machine(settings: Any) -> None:
    assert sandbox() == Sandbox(WORLD, 25)
    for elsewhere in (("192.0.2.1", 53), None):
        settings.RIDA_RESOLVER = elsewhere
        with pytest.raises(SettingError):
            sandbox()
