"""Errors and codes as sentences in the reader's language."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import get_language_bidi, gettext

from rida.campaign.domain_report import Note
from rida.console import words
from rida.delivery.trace import By, Line
from rida.kernel.errors import ContentError, RelayUnknown, RidaError
from rida.kernel.reply import Outcome, Reply, Step
from rida.preflight.checks import Finding
from rida.reports.trials import Trial
from rida.shaping.models import Source

_OURS = {"part", "kind", "missing", "state"}
"""Parameters whose values are codes of `words.PARAMS`. The others hold what somebody wrote, and stay as they are."""


def said(error: RidaError) -> str:
    """What happened and what to do next."""
    params = {name: _in_words(name, value) for name, value in error.params.items()}
    if isinstance(error, ContentError) and (code := str(error.params.get("code"))) in words.TAGS:
        params["detail"] = words.of(words.TAGS, code) % params
    sentence = gettext(error.says) % params
    part = error.params.get("part") if isinstance(error, ContentError) else None
    return f"{words.of(words.PARTS, str(part))}: {sentence}" if part else sentence


def tell(request: HttpRequest, error: RidaError) -> None:
    messages.error(request, said(error))


def finding(found: Finding) -> str:
    """A finding of preflight: what is wrong, and how it is mended."""
    params = {name: _in_words(name, value) for name, value in found.params.items()}
    return words.of(words.FINDINGS, found.code) % params


def note(found: Note) -> str:
    """What is to be said of a DNS record, and what to do next."""
    params = {name: _in_words(name, value) for name, value in found.params.items()}
    return words.of(words.DNS_NOTES, found.code) % params


def way(source: Source) -> str:
    """How mail leaves by this source."""
    named = str(source.settings.get("host") or source.settings.get("name") or source.name)
    return words.of(words.WAYS, source.route) % {"name": apart(named)}


def line(said: Line) -> tuple[str, str]:
    """Who speaks, and what: of a note its words."""
    if said.by is not By.NOTE:
        return said.by, said.text
    params = {name: apart(str(value)) for name, value in said.params.items()}
    code = "encrypted_unproved" if said.text == "encrypted" and said.params.get("proved") == "no" else said.text
    return said.by, words.of(words.DIALOGUE, code) % params


def advice(reply: Reply, outcome: Outcome) -> str:
    """What to do about a test that was not accepted; nothing where it was."""
    code = str(outcome.name).lower() if outcome not in _TOLD_BY_REPLY else _trouble(reply)
    return words.of(words.ADVICE, code) if code in words.ADVICE else ""


def late(trial: Trial) -> str:
    """Of a test of which nothing is heard."""
    return words.of(words.LATE, "silent" if trial.taken else "nobody")


_TOLD_BY_REPLY = (Outcome.DEFERRED, Outcome.BOUNCED)
_NO_ADDRESS = RelayUnknown.says.partition("%")[0]
_TURNED_AWAY = {
    Step.AUTH: "login",
    Step.MAIL: "sender_refused",
    Step.RCPT: "recipient_refused",
    Step.DATA: "message_refused",
    Step.DOT: "message_refused",
}


def _trouble(reply: Reply) -> str:
    if reply.code >= 500:
        return _TURNED_AWAY.get(reply.step, "turned_away")
    if reply.code:
        return "later"
    if reply.text.startswith("guard refused"):
        return "guard"
    if reply.text.startswith(_NO_ADDRESS):
        return "relay_name"
    return {Step.STARTTLS: "encryption", Step.AUTH: "login_way"}.get(reply.step, "no_connection")


def _in_words(name: str, value: object) -> str:
    if isinstance(value, list | tuple):
        return ("، " if get_language_bidi() else ", ").join(_in_words(name, each) for each in value)
    known = words.PARAMS if name in _OURS else words.BY_NAME.get(name, {})
    return words.of(known, str(value)) if str(value) in known else apart(str(value))


def apart(value: str) -> str:
    """What others wrote, in a direction of its own (Unicode's FSI and PDI), so that an Arabic sentence stays whole."""
    return f"\u2068{value}\u2069" if get_language_bidi() else value
