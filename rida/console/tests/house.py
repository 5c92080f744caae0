"""Two florists with a workspace each, and what they keep in it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.test import Client

from rida.accounts.models import Membership, Role, User, Workspace
from rida.accounts.services import create_owner, workspace_of
from rida.audience.models import Contact, Topic
from rida.audience.services import add_contact, add_topic
from rida.campaign.models import Campaign, Identity
from rida.campaign.services import create_campaign, create_identity
from rida.kernel.address import parse
from rida.permission.rules import Basis, Grade, Kind
from rida.permission.services import Act, record

NOW = datetime.now(UTC)
PASSWORD = "roses are red 7"


@dataclass(frozen=True)
class Shop:
    owner: User
    workspace: Workspace
    client: Client
    topic: Topic
    identity: Identity
    campaign: Campaign
    person: Contact


def shop(name: str, email: str, language: str = "en") -> Shop:
    """A florist with one topic, sender, campaign and contact who opted in."""
    owner = create_owner(email=email, name=name, password=PASSWORD, workspace_name=name, language=language)
    workspace = workspace_of(owner)
    assert workspace is not None
    topic = add_topic(workspace, "offers", f"Offers of {name}")
    identity = create_identity(
        workspace, name=name, from_address=email, organisation=name, street="12 Garden Street", postal_code="62704",
        city="Springfield", region="IL", country="US", address_confirmed_at=NOW,
    )  # fmt: skip
    campaign = create_campaign(
        workspace, name=f"Mother's Day of {name}", identity=identity, topic=topic, message_class="commercial",
        subject="Mother's Day is on Sunday", body="# Hello\n\nOur roses are in.",
    )  # fmt: skip
    person = add_contact(workspace, f"layla@{email.partition('@')[2]}", NOW, name=f"Layla of {name}")
    yes = Act(Kind.CONFIRMED, "offers", Basis.DOUBLE_OPT_IN, Grade.E4, NOW - timedelta(days=1), {"form": "shop"})
    record(workspace.pk, parse(person.address), yes, NOW)
    return Shop(owner, workspace, entered(owner), topic, identity, campaign, person)


def entered(user: User) -> Client:
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = user.language
    return client


def colleague(workspace: Workspace, role: Role) -> Client:
    user = User.objects.create_user(f"{role}@{workspace.slug}.example", PASSWORD)
    Membership.objects.create(workspace=workspace, user=user, role=role)
    return entered(user)
