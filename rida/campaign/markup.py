"""Markdown or HTML with merge tags, made into clean HTML and into text; the tags come through untouched. Pure.

The converters know no merge tags, so every tag travels as a mark: a word that nobody writes, or, for statements
between elements, a comment (HTML parsers move words out of tables, comments stay).
"""

import html
import re
from dataclasses import dataclass

import css_inline
import lxml.html
import nh3
from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml import etree
from markdown_it import MarkdownIt

from rida.campaign import tags
from rida.kernel.errors import ContentError

LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel"})

_ELEMENTS = tags.listed(
    "a abbr b bdi bdo big blockquote br caption center cite code col colgroup dd del div dl dt em figcaption figure "
    "font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s section small span strike strong sub sup table tbody "
    "td tfoot th thead tr tt u ul wbr header footer main article"
)
_DROPPED_WHOLE = tags.listed("script style title noscript template svg math object")
_ATTRIBUTES = {
    "*": tags.listed("align bgcolor border dir height hidden lang role style title valign width"),
    "a": frozenset({"href", "target"}),
    "img": frozenset({"src", "alt"}),
    "table": frozenset({"cellpadding", "cellspacing"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan", "scope"}),
    "font": frozenset({"color", "face", "size"}),
    "ol": frozenset({"start", "type"}),
}
_ADDRESSES = re.compile(r'\b(?:href|src)="([^"]*)"')
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
# What browsers leave out of an address before they look at its scheme.
_IGNORED = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\ufeff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ELEMENT = re.compile(r"<(?!!--)[^<>]*>")
_BRACE = re.compile(r"\{(?=[{%#])")
_ALONE = re.compile(r"(?m)^[ \t]*(\S+)[ \t]*$")
_TABLE_PARTS = re.compile(r"<(/?)(?:table|tbody|thead|tfoot|tr|caption)\b[^>]*>", re.IGNORECASE)
_CELLS = re.compile(r"<(/?)t[dh]\b[^>]*>", re.IGNORECASE)
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Body:
    """The body as two templates. `moving_links`: an address depends on facts, so it is looked at after merging."""

    html: str
    text: str
    moving_links: bool


def body(source: str, markup: str, style: str) -> Body:
    """source: what the author wrote. markup: `markdown` or `html`. style: CSS for Markdown.

    Raises ContentError (a tag that can not be read, a link whose scheme is not allowed), ContentTooCostly.
    """
    marked = _Marked(_CONTROLS.sub("", source))
    dirty = _from_markdown(marked, style) if markup == "markdown" else _from_html(marked)
    check_links(dirty, parsed=False)
    clean = _cleaned(dirty, marked)
    check_links(clean)
    return Body(marked.restored(clean), _as_text(clean, marked), _links_move(clean, marked))


def check_links(page: str, *, parsed: bool = True) -> None:
    """Every link and picture of a page has an allowed scheme, or none. Raises ContentError (code link_scheme).

    parsed=False reads the page with a parser first, for text that no sanitiser has put in order yet.
    """
    found = _ADDRESSES.findall(page) if parsed else _parsed_addresses(page)
    for address in found:
        scheme = _SCHEME.match(_IGNORED.sub("", html.unescape(address)))
        if scheme and scheme[1].lower() not in LINK_SCHEMES:
            name = scheme[1].lower()
            raise ContentError(line=0, code="link_scheme", name=name, detail=f"link scheme: {name}")


def literal_braces(text: str) -> str:
    """A template that says `text`, whatever braces it holds."""
    return _BRACE.sub("{{ '{' }}", text)


class _Marked:
    """A source with its tags taken out, and the way back."""

    def __init__(self, source: str) -> None:
        self.pieces = [piece for piece in tags.scan(source) if piece.kind is not tags.Kind.COMMENT]
        self._stem = next(stem for n in range(10**6) if (stem := f"rx{n}x") not in source)
        self._tags = [piece for piece in self.pieces if piece.kind is not tags.Kind.TEXT]
        self._mark = re.compile(rf"(?:<!--)?{self._stem}(\d+)z(?:-->)?")
        numbers = iter(range(len(self._tags)))
        self.text = "".join(
            piece.source if piece.kind is tags.Kind.TEXT else f"{self._stem}{next(numbers)}z" for piece in self.pieces
        )

    def restored(self, text: str) -> str:
        """The template. Braces that the converters made (from `&#123;` or `\\{`) are meant as braces, not as tags."""
        return self._mark.sub(lambda found: self._tags[int(found[1])].source, literal_braces(text))

    def with_comments(self, page: str) -> str:
        """Statements between elements as comments; those inside an element's own angle brackets stay words."""
        parts = re.split(r"(<[^<>]*>)", page)
        parts[::2] = [self._mark.sub(self._comment, part) for part in parts[::2]]
        return "".join(parts)

    def with_words(self, page: str) -> str:
        return self._mark.sub(lambda found: f"{self._stem}{found[1]}z", page)

    def _comment(self, found: "re.Match[str]") -> str:
        word = f"{self._stem}{found[1]}z"
        return f"<!--{word}-->" if self.is_statement(word) else word

    def is_statement(self, word: str) -> bool:
        found = self._mark.fullmatch(word)
        return found is not None and self._tags[int(found[1])].kind is tags.Kind.STATEMENT

    def order(self, text: str) -> list[str]:
        """The marks outside of angle brackets, in the order in which they stand."""
        return self._mark.findall(_ELEMENT.sub("", text))

    def values(self, text: str) -> list[str]:
        """The sources of the tags in a text."""
        return [self._tags[int(found[1])].source for found in self._mark.finditer(text)]


# --- to HTML --------------------------------------------------------------------------------------------------------

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable(["table", "strikethrough"])


def _from_markdown(marked: _Marked, style: str) -> str:
    """A statement alone on its line becomes a block of its own, so that a loop goes round whole elements."""
    spaced = _ALONE.sub(lambda line: f"\n{line[1]}\n" if marked.is_statement(line[1]) else line[0], marked.text)
    page = _MARKDOWN.render(spaced)
    page = re.sub(r"<p>(\S+)</p>", lambda p: p[1] if marked.is_statement(p[1]) else p[0], page)
    return css_inline.inline_fragment(marked.with_comments(page), style)


def _from_html(marked: _Marked) -> str:
    page = marked.with_comments(marked.text)
    if "<style" not in page.lower():
        return page
    return css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False).inline(page)


def _cleaned(dirty: str, marked: _Marked) -> str:
    clean = nh3.clean(
        dirty,
        tags=set(_ELEMENTS),
        clean_content_tags=set(_DROPPED_WHOLE),
        attributes={name: set(names) for name, names in _ATTRIBUTES.items()},
        url_schemes=set(LINK_SCHEMES),
        strip_comments=False,
        link_rel=None,
    )
    return _COMMENT.sub(lambda comment: comment[0] if marked.is_statement(comment[1]) else "", clean).strip()


def _parsed_addresses(page: str) -> list[str]:
    if not page.strip():
        return []
    root = lxml.html.fragment_fromstring(page, create_parent="div")
    return [address for _, attribute, address, _ in root.iterlinks() if attribute in ("href", "src", "background")]


def _links_move(clean: str, marked: _Marked) -> bool:
    """Does any address hold a tag other than our own two links?"""
    values = [value for address in _ADDRESSES.findall(clean) for value in marked.values(address)]
    return any(value.strip("{}- ") not in ("unsubscribe_url", "view_url") for value in values)


# --- to text --------------------------------------------------------------------------------------------------------


def _as_text(clean: str, marked: _Marked) -> str:
    """The text part, made from the HTML once a draft. Links stand behind their words, in brackets."""
    if not clean:
        return ""
    linked = _with_addresses(clean)
    text = _to_text(marked.with_words(linked))
    # The converter moves text that stands in a table but in no cell, which is where a loop over rows stands.
    if marked.order(text) != marked.order(linked):
        text = _to_text(marked.with_words(_without_tables(linked)))
    tight = re.sub(r"(?m)^(\S+)\n\n", lambda line: line[1] if marked.is_statement(line[1]) else line[0], text)
    return marked.restored(tight)


def _with_addresses(clean: str) -> str:
    root = lxml.html.fragment_fromstring(clean, create_parent="div")
    for link in root.iter("a"):
        address, words = link.get("href", ""), link.text_content().strip()
        if address and not address.startswith("#") and address.removeprefix("mailto:").removeprefix("tel:") != words:
            link.tail = f" ({address})" + (link.tail or "")
    for picture in root.iter("img"):
        picture.tail = (picture.get("alt") or "") + (picture.tail or "")
    page: str = etree.tostring(root, encoding="unicode", method="html", with_tail=False)
    return page


def _without_tables(page: str) -> str:
    return _CELLS.sub(lambda cell: "</span> " if cell[1] else "<span>", _TABLE_PARTS.sub(r"<\1div>", page))


def _to_text(page: str) -> str:
    text = get_text(page, ParserConfig(css=CSS_PROFILES["strict"]))
    lines = (line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
