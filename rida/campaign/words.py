"""The words that Rida itself puts into a message, by language; they live in words.toml. Pure."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from rida.campaign import tags

_RIGHT_TO_LEFT = tags.listed("ar arc ckb dv fa ha-arab he iw ks ku-arab nqo ps sd syr ug ur yi")
_WORDS: Mapping[str, Mapping[str, Any]] = tomllib.loads(
    files("rida.campaign").joinpath("words.toml").read_text(encoding="utf-8")
)
_FALLBACK = "en"

LANGUAGES = tuple(_WORDS)


def spoken(language: str) -> str | None:
    """The table for a language tag (`ar-SA` speaks `ar`), or None if its words are not written yet."""
    primary = language.lower().replace("_", "-").partition("-")[0]
    return primary if primary in _WORDS else None


def words(language: str) -> Mapping[str, Any]:
    """The words of a language; English where there are none, which preflight does not let pass in silence (R21)."""
    return _WORDS[spoken(language) or _FALLBACK]


def leave_marks() -> frozenset[str]:
    """What a link about leaving says, in all languages, lower case."""
    return frozenset(mark.lower() for table in _WORDS.values() for mark in table["leave_marks"])


def direction(language: str) -> str:
    """`rtl` or `ltr`, for the language of a content."""
    tag = language.lower().replace("_", "-")
    return "rtl" if tag in _RIGHT_TO_LEFT or tag.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"
