"""People: find one, see what they allowed and how it is proved; the topics they sign up to."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _

from rida.accounts.rules import Verb
from rida.audience.models import Contact
from rida.audience.services import add_topic, find_contacts, topics
from rida.console import words
from rida.console.access import Inside, inside
from rida.console.forms import TopicForm
from rida.kernel.clock import now
from rida.permission.rules import EVERY_PURPOSE, TEST_PURPOSE, Terms
from rida.permission.services import Ask, HistoryLine, history, verdicts

_MOST = 50


@inside(Verb.LOOK)
def index(request: Inside) -> HttpResponse:
    text = request.GET.get("q", "")[:320]
    people = find_contacts(request.workspace, text, _MOST)
    known = bool(people) or Contact.objects.filter(workspace=request.workspace).exists()
    page = {"people": people, "q": text, "known": known, "most": _MOST if len(people) == _MOST else 0}
    return render(request, "console/people.html", page)


@inside(Verb.LOOK)
def show(request: Inside, contact_id: int) -> HttpResponse:
    person = get_object_or_404(Contact, pk=contact_id, workspace=request.workspace)
    names = {topic.slug: topic.name for topic in topics(request.workspace)}
    lines = [_line(line, names) for line in history(request.workspace.pk, person.address)]
    page = {"person": person, "standings": _standings(request, person), "lines": lines[::-1]}
    return render(request, "console/person.html", page)


def _standings(request: Inside, person: Contact) -> list[dict[str, Any]]:
    """May we write, for each topic, with the advertisement label on."""
    asked = list(topics(request.workspace))
    terms = [Terms(topic.slug, "commercial", ad_label=True) for topic in asked]
    hashed, profiles = bytes(person.address_hash), tuple(request.workspace.profiles)
    answers = verdicts([Ask(request.workspace.pk, hashed, each, profiles) for each in terms], now())
    return [
        {"topic": topic, "verdict": answer, "says": words.of(words.REASONS, answer.reason),
         "basis": words.of(words.BASES, answer.basis)}
        for topic, answer in zip(asked, answers, strict=True)
    ]  # fmt: skip


def _line(line: HistoryLine, names: dict[str, str]) -> dict[str, Any]:
    special = {EVERY_PURPOSE: _("All mail"), TEST_PURPOSE: _("Test messages")}
    return {
        "line": line,
        "event": words.of(words.EVENTS, line.kind),
        "purpose": special.get(line.purpose) or names.get(line.purpose, line.purpose),
        "basis": words.of(words.BASES, line.basis),
        "evidence": [
            (words.of(words.EVIDENCE, name), words.of(words.SAID, str(value)))
            for name, value in sorted((line.evidence or {}).items())
        ],
    }


@inside(Verb.LOOK)
def topics_page(request: Inside) -> HttpResponse:
    form = TopicForm(request.workspace, request.POST or None)
    if request.method == "POST" and Verb.WRITE in request.verbs and form.is_valid():
        add_topic(request.workspace, _free_slug(request, form.cleaned_data["name"]), **form.cleaned_data)
        messages.success(request, _("The topic is there. People can give permission for it now."))
        return redirect("topics")
    page = {"form": form, "topics": topics(request.workspace), "editable": Verb.WRITE in request.verbs}
    return render(request, "console/topics.html", page)


def _free_slug(request: Inside, name: str) -> str:
    """Its slug is the purpose in the ledger: two topics never share one."""
    wanted = slugify(name)[:50] or "topic"
    taken = set(topics(request.workspace).values_list("slug", flat=True))
    return next(slug for slug in (wanted, *(f"{wanted}-{n}" for n in range(2, 10_000))) if slug not in taken)
