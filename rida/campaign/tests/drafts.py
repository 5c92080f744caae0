"""A draft and facts that tests of several stages start from."""

from typing import Any

from rida.campaign.content import Content, Draft, Sender, compile_content, plain

SENDER = Sender(
    name="Rosa's Flowers",
    from_address="rosa@flowers.example",
    reply_to="hello@flowers.example",
    organisation="Rosa's Flowers Ltd",
    street="12 Garden Street",
    postal_code="62704",
    city="Springfield",
    region="IL",
    country="US",
)
FACTS: dict[str, Any] = {
    "name": "Layla Haddad",
    "first_name": "Layla",
    "email": "layla@example.org",
    "attributes": {
        "rows": ["roses", "tulips"],
        "vip": True,
        "url": "https://x.example/a?b=c&d=e",
        "bad": "javascript:1",
    },
    "unsubscribe_url": "https://mail.flowers.example/u/abc-_1",
    "view_url": "https://mail.flowers.example/v/abc-_2",
}


def draft(**changes: Any) -> Draft:
    """A good draft with some fields changed; `sender` as a dict of changes."""
    sender = {**Draft(sender=SENDER).to_json()["sender"], **changes.pop("sender", {})}
    base = {
        "subject": "Mother's Day is on Sunday, {{ first_name|default('friend') }}",
        "body": "# Hello {{ first_name|default('friend') }}\n\nOur [roses](https://flowers.example/roses) are in.",
        "message_class": "commercial",
        "topic_slug": "offers",
        "topic_name": "Offers",
    }
    return Draft.from_json({**base, **changes, "sender": sender})


def filled(content: Draft | Content, **facts: Any) -> tuple[str, str, str]:
    """(subject, html, text) for the usual facts with some changed."""
    ready = compile_content(content) if isinstance(content, Draft) else content
    return ready.fill(plain({**FACTS, **facts}))
