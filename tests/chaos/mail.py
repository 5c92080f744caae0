"""The mail of the storm: people, permission and launches by the services, and what the ledger says in the end."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from rida.accounts.models import Workspace
from rida.audience.models import Topic
from rida.audience.services import add_contact
from rida.campaign.models import Campaign, Identity
from rida.kernel.address import parse
from rida.kernel.clock import now
from rida.kernel.reply import Outcome
from rida.outbox.services import examine, launch
from rida.permission.rules import Basis, Grade, Kind
from rida.permission.services import Act, record_many


@dataclass(frozen=True, slots=True)
class Row:
    message_id: str
    outcome: str | None
    doubted: int | None
    """The volley in which it became doubtful."""


def launch_to(domains: Sequence[str], each: int, *, urgent: bool) -> int:
    """A campaign of its own workspace to so many people of each domain; the launch's id."""
    workspace = workspace_of(urgent=urgent)
    topic = Topic.objects.create(workspace=workspace, slug="news", name="News")
    _people(workspace, topic, [f"p{number}@{domain}" for domain in domains for number in range(each)])
    campaign = Campaign.objects.create(
        workspace=workspace,
        name=workspace.name,
        identity=identity(workspace),
        topic=topic,
        message_class="commercial",
        subject="News for {{ name }}",
        body="Hello {{ name }}, here is the news.",
    )
    examine(campaign, None, now())
    return launch(campaign, None, now(), urgent=urgent).pk


def workspace_of(*, urgent: bool) -> Workspace:
    slug = "urgent" if urgent else "bulk"
    return Workspace.objects.get_or_create(slug=slug, defaults={"name": slug, "profiles": ["US"]})[0]


def _people(workspace: Workspace, topic: Topic, addresses: Sequence[str]) -> None:
    for address in addresses:
        add_contact(workspace, address, now(), name="Reader")
    act = Act(Kind.GRANTED, topic.slug, Basis.SINGLE_OPT_IN, Grade.E2, now(), {"form": "storm"})
    record_many(workspace.pk, [(parse(address), act) for address in addresses], now())


def identity(workspace: Workspace) -> Identity:
    return Identity.objects.create(
        workspace=workspace,
        name="Warda Flowers",
        from_address="hello@warda-flowers.example",
        organisation="Warda Flowers LLC",
        street="12 Rose Street",
        postal_code="10001",
        city="New York",
        region="NY",
        country="US",
        address_confirmed_at=now(),
    )


_ROWS = """
SELECT d.tranche_id, d.n, encode(substring(l.content_hash FROM 1 FOR 6), 'hex'),
       (SELECT o.kind FROM dispatch_outcome o WHERE o.tranche_id = d.tranche_id AND o.n = d.n AND o.kind <> 2
        ORDER BY o.doubt, o.attempt DESC LIMIT 1),
       (SELECT o.volley_id FROM dispatch_outcome o WHERE o.tranche_id = d.tranche_id AND o.n = d.n AND o.doubt LIMIT 1)
FROM outbox_delivery d JOIN outbox_tranche t ON t.id = d.tranche_id JOIN outbox_launch l ON l.id = t.launch_id
WHERE t.launch_id = ANY (%s)
"""


def ledger_rows(launches: Sequence[int]) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [list(launches)])
        return [
            Row(
                f"<{tranche}.{n}.{content}@warda-flowers.example>",
                Outcome(kind).name.lower() if kind else None,
                volley,
            )
            for tranche, n, content, kind, volley in cursor.fetchall()
        ]
