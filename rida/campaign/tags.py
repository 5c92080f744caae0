"""The merge-tag language: which tags a text may hold. Pure.

It is a small part of Jinja, read here before minijinja sees it: values with filters, `if` and `for`. What would let a
few lines ask for a machine's whole memory (macros, assignments, calls, repetition by `*`) is not offered, so that what
is left can be bounded (see `merging`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from rida.kernel.errors import ContentError, ContentTooCostly


def listed(names: str) -> frozenset[str]:
    """A set of names, written with spaces between them."""
    return frozenset(names.split())


FILTERS = listed(
    "abs capitalize count d default e escape first float int join last length lower replace round title trim truncate "
    "upper urlencode"
)
TESTS = listed(
    "defined undefined none string number even odd divisibleby eq ne lt le gt ge in startingwith endingwith true false"
)
STATEMENTS = listed("if elif else endif for endfor")

_WITHOUT_BOUND = listed(
    "macro call set recursive range center format indent tojson pprint wordwrap batch slice ljust rjust zfill "
    "lipsum map"
)
"""Jinja has these; with them the size of a result has nothing to do with the size of the text."""

_KEYWORDS = listed("and or not in is if elif else for")
_CLOSES = {"endif": "if", "endfor": "for"}
_MAX_SOURCE = 500_000
_MAX_TAG = 1_000
_MAX_DEPTH = 12

_OPENING = re.compile(r"\{[{%#]")
_ENDINGS = {"{{": re.compile(r"[-+]?\}\}"), "{%": re.compile(r"[-+]?%\}")}
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>\d[\d_.]*(?:[eE][-+]?\d+)?)"""
    r"""|(?P<word>[^\W\d]\w*)|(?P<sign>\*\*|==|!=|<=|>=|//|[-+*/%~|.,:()\[\]<>=])""",
    re.DOTALL,
)


class Kind(StrEnum):
    TEXT = "text"
    VALUE = "value"
    STATEMENT = "statement"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a template. `word`: what a statement begins with. `line` counts from 1."""

    kind: Kind
    source: str
    line: int
    word: str = ""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def scan(source: str) -> list[Piece]:
    """The pieces of `source`, in order, nothing left out.

    Raises ContentError (with the line) for what the language does not have, ContentTooCostly for what has no bound.
    """
    if len(source) > _MAX_SOURCE:
        raise ContentTooCostly(line=1, code="source", name=str(_MAX_SOURCE), detail=f"over {_MAX_SOURCE} characters")
    if lone := re.search(r"[\ud800-\udfff]", source):
        refuse("not_text", repr(lone[0]), 1 + source.count("\n", 0, lone.start()))
    pieces = list(_pieces(source))
    _check_nesting(pieces)
    return pieces


def refuse(code: str, name: str, line: int) -> NoReturn:
    """Raise the error that fits: `code` and `name` are for the catalogue, `detail` for the log."""
    kind = ContentTooCostly if name in _WITHOUT_BOUND or code == "repeats" else ContentError
    raise kind(line=line, code=code, name=name, detail=f"{code.replace('_', ' ')}: {name}")


def _pieces(source: str) -> Iterator[Piece]:
    at, line = 0, 1
    while at < len(source):
        opening = _OPENING.search(source, at)
        start = opening.start() if opening else len(source)
        if start > at:
            yield Piece(Kind.TEXT, source[at:start], line)
            line += source.count("\n", at, start)
        if opening is None:
            return
        piece = _comment(source, start, line) if opening[0] == "{#" else _tag(source, start, line)
        yield piece
        at = start + len(piece.source)
        line += piece.source.count("\n")


def _comment(source: str, start: int, line: int) -> Piece:
    end = source.find("#}", start + 2)
    if end < 0:
        refuse("not_closed", "{#", line)
    return Piece(Kind.COMMENT, source[start : end + 2], line)


def _tag(source: str, start: int, line: int) -> Piece:
    tokens, end = _tokens(source, start, line)
    if end - start > _MAX_TAG:
        refuse("repeats", "tag", line)
    _check_tokens(tokens, line)
    if source[start : start + 2] == "{{":
        return Piece(Kind.VALUE, source[start:end], line)
    return Piece(Kind.STATEMENT, source[start:end], line, _statement(tokens, line))


def _tokens(source: str, start: int, line: int) -> tuple[list[_Token], int]:
    """The tokens between the braces, and where the tag ends."""
    opening = source[start : start + 2]
    at = start + 2 + (source[start + 2 : start + 3] in ("-", "+"))
    tokens: list[_Token] = []
    while not (ending := _ENDINGS[opening].match(source, at)):
        found = _TOKEN.match(source, at)
        if found is None or found.lastgroup is None:
            refuse("unexpected" if at < len(source) else "not_closed", source[at : at + 1] or opening, line)
        if found.lastgroup != "space":
            tokens.append(_Token(found.lastgroup, found[0]))
        at = found.end()
    return tokens, ending.end()


def _statement(tokens: list[_Token], line: int) -> str:
    word = tokens[0].text if tokens else "{%"
    if word not in STATEMENTS:
        refuse("unknown_statement", word, line)
    if any(token.kind == "word" and token.text == "recursive" for token in tokens):
        refuse("repeats", "recursive", line)
    return word


def _check_tokens(tokens: list[_Token], line: int) -> None:
    """Every filter and test is on its list, nothing is called, nothing is multiplied."""
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else _Token("", "")
        if token.text in ("*", "**") and token.kind == "sign":
            refuse("repeats", token.text, line)
        elif before.text == "|" and before.kind == "sign":
            _check_filter(token, line)
        elif _after_is(tokens, at):
            _check_test(token, line)
        elif token.text == "(" and token.kind == "sign":
            _check_call(tokens, at, line)


def _check_filter(token: _Token, line: int) -> None:
    if token.kind != "word" or token.text not in FILTERS:
        refuse("unknown_filter", token.text, line)


def _after_is(tokens: list[_Token], at: int) -> bool:
    words = [token.text for token in tokens[max(at - 2, 0) : at] if token.kind == "word"]
    return words[-1:] == ["is"] or (words == ["is", "not"] and tokens[at - 1].text == "not")


def _check_test(token: _Token, line: int) -> None:
    if token.text != "not" and (token.kind != "word" or token.text not in TESTS):
        refuse("unknown_test", token.text, line)


def _check_call(tokens: list[_Token], at: int, line: int) -> None:
    """A parenthesis may group, or hold what a filter or test is given; it may not call."""
    before = tokens[at - 1] if at else _Token("sign", "(")
    if before.kind == "word" and (before.text in _KEYWORDS or _takes_arguments(tokens, at - 1)):
        return
    if before.kind == "sign" and before.text not in (")", "]"):
        return
    refuse("repeats", before.text, line)


def _takes_arguments(tokens: list[_Token], at: int) -> bool:
    return (at > 0 and tokens[at - 1].text == "|" and tokens[at - 1].kind == "sign") or _after_is(tokens, at)


def _check_nesting(pieces: list[Piece]) -> None:
    """Each `if` and `for` is closed in its own text: a body can not close a condition of the layout around it."""
    opened: list[Piece] = []
    for piece in pieces:
        if piece.word in ("if", "for"):
            opened.append(piece)
        elif piece.word and (not opened or _CLOSES.get(piece.word, opened[-1].word) != opened[-1].word):
            refuse("not_opened", piece.word, piece.line)
        elif piece.word in _CLOSES:
            opened.pop()
        if len(opened) > _MAX_DEPTH:
            refuse("repeats", piece.word, piece.line)
    if opened:
        refuse("not_closed", opened[-1].word, opened[-1].line)
