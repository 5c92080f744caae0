"""The good campaign of preflight's tests in a real database, for tests that launch."""

from collections.abc import Mapping
from typing import Any

from rida.accounts.models import Workspace
from rida.audience.models import Topic
from rida.audience.services import Member, add_contact, add_topic
from rida.campaign.models import Campaign, Identity
from rida.kernel.address import Address, parse
from rida.kernel.clock import now
from rida.permission.rules import Basis, Grade, Kind
from rida.permission.services import Act, hash_of, record
from rida.preflight.tests.cases import good_campaign, good_identity

OPT_IN = (Kind.GRANTED, Basis.SINGLE_OPT_IN, Grade.E2)
CUSTOMER = (Kind.GRANTED, Basis.CUSTOMER, Grade.E1)
ATTESTED = (Kind.GRANTED, Basis.ATTESTATION, Grade.E1)


def workspace(slug: str = "alice") -> Workspace:
    return Workspace.objects.get_or_create(slug=slug, defaults={"name": slug.title(), "profiles": ["US"]})[0]


def topic(of: Workspace) -> Topic:
    return add_topic(of, "offers", "Offers")


def person(address: str, ground: tuple[Kind, Basis, Grade] | None = CUSTOMER, of: Workspace | None = None) -> Member:
    """A contact, with what allows to write to them; None: nothing does."""
    home = of or workspace()
    contact = add_contact(home, address, now(), name="Layla Haddad")
    if ground is not None:
        decide(parse(address), *ground, of=home)
    parsed = parse(address)
    merge = {"name": contact.name, "first_name": "Layla", "email": str(parsed), "locale": "", "attributes": {}}
    return Member(contact.pk, str(parsed), hash_of(parsed), parsed.domain, merge)


def decide(
    address: Address | str, kind: Kind, basis: Basis | str = "", grade: Grade = Grade.E0, of: Workspace | None = None
) -> None:
    act = Act(kind, "offers", basis, grade, now(), {"form": "test"})
    record((of or workspace()).pk, parse(str(address)), act, now())


def campaign(fields: Mapping[str, Any] | None = None, sender: Mapping[str, Any] | None = None) -> Campaign:
    """As rows, past the forms, which would refuse some of what a test spoils."""
    home = workspace()
    identity = Identity.objects.create(
        workspace=home, address_confirmed_at=now(), **good_identity(**(sender or {})), language="en"
    )
    return Campaign.objects.create(
        workspace=home, name="Mother's Day", identity=identity, topic=topic(home), **good_campaign(**(fields or {}))
    )
