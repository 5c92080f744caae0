"""Launches, tranches and deliveries.

A delivery is written once, by COPY, and never updated; a tranche (launch × network × site × source) holds the cursor
that says how far claims have come. Cancelling a million is one UPDATE of the launch.
"""

from typing import ClassVar

from django.db import models

from rida.accounts.models import User, Workspace
from rida.campaign.models import Campaign
from rida.shaping.models import Network, Site, Source


class Launch(models.Model):
    """What leaves, frozen: content, audience rule and terms, as preflight judged them."""

    class Kind(models.TextChoices):
        BULK = "bulk"
        TEST = "test"
        CONFIRMATION = "confirmation"

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        CANCELLED = "cancelled"
        FINISHED = "finished"

    workspace = models.ForeignKey(Workspace, models.PROTECT)
    campaign = models.ForeignKey(Campaign, models.PROTECT, null=True, related_name="launches")
    source = models.ForeignKey(Source, models.PROTECT)
    """By which it leaves, frozen like the content."""
    kind = models.CharField(max_length=12, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    urgent = models.BooleanField(default=False)
    """Time-critical: may use the reserve, and goes first."""
    resend_doubtful = models.BooleanField(default=False)
    priority = models.SmallIntegerField(default=100)
    content = models.JSONField()
    """The frozen content (render.Frozen as JSON)."""
    content_hash = models.BinaryField(max_length=32)
    terms = models.JSONField()
    """What the last look at permission needs: purpose, class, ad label, profiles (permission.rules.Terms as JSON)."""
    give_up_at = models.BigIntegerField()
    """Ledger ms after which a deferred delivery expires."""
    chunks = models.IntegerField(default=0)
    chunks_done = models.IntegerField(default=0)
    queued = models.IntegerField(default=0)
    excluded = models.JSONField(default=dict)
    """People of the audience who were not queued: {reason code: count}."""
    launched_by = models.ForeignKey(User, models.SET_NULL, null=True)
    launched_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)


class Chunk(models.Model):
    """A slice of the audience (contact ids from..to) that one ticket writes in one transaction; repeat is a no-op."""

    launch = models.ForeignKey(Launch, models.CASCADE)
    workspace = models.ForeignKey(Workspace, models.PROTECT)
    number = models.IntegerField()
    first_contact = models.BigIntegerField()
    last_contact = models.BigIntegerField()
    done = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["launch", "number"], name="one_chunk_a_number")]


class Tranche(models.Model):
    """A run of deliveries of one launch to one site, with a cursor. Claims advance `next_n`; nothing else does."""

    workspace = models.ForeignKey(Workspace, models.PROTECT)
    launch = models.ForeignKey(Launch, models.CASCADE)
    network = models.ForeignKey(Network, models.PROTECT)
    site = models.ForeignKey(Site, models.PROTECT)
    source = models.ForeignKey(Source, models.PROTECT)
    urgent = models.BooleanField()
    priority = models.SmallIntegerField()
    served_at = models.BigIntegerField(default=0)
    """Ledger ms of the last claim: the longest unserved goes first among equals."""
    next_n = models.IntegerField(default=0)
    end_n = models.IntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["launch", "network", "site", "source"], name="one_tranche_a_site")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["network", "source", "urgent", "priority", "served_at"],
                name="tranche_live",
                condition=models.Q(next_n__lt=models.F("end_n")),
            ),
        ]


class Delivery(models.Model):
    """One person's copy. `merge` is what the copy needs of the person, frozen at launch."""

    pk = models.CompositePrimaryKey("tranche_id", "n")
    tranche = models.ForeignKey(Tranche, models.CASCADE, db_index=False, db_constraint=False)
    n = models.IntegerField()
    workspace = models.ForeignKey(Workspace, models.PROTECT, db_index=False, db_constraint=False)
    contact_id = models.BigIntegerField(null=True)
    address = models.CharField(max_length=320)
    address_hash = models.BinaryField(max_length=16)
    merge = models.JSONField()
