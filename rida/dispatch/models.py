"""Volleys, retries, outcomes. Written by `ledger.sql` only; these classes name the tables and read them.

Foreign keys have no constraint here: each would cost a lookup a row in the hottest tables, and the one writer takes the
ids from rows it holds.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from rida.accounts.models import Workspace
from rida.outbox.models import Launch, Tranche
from rida.shaping.models import Network, Site, Source


class Volley(models.Model):
    """Permit and lease in one: up to V deliveries of one site, one after another over one connection."""

    workspace = models.ForeignKey(Workspace, models.PROTECT, db_index=False, db_constraint=False)
    network = models.ForeignKey(Network, models.PROTECT, db_index=False, db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, db_index=False, db_constraint=False)
    source = models.ForeignKey(Source, models.PROTECT, db_index=False, db_constraint=False)
    node = models.CharField(max_length=32)
    urgent = models.BooleanField()
    n = models.SmallIntegerField()
    """Permits it holds: as claimed while open, as used after close."""
    opened_at = models.BigIntegerField()
    lease_until = models.BigIntegerField()
    counts_until = models.BigIntegerField()
    """Its permits count against R until then."""
    started = models.BooleanField(default=False)
    closed = models.BooleanField(default=False)
    tranche_ids = ArrayField(models.BigIntegerField())
    ns = ArrayField(models.IntegerField())
    attempts = ArrayField(models.SmallIntegerField())

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["network", "counts_until"], include=["n", "urgent", "source"], name="volley_window"),
            models.Index(fields=["lease_until"], name="volley_open", condition=models.Q(closed=False)),
            models.Index(fields=["network"], name="volley_network_open", condition=models.Q(closed=False)),
            models.Index(fields=["source", "counts_until"], include=["n", "urgent"], name="volley_source_window"),
            models.Index(fields=["source"], name="volley_source_open", condition=models.Q(closed=False)),
        ]


class Retry(models.Model):
    """A delivery that waits for another try. Deleted by the claim that takes it."""

    pk = models.CompositePrimaryKey("tranche_id", "n")
    tranche = models.ForeignKey(Tranche, models.CASCADE, db_index=False, db_constraint=False)
    n = models.IntegerField()
    workspace = models.ForeignKey(Workspace, models.PROTECT, db_index=False, db_constraint=False)
    launch = models.ForeignKey(Launch, models.CASCADE, db_constraint=False)
    network = models.ForeignKey(Network, models.PROTECT, db_index=False, db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, db_index=False, db_constraint=False)
    source = models.ForeignKey(Source, models.PROTECT, db_index=False, db_constraint=False)
    urgent = models.BooleanField()
    attempt = models.SmallIntegerField()
    """The try that is due, from 1."""
    due = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["network", "source", "urgent", "due"], name="retry_due")]


class Dialogue(models.Model):
    """What was said at one try of a test, beside its outcome. Append-only; other mail has none."""

    pk = models.CompositePrimaryKey("tranche_id", "n", "attempt")
    tranche = models.ForeignKey(Tranche, models.CASCADE, db_index=False, db_constraint=False)
    n = models.IntegerField()
    attempt = models.SmallIntegerField()
    workspace = models.ForeignKey(Workspace, models.PROTECT, db_index=False, db_constraint=False)
    lines = models.JSONField()
    """delivery.trace.Line as JSON"""
    at = models.BigIntegerField()


class OutcomeRow(models.Model):
    """How one attempt ended. Append-only; a doubtful row is overridden by any later row of the same delivery."""

    pk = models.CompositePrimaryKey("tranche_id", "n", "attempt", "doubt")
    tranche = models.ForeignKey(Tranche, models.CASCADE, db_index=False, db_constraint=False)
    n = models.IntegerField()
    attempt = models.SmallIntegerField()
    doubt = models.BooleanField(default=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, db_index=False, db_constraint=False)
    volley_id = models.BigIntegerField(null=True)
    kind = models.SmallIntegerField()
    """kernel.reply.Outcome"""
    step = models.CharField(max_length=10, blank=True)
    code = models.SmallIntegerField(default=0)
    enhanced = models.CharField(max_length=12, blank=True)
    reply = models.TextField(blank=True)
    """The remote's words, or the reason code of a delivery that was withheld."""
    at = models.BigIntegerField()

    class Meta:
        db_table = "dispatch_outcome"
