"""Errors and codes as sentences in the reader's language."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext

from rida.console import words
from rida.kernel.errors import ContentError, RidaError
from rida.preflight.checks import Finding


def said(error: RidaError) -> str:
    """What happened and what to do next."""
    params = {name: words.of(words.PARAMS, str(value)) for name, value in error.params.items()}
    sentence = gettext(error.says) % params
    part = error.params.get("part") if isinstance(error, ContentError) else None
    return f"{words.of(words.PARTS, str(part))}: {sentence}" if part else sentence


def tell(request: HttpRequest, error: RidaError) -> None:
    messages.error(request, said(error))


def finding(found: Finding) -> str:
    """A finding of preflight: what is wrong, and how it is mended."""
    params = {name: words.of(words.PARAMS, str(value)) for name, value in found.params.items()}
    return words.of(words.FINDINGS, found.code) % params
