"""What a reader of an HTML message sees: its links, its words, and what is hidden from the eye. Pure.

Looks at inline styles and attributes only; a body's style sheets are written into its elements before they get here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import lxml.html
from lxml.html import HtmlElement

from rida.preflight.exposure import LAWS

_LIMITS = LAWS["visibility"]
_BLOCKS = frozenset({"p", "td", "th", "div", "li", "blockquote", "center", "section", "footer", "body"})
_NO_WORDS = frozenset({"style", "script", "title", "head"})
_LENGTH = re.compile(r"(-?\d*\.?\d+)\s*(px|pt|em|rem|%|)")
_PIXELS = {"px": 1.0, "": 1.0, "pt": 4 / 3, "em": 16.0, "rem": 16.0, "%": 0.16}
_HEX = re.compile(r"#([0-9a-f]{3,8})\b")
_RGB = re.compile(r"rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)(?:[\s,/]+([\d.]+)(%?))?\s*\)")
_HSL = re.compile(r"hsla?\(\s*[\d.]+(?:deg)?[\s,]+[\d.]+%[\s,]+([\d.]+)%")
_FONT = re.compile(r"(?:^|\s)(\d*\.?\d+(?:px|pt|em|rem|%)?)(?=[\s/])")
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?|\\(.)")
_NAMED = {
    "white": "ffffff", "black": "000000", "red": "ff0000", "green": "008000", "blue": "0000ff", "yellow": "ffff00",
    "gray": "808080", "grey": "808080", "silver": "c0c0c0", "navy": "000080", "teal": "008080", "maroon": "800000",
    "purple": "800080", "olive": "808000", "lime": "00ff00", "aqua": "00ffff", "fuchsia": "ff00ff", "orange": "ffa500",
    "snow": "fffafa", "ivory": "fffff0", "whitesmoke": "f5f5f5", "ghostwhite": "f8f8ff", "floralwhite": "fffaf0",
    "lightgray": "d3d3d3", "lightgrey": "d3d3d3", "gainsboro": "dcdcdc",
}  # fmt: skip

Color = tuple[int, int, int]
_WHITE: Color = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Link:
    """words: what is clicked. around: all words of its paragraph. hidden: why it is not seen, or empty."""

    href: str
    words: str
    around: str
    hidden: str


class Page:
    """An HTML message, read once."""

    def __init__(self, html: str) -> None:
        self._root = lxml.html.document_fromstring(html or "<p></p>")

    def links(self) -> list[Link]:
        """Every link of the page, in order."""
        return [
            Link(link.get("href") or "", _joined(link), _joined(_block_of(link)), _hidden(link))
            for link in self._root.iter("a")
            if link.get("href")
        ]

    def words(self) -> str:
        """All words that can be seen, with single spaces."""
        return " ".join(" ".join(_seen(self._root)).split())


def _seen(element: HtmlElement) -> Iterator[str]:
    if isinstance(element.tag, str) and element.tag not in _NO_WORDS and not _hidden_itself(element):
        own = element.text or ""
        if own.strip() and not _faint(element):
            yield own
        for child in element:
            yield from _seen(child)
            if (child.tail or "").strip() and not _faint(element):
                yield child.tail


def _joined(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


def _block_of(link: HtmlElement) -> HtmlElement:
    return next((found for found in link.iterancestors() if found.tag in _BLOCKS), link)


def _hidden(link: HtmlElement) -> str:
    """Why a link is not seen: a code, or empty."""
    if not link.text_content().strip():
        return "no_words"
    # What is clicked may be dimmed by an element inside the link; the innermost that holds its first words decides.
    inner = next((part for part in link.iter() if isinstance(part.tag, str) and (part.text or "").strip()), link)
    chain = [inner, *inner.iterancestors()]
    return next((reason for element in chain if (reason := _hidden_itself(element))), "") or _faint(inner)


def _hidden_itself(element: HtmlElement) -> str:
    """Hides the element with all that is in it."""
    style = _style(element)
    if "hidden" in element.attrib or style.get("display") == "none" or "mso-hide" in style:
        return "not_displayed"
    if style.get("content-visibility") == "hidden":
        return "not_displayed"
    # A box that cuts off what does not fit has to be as high as letters are.
    least = _LIMITS["least_font_px"] if style.get("overflow") in ("hidden", "clip") else 0.0
    sizes = [_length(style.get(name, "")) for name in ("height", "width", "max-height", "max-width", "zoom")]
    if any(length is not None and (length == 0 or length < least) for length in sizes):
        return "no_size"
    if any(_length(element.get(name, "")) == 0 for name in ("height", "width")):
        return "no_size"
    far = [
        _length(style.get(name, "")) for name in ("left", "top", "right", "text-indent", "margin-left", "margin-top")
    ]
    if any(length is not None and length <= -_LIMITS["off_screen_px"] for length in far):
        return "off_screen"
    if "clip" in style or "clip-path" in style or "mask" in style or "opacity(" in style.get("filter", ""):
        return "clipped"
    if any(word in style.get("transform", "") for word in ("scale", "translate", "matrix")):
        return "clipped"
    return ""


def _faint(element: HtmlElement) -> str:
    """Not seen for a property that is inherited: there, but too faint or too small."""
    chain = [element, *element.iterancestors()]
    if next((value for found in chain if (value := _style(found).get("visibility"))), "visible") != "visible":
        return "not_visible"
    if _opacity(chain) < _LIMITS["least_opacity"]:
        return "transparent"
    size = next((length for found in chain if (length := _font_size(_style(found))) is not None), 16.0)
    if size < _LIMITS["least_font_px"]:
        return "too_small"
    return _colored(chain)


def _font_size(style: dict[str, str]) -> float | None:
    short = _FONT.search(style.get("font", ""))
    return _length(style.get("font-size", short[1] if short else ""))


def _colored(chain: list[HtmlElement]) -> str:
    ink = next((given for found in chain if (given := _ink(found))), "")
    if ink == "transparent":
        return "no_contrast"
    front, back = _color(ink), next((color for found in chain if (color := _background(found))), _WHITE)
    return "no_contrast" if front and _contrast(front, back) < _LIMITS["least_contrast"] else ""


def _ink(element: HtmlElement) -> str:
    style = _style(element)
    return style.get("-webkit-text-fill-color") or style.get("color") or element.get("color") or ""


def _background(element: HtmlElement) -> Color | None:
    style = _style(element)
    return _color(style.get("background-color") or style.get("background") or element.get("bgcolor") or "")


def _style(element: HtmlElement) -> dict[str, str]:
    """Its inline style as a browser reads it: without comments, escapes resolved."""
    written = _CSS_COMMENT.sub("", (element.get("style") or "").lower())
    plain = _CSS_ESCAPE.sub(lambda found: found[2] or chr(min(int(found[1], 16), 0x10FFFF)), written)
    pairs = (part.partition(":") for part in plain.split(";"))
    return {name.strip(): value.replace("!important", "").strip() for name, _, value in pairs}


def _length(value: str) -> float | None:
    """In pixels; None for what is no length."""
    found = _LENGTH.fullmatch(value.strip())
    return float(found[1]) * _PIXELS[found[2]] if found else None


def _opacity(chain: list[HtmlElement]) -> float:
    product = 1.0
    for element in chain:
        value = _style(element).get("opacity") or "1"
        try:
            product *= float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
        except ValueError:
            continue
    return product


def _color(value: str) -> Color | None:
    """An opaque colour; one that is nearly transparent counts as white paper, an unknown one as None."""
    value = value.lower()
    if found := _RGB.search(value):
        if found[4] and float(found[4]) / (100 if found[5] else 1) < _LIMITS["least_opacity"]:
            return _WHITE
        return int(found[1]), int(found[2]), int(found[3])
    if found := _HSL.search(value):
        gray = round(float(found[1]) * 2.55)
        return gray, gray, gray
    named = next((code for name, code in _NAMED.items() if re.search(rf"(?<![\w-]){name}(?![\w-])", value)), "")
    digits = named or (found[1] if (found := _HEX.search(value)) else "")
    if len(digits) in (3, 4):
        digits = "".join(sign * 2 for sign in digits)
    if len(digits) not in (6, 8):
        return None
    if len(digits) == 8 and int(digits[6:8], 16) / 255 < _LIMITS["least_opacity"]:
        return _WHITE
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def _contrast(one: Color, other: Color) -> float:
    """WCAG 2.2 contrast ratio, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    parts = [value / 255 for value in color]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
