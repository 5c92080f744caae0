"""Networks, sites, sources, budgets and holds. These are the installation's, not a workspace's: a receiving network
counts everything that comes from us, whoever of our users sent it (design §4.1; docs/decisions.md)."""

from typing import ClassVar

from django.db import models

NEVER = 9_000_000_000_000_000
"""The ledger's infinity, in milliseconds."""


class Network(models.Model):
    """Mailboxes that share a receiving organisation's servers: the unit of limits."""

    key = models.CharField(max_length=120, unique=True)
    """`provider:google`, or `net:192.0.2.0/24` for servers nobody named."""
    name = models.CharField(max_length=200)
    provider = models.CharField(max_length=40, blank=True)

    def __str__(self) -> str:
        return self.name


class Site(models.Model):
    """One MX set with one TLS policy: the unit of connections."""

    network = models.ForeignKey(Network, models.PROTECT)
    key = models.CharField(max_length=500, unique=True)

    def __str__(self) -> str:
        return self.key


class Domain(models.Model):
    """Where a domain's mail went when it was last looked up."""

    name = models.CharField(max_length=255, primary_key=True)
    site = models.ForeignKey(Site, models.PROTECT, null=True)
    failure = models.CharField(max_length=40, blank=True)
    """A code of rida.dns.location.Reason; empty when it has a site."""
    located_at = models.DateTimeField()


class Source(models.Model):
    """How mail leaves: one outgoing address or relay account. The sandbox is the one that exists from the start."""

    class Route(models.TextChoices):
        SANDBOX = "sandbox"
        RELAY = "relay"
        DIRECT = "direct"

    name = models.CharField(max_length=80, unique=True)
    route = models.CharField(max_length=10, choices=Route.choices)
    settings = models.JSONField(default=dict)


class Budget(models.Model):
    """What one network accepts in a rolling window, in hand and in connections; the ledger locks this row.

    source null: the network's own limits, shared by everything. source set: a second row where that source has limits
    of its own. Room is the lesser of the two.
    """

    network = models.ForeignKey(Network, models.PROTECT, related_name="budgets")
    source = models.ForeignKey(Source, models.PROTECT, null=True)
    shard = models.SmallIntegerField()
    r = models.IntegerField(default=100)
    """Messages a rolling window."""
    c = models.IntegerField(default=10)
    """Messages in hand at once."""
    k = models.IntegerField(default=10)
    """Connections at once (open volleys; a connection lives only inside one)."""
    v = models.IntegerField(default=5)
    """Messages a volley."""
    pace_per_second = models.FloatField(null=True)
    """Set: claims are small and spread out instead of as fast as the window allows."""
    paced_until = models.BigIntegerField(default=0)
    in_hand = models.IntegerField(default=0)
    bulk_in_hand = models.IntegerField(default=0)
    volleys_open = models.IntegerField(default=0)
    next_due = models.BigIntegerField(default=NEVER)
    """When a claim could next succeed, ms; NEVER when idle or full in hand (a close resets it)."""
    hold_until = models.BigIntegerField(default=0)
    hold_reason = models.CharField(max_length=200, blank=True)
    pinned = models.BooleanField(default=False)
    """An operator set r, c, k or v by hand."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["network", "source"], name="one_budget", nulls_distinct=False)
        ]
        indexes: ClassVar = [
            models.Index(fields=["shard", "next_due"], name="budget_due", condition=models.Q(source=None))
        ]


class HoldEntry(models.Model):
    """Who held or released a network, and why; append-only."""

    network = models.ForeignKey(Network, models.PROTECT)
    until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200)
    by = models.CharField(max_length=320)
    at = models.DateTimeField()
