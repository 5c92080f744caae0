"""Filling templates with one person's facts, whatever the template says and whatever the facts hold. Pure.

What a render may cost is bounded three ways: minijinja's fuel counts instructions; every value is weighed as it is
written (the finalizer); every turn of a loop is weighed by the text it will repeat (`spend`, put in by `metered`).
Fuel alone does not do it: one instruction may write a megabyte.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import Any

import minijinja

from rida.campaign import tags
from rida.kernel.errors import ContentError, ContentTooCostly

_FUEL = 20_000
_MAX_OUTPUT = 1_000_000
_MAX_VALUE = 10_000
_MAX_INTEGER = 2**63
_MAX_DEPTH = 5
_SPEND = "spend"
_LISTED = re.compile(r"(tests|filters): \[([^\]]*)\]")


class Merger:
    """Templates ready to be filled. A name that ends with `.html` is escaped. One thread at a time."""

    def __init__(self, templates: Mapping[str, str], fixed: Mapping[str, Any]) -> None:
        """templates: name to source, in the language of `tags`. fixed: what is the same for everybody.

        Raises ContentError with the line of the template.
        """
        self._written, self._escaping = 0, True
        self._environment = _bare_environment()
        self._environment.finalizer = self._write
        self._environment.add_filter(_SPEND, self._spend)
        for name, value in fixed.items():
            self._environment.add_global(name, value)
        for name, source in templates.items():
            with _our_errors():
                self._environment.add_template(name, metered(source))

    def fill(self, name: str, facts: Mapping[str, Any]) -> str:
        """The filled template. facts: as `plain` gives them. Raises ContentError, ContentTooCostly."""
        self._written, self._escaping = 0, name.endswith(".html")
        with _our_errors():
            return self._environment.render_template(name, **facts)

    def _write(self, value: Any) -> str:
        """A value as it is written. minijinja's own escaping would turn the slashes of every link into `&#x2f;`."""
        if value is None:
            return ""
        text = value if isinstance(value, str) else str(value)
        self._written += len(text)
        if self._written > _MAX_OUTPUT:
            _too_much("output", _MAX_OUTPUT)
        return escape(text) if self._escaping else text

    def _spend(self, size: int) -> str:
        self._written += size
        if self._written > _MAX_OUTPUT:
            _too_much("output", _MAX_OUTPUT)
        return ""


def plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The same facts, if they are nothing but text, numbers, lists and maps of a sensible size.

    The methods of any other object could be called from a template. Raises ContentTooCostly, ContentError (half a
    character).
    """
    return {str(name): _plain(value, 1) for name, value in facts.items()}


def names(source: str) -> frozenset[str]:
    """The facts that a text asks for, with dots: `attributes.city`; what its own loops define is left out.

    Raises ContentError.
    """
    tags.scan(source)
    with _our_errors():
        return frozenset(minijinja.Environment().undeclared_variables_in_str(source, nested=True))


def metered(source: str) -> str:
    """The template with the price of every turn of a loop written into the loop. Raises what `tags.scan` raises."""
    parts: list[str] = []
    loops: list[list[int]] = []
    for piece in tags.scan(source):
        parts.append(piece.source)
        if piece.word == "for":
            loops.append([len(parts), 0])
            parts.append("-" if piece.source.endswith("-%}") else "")
        elif piece.word == "endfor":
            place, size = loops.pop()
            parts[place] = f"{{{{{parts[place]} {size}|{_SPEND} {parts[place]}}}}}"
        elif piece.kind is tags.Kind.TEXT and loops:
            loops[-1][1] += len(piece.source)
    return "".join(parts)


def _bare_environment() -> minijinja.Environment:
    """What `tags` lists and nothing else, whatever this version of minijinja brings along."""
    bare = minijinja.Environment(
        debug=False, fuel=_FUEL, pycompat=False, undefined_behavior="chainable", auto_escape_callback=lambda _: False
    )
    brought = {kind: re.findall(r'"([^"]+)"', names) for kind, names in _LISTED.findall(_dump())}
    for name in set(brought["filters"]) - tags.FILTERS:
        bare.remove_filter(name)
    for name in set(brought["tests"]) - tags.TESTS:
        bare.remove_test(name)
    for name in list(bare.globals):
        bare.remove_global(name)
    for name, ours in _FILTERS.items():
        bare.add_filter(name, ours)
    return bare


def _dump() -> str:
    """minijinja lists what it brings along in the debug print of its state only."""
    return minijinja.Environment().render_str("{{ debug() }}", "dump.txt")


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except minijinja.TemplateError as error:
        costly = error.kind == "OutOfFuel" or "recursion limit" in error.message
        kind = ContentTooCostly if costly else ContentError
        raise kind(line=error.line or 1, code=error.kind, name="", detail=error.detail or error.message) from None
    except (TypeError, ValueError, ArithmeticError) as error:
        # From a filter of ours that was given what it cannot take, perhaps by one person's facts only: that refuses
        # the copy. As a mistake of the program it would set aside the whole volley, with other people's mail.
        raise ContentError(line=1, code="InvalidOperation", name="", detail=str(error)) from None


def _too_much(code: str, limit: int) -> None:
    raise ContentTooCostly(line=0, code=code, name=str(limit), detail=f"{code} over {limit} characters")


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < _MAX_INTEGER):
        return value
    if isinstance(value, str):
        if len(value) > _MAX_VALUE:
            _too_much("value", _MAX_VALUE)
        if not value.isascii() and re.search(r"[\ud800-\udfff]", value):
            raise ContentError(line=0, code="not_text", name="", detail="half a character")
        return value
    if depth > _MAX_DEPTH:
        _too_much("depth", _MAX_DEPTH)
    if isinstance(value, Mapping):
        return {str(name): _plain(part, depth + 1) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part, depth + 1) for part in value]
    raise ContentTooCostly(line=0, code="not_plain", name=type(value).__name__, detail=f"a {type(value).__name__}")


# --- filters of our own: those that could multiply are bounded, and blank counts as missing --------------------------


def _default(value: Any, other: Any = "", *_: Any) -> Any:
    """Jinja keeps an empty text; for a greeting, blank and missing are the same."""
    return other if value is None or value == "" else value


def _join(values: Any, separator: str = "") -> str:
    if isinstance(values, str):
        return values
    parts = ["" if value is None else str(value) for value in values or ()]
    if sum(map(len, parts)) + len(parts) * len(separator) > _MAX_VALUE:
        _too_much("value", _MAX_VALUE)
    return separator.join(parts)


def _replace(value: Any, old: str, new: str) -> str:
    text = "" if value is None else str(value)
    if len(text) + (text.count(old) if old else len(text) + 1) * len(new) > _MAX_VALUE:
        _too_much("value", _MAX_VALUE)
    return text.replace(old, new)


def _truncate(value: Any, length: int = 80) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= length else text[: max(length - 1, 0)].rstrip() + "…"


def _same(value: Any) -> Any:
    """`escape`: every value is escaped already, where it is written."""
    return value


_FILTERS: dict[str, Callable[..., Any]] = {
    "escape": _same,
    "e": _same,
    "default": _default,
    "d": _default,
    "join": _join,
    "replace": _replace,
    "truncate": _truncate,
}
