"""One good campaign, and for each rule what makes it bad. Tests of the checks and of real launches share this page."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import formataddr
from typing import Any

from rida.campaign.content import Content, Draft, compile_content, plain
from rida.preflight.checks import Audience, Case, Specimen
from rida.preflight.opinion import Opinion, Verification

NOW = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)
CONFIRMED = datetime(2026, 1, 15, tzinfo=UTC)
BASE_URL = "https://mail.flowers.example"
CUSTOMERS = {("customer", 1): 2, ("double_opt_in", 4): 1}
ATTRIBUTES = frozenset({"city"})
PEOPLE: list[dict[str, Any]] = [
    {
        "name": "Layla Haddad",
        "first_name": "Layla",
        "email": "layla@example.org",
        "locale": "en",
        "zone": "",
        "attributes": {"city": "Amman"},
    },
    {"name": "", "first_name": "", "email": "nobody@example.org", "locale": "", "zone": "", "attributes": {}},
    {"name": "محمد علي", "first_name": "محمد", "email": "m@example.org", "locale": "ar", "zone": "", "attributes": {}},
]


@dataclass(frozen=True, slots=True)
class Bad:
    """What to change in a good campaign so that its rule stops the launch.

    campaign, identity: fields of those models. base_url: RIDA_URL, where no field can break the rule.
    """

    campaign: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)
    base_url: str = BASE_URL


BAD: dict[str, Bad] = {
    "R1": Bad({"message_class": ""}),
    "R10": Bad(identity={"name": "Your bank <service@bank.example>"}),
    "R12": Bad(
        {
            "markup": "html",
            "body": "<p>Roses.</p><p style='display:none'>To unsubscribe <a href='{{ unsubscribe_url }}'>click</a></p>",
        }
    ),
    "R16": Bad({"body": "Roses. [Unsubscribe in your account](https://flowers.example/login)"}),
    "R20": Bad({"ad_label": False}),
    "R21": Bad({"body": "Roses. [Goodbye]({{ unsubscribe_url }})"}),
    "R22": Bad(identity={"street": "", "city": ""}),
    "R63": Bad(base_url="ftp://mail.flowers.example"),
    "R70": Bad({"subject": "Re: your order"}),
    "R84": Bad({"body": "Dear {{ first_nam }}, %%CITY%% is near."}),
}


def good_campaign(**changes: Any) -> dict[str, Any]:
    """Fields of Campaign, but its name, identity and topic. Its audience are customers, so it needs the label."""
    return {
        "subject": "Mother's Day is on Sunday, {{ first_name|default('friend') }}",
        "preheader": "Order by Friday noon",
        "markup": "markdown",
        "body": "# Hello {{ first_name|default('friend') }}\n\nOur [roses](https://flowers.example/roses) are in.",
        "language": "en",
        "message_class": "commercial",
        "ad_label": True,
        **changes,
    }


def good_identity(**changes: Any) -> dict[str, Any]:
    """Fields of Identity, but when its address was confirmed (CONFIRMED)."""
    return {
        "name": "Rosa's Flowers",
        "from_address": "rosa@flowers.example",
        "reply_to": "hello@flowers.example",
        "organisation": "Rosa's Flowers Ltd",
        "street": "12 Garden Street",
        "postal_code": "62704",
        "city": "Springfield",
        "region": "IL",
        "country": "US",
        **changes,
    }


def good_draft(campaign: Mapping[str, Any] | None = None, identity: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A good draft as JSON, with some fields changed."""
    fields = good_campaign(**(campaign or {}))
    return {**fields, "topic_slug": "offers", "topic_name": "Offers", "sender": good_identity(**(identity or {}))}


def case_of(bad: Bad | None = None, **changes: Any) -> Case:
    """A case with a specimen for each of PEOPLE. changes: fields of Case.

    The header fields are written down by hand here; `outbox` judges the same campaigns by its own messages.
    """
    bad = bad or Bad()
    draft = Draft.from_json(good_draft(bad.campaign, bad.identity))
    content, leave = compile_content(draft), f"{bad.base_url}/u/abc-_123"
    made = [_specimen(draft, content, person, leave) for person in PEOPLE]
    good = Case(draft, made, Audience(3, CUSTOMERS), "sandbox", NOW, CONFIRMED, ATTRIBUTES)
    return replace(good, **changes)


def verified(case: Case, *opinions: Opinion) -> Case:
    """The case with what the verifiers say of it; by default both believe."""
    believed = (Opinion("dkimpy", "pass", "pass", "pass"), Opinion("mailauth", "pass", "pass", "pass"))
    return replace(case, verification=Verification(case.draft.hash(), opinions or believed))


def _specimen(draft: Draft, content: Content, person: Mapping[str, Any], leave: str) -> Specimen:
    links = {"unsubscribe_url": leave, "view_url": leave.replace("/u/", "/v/")}
    subject, html, text = content.fill(plain(person) | links)
    headers = {
        "Date": "Fri, 08 May 2026 09:00:00 +0000",
        "From": formataddr(("Rosa", draft.sender.from_address)),
        "To": person["email"],
        "Message-ID": "<1.2@flowers.example>",
        "Subject": subject,
        "List-Unsubscribe": f"<{leave}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return Specimen("person", tuple(headers.items()), subject, html, text, leave_url=leave)
