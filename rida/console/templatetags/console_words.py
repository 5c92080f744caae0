"""Codes as words inside templates."""

import re

import idna
from django import template
from django.utils.translation import gettext

from rida.campaign.domain_report import Note
from rida.console import say, words
from rida.shaping.models import Source
from rida.shaping.unlocated import KEY as UNLOCATED

register = template.Library()
_ENCODED = re.compile(r"xn--[a-z0-9-]+", re.IGNORECASE)


@register.filter
def state(code: str) -> str:
    return words.of(words.STATES, code)


@register.filter
def message_class(code: str) -> str:
    return words.of(words.CLASSES, code)


@register.filter
def refusal(code: str) -> str:
    return words.of(words.REFUSALS, code)


@register.filter
def way(source: Source) -> str:
    return say.way(source)


@register.filter
def record_title(why: str) -> str:
    return words.of(words.RECORDS, why)


@register.filter
def record_reason(why: str) -> str:
    return words.of(words.RECORD_REASONS, why)


@register.filter
def record_state(state: str) -> str:
    return words.of(words.RECORD_STATES, state)


@register.filter
def dns_note(note: Note) -> str:
    return say.note(note)


@register.filter
def charset(codec: str) -> str:
    """Python's name of a codec as people write it: whether a mark stands first is nobody's concern."""
    return codec.upper().removesuffix("-SIG").replace("CP125", "Windows-125")


@register.filter
def own_letters(name: str) -> str:
    """Host names in the letters of their owners (RFC 5891); what is no such name stays as it is."""
    if name == UNLOCATED:
        return gettext("Not found in DNS yet")
    return _ENCODED.sub(lambda label: _decoded(label[0]), name)


def _decoded(label: str) -> str:
    try:
        return idna.ulabel(label)
    except idna.IDNAError:
        return label
