"""Sender identities and campaigns: make, change, and read as a draft."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from rida.accounts.models import Workspace
from rida.campaign import tags
from rida.campaign.content import Draft, Sender
from rida.campaign.models import Campaign, Identity
from rida.kernel.errors import NotAllowed, WrongState

_POSTAL = tags.listed("organisation street postal_code city region country")
_SENDER = _POSTAL | tags.listed("name from_address reply_to")
_IDENTITY = _SENDER | tags.listed("language address_confirmed_at")
_CAMPAIGN = tags.listed(
    "name identity topic message_class language subject preheader markup body ad_label give_up_hours"
)


def draft_of(campaign: Campaign) -> Draft:
    """What the campaign says now, with its sender and topic, as the content hash covers it."""
    topic = campaign.topic
    return Draft(
        subject=campaign.subject,
        preheader=campaign.preheader,
        markup=campaign.markup,
        body=campaign.body,
        language=campaign.language,
        message_class=campaign.message_class,
        ad_label=campaign.ad_label,
        topic_slug=topic.slug if topic else "",
        topic_name=topic.name if topic else "",
        sender=sender_of(campaign.identity) if campaign.identity else Sender(),
    )


def sender_of(identity: Identity) -> Sender:
    """The identity as content knows it, spaces around each field left out."""
    return Sender(**{name: getattr(identity, name).strip() for name in _SENDER})


def create_identity(workspace: Workspace, **fields: Any) -> Identity:
    """fields: those of the model. address_confirmed_at: when somebody last confirmed the postal address (R22)."""
    made = Identity(workspace=workspace)
    _assign(made, fields, _IDENTITY)
    made.save()
    return made


@transaction.atomic
def change_identity(identity: Identity, **fields: Any) -> Identity:
    """A changed postal address is unconfirmed until somebody confirms it."""
    kept = Identity.objects.select_for_update().get(pk=identity.pk)
    moved = any(getattr(kept, name) != fields[name] for name in _POSTAL & fields.keys())
    if moved:
        kept.address_confirmed_at = None
    _assign(kept, fields, _IDENTITY)
    kept.save()
    return kept


def create_campaign(workspace: Workspace, **fields: Any) -> Campaign:
    """fields: those of the model. Raises NotAllowed for an identity or a topic of another workspace."""
    made = Campaign(workspace=workspace)
    _assign(made, fields, _CAMPAIGN)
    _check_belongings(made)
    made.save()
    return made


@transaction.atomic
def change_campaign(campaign: Campaign, **fields: Any) -> Campaign:
    """Raises WrongState once it is launched: what left stays as it was read. NotAllowed as `create_campaign`."""
    kept = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if kept.state != Campaign.State.DRAFT:
        raise WrongState(state=kept.state)
    _assign(kept, fields, _CAMPAIGN)
    _check_belongings(kept)
    kept.save()
    return kept


def _check_belongings(campaign: Campaign) -> None:
    for thing in (campaign.identity, campaign.topic):
        if thing is not None and thing.workspace_id != campaign.workspace_id:
            raise NotAllowed


def _assign(thing: Identity | Campaign, fields: Mapping[str, Any], allowed: frozenset[str]) -> None:
    """Raises TypeError for a field that is not there to be set: the caller's mistake, as with any keyword."""
    for name, value in fields.items():
        if name not in allowed:
            raise TypeError(name)
        setattr(thing, name, value)
