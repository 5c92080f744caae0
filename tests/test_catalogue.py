"""Arabic and English are equals: whatever a page, an e-mail page or an error says, it says in both."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest

REPOSITORY = Path(__file__).parents[1]
CATALOGUE = REPOSITORY / "rida/locale/ar/LC_MESSAGES/django.po"
ARABIC = polib.pofile(str(CATALOGUE))
LETTERS = re.compile("[\u0621-\u064a]")
PLACES = re.compile(r"%\(\w+\)s|\{\{.*?\}\}|</?bdi>")
MARKED = re.compile(
    r"""\{%\s*translate\s+(?:"([^"]+)"|'([^']+)')"""
    r"""|\b(?:_|gettext|gettext_noop)\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)"""
    r"""|\bpgettext_lazy\("\w+",\s*("(?:[^"\\]|\\.)*")\)"""
)


def _sentences(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


@pytest.mark.parametrize("entry", ARABIC, ids=lambda entry: entry.msgid[:40])
def test_every_sentence_is_arabic(entry: polib.POEntry) -> None:
    assert not entry.fuzzy and not entry.obsolete
    for sentence in _sentences(entry):
        assert sentence != entry.msgid and LETTERS.search(sentence)
        assert sorted(PLACES.findall(sentence)) == sorted(PLACES.findall(entry.msgid))


def test_every_number_has_its_form() -> None:
    plural = [entry for entry in ARABIC if entry.msgid_plural]
    assert plural and all(len(entry.msgstr_plural) == 6 for entry in plural)


def test_nothing_that_is_marked_is_missing() -> None:
    """Read from the sources without gettext's own tool, so that it runs wherever Python does."""
    known = {entry.msgid for entry in ARABIC}
    marked = set(_marked())
    assert len(marked) > 300
    assert marked - known == set()


def _marked() -> Iterator[str]:
    for file in (REPOSITORY / "rida").rglob("*"):
        if file.suffix in {".py", ".html"} and "tests" not in file.parts and "migrations" not in file.parts:
            for found in MARKED.finditer(file.read_text()):
                yield from _read(found)


def _read(found: re.Match[str]) -> Iterator[str]:
    in_template = found.group(1) or found.group(2)
    if in_template:
        yield in_template
    elif python := found.group(3) or found.group(4):
        yield "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', python))


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="gettext is not installed here; CI machines may lack it")
def test_gettext_finds_no_sentence_that_the_catalogue_lacks(tmp_path: Path) -> None:
    copy = tmp_path / "rida"
    shutil.copytree(REPOSITORY / "rida", copy, ignore=shutil.ignore_patterns("static", "tests", "__pycache__"))
    run = [sys.executable, "-m", "django", "makemessages", "-l", "ar", "--no-location", "--no-obsolete"]
    subprocess.run(run, cwd=copy, check=True, capture_output=True, timeout=120)
    again = polib.pofile(str(copy / "locale/ar/LC_MESSAGES/django.po"))
    assert [entry.msgid for entry in again if not entry.translated()] == []
    assert {entry.msgid for entry in again} == {entry.msgid for entry in ARABIC}
