"""Layla's copy of a launch, and the links in it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from rida.accounts.models import Workspace
from rida.audience.models import Contact
from rida.campaign.tests.drafts import draft
from rida.kernel.address import parse
from rida.outbox.links import Copy, Links
from rida.outbox.models import Delivery, Launch, Tranche
from rida.permission.rules import Basis, Grade, Kind, Terms
from rida.permission.services import Act, Ask, hash_of, record, verdicts
from rida.shaping.models import Network, Site
from rida.shaping.sources import sandbox_source

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LAYLA = parse("layla@rose-mail.example")
MERGE = {"name": "Layla Haddad", "first_name": "Layla", "email": str(LAYLA), "attributes": {}}


@dataclass(frozen=True)
class Letter:
    """One person's copy as it lies in their inbox."""

    copy: Copy

    @property
    def leave(self) -> str:
        return self._links.leave(self.copy).removeprefix(settings.RIDA_URL)

    @property
    def view(self) -> str:
        return self._links.view(self.copy).removeprefix(settings.RIDA_URL)

    @property
    def _links(self) -> Links:
        return Links(settings.RIDA_URL, settings.RIDA_SECRETS)

    def verdict(self, purpose: str = "offers") -> str:
        """Why the sender may still write to Layla about this, or may not."""
        terms = Terms(purpose, "commercial", ad_label=True)
        ask = Ask(self.copy.workspace_id, self.copy.address_hash, terms, ("US",))
        return verdicts([ask], datetime.now(UTC))[0].reason


def letter(**changes: Any) -> Letter:
    """Layla opted in to `offers` and to `news`; the letter is about offers. Changes are the draft's."""
    content = draft(**changes)
    workspace = Workspace.objects.create(name="Rosa & Daughters", slug="rosa", profiles=["US"])
    for topic in ("offers", "news"):
        yes = Act(Kind.CONFIRMED, topic, Basis.DOUBLE_OPT_IN, Grade.E4, NOW - timedelta(days=1), {})
        record(workspace.pk, LAYLA, yes, NOW - timedelta(days=1))
    launch = Launch.objects.create(
        source=sandbox_source(),
        workspace=workspace,
        kind=Launch.Kind.BULK,
        content=content.to_json(),
        content_hash=content.hash(),
        terms=Terms(content.topic_slug, "commercial", ad_label=True).to_json(),
        give_up_at=0,
        launched_at=NOW,
    )
    tranche = _tranche(launch)
    Delivery.objects.create(
        tranche=tranche, n=0, workspace=workspace, address=str(LAYLA), address_hash=hash_of(LAYLA), merge=MERGE
    )
    return Letter(Copy(workspace.pk, tranche.pk, 0, hash_of(LAYLA)))


def _tranche(launch: Launch) -> Tranche:
    network = Network.objects.create(key="net:192.0.2.0/24", name="net")
    return Tranche.objects.create(
        workspace=launch.workspace,
        launch=launch,
        network=network,
        site=Site.objects.create(network=network, key="site"),
        source=sandbox_source(),
        urgent=False,
        priority=100,
        end_n=1,
    )


def contact(of: Letter, locale: str) -> Contact:
    return Contact.objects.create(
        workspace_id=of.copy.workspace_id,
        address=str(LAYLA),
        address_hash=of.copy.address_hash,
        domain="rose-mail.example",
        locale=locale,
        created_at=NOW,
        changed_at=NOW,
    )
