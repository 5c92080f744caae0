"""Codes as words inside templates."""

from django import template

from rida.console import words

register = template.Library()


@register.filter
def state(code: str) -> str:
    return words.of(words.STATES, code)


@register.filter
def message_class(code: str) -> str:
    return words.of(words.CLASSES, code)
