"""Networks, sites, sources, budgets and holds. These are the installation's, not a workspace's: a receiving network
counts everything that comes from us, whoever of our users sent it (design §4.1; docs/decisions.md)."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from rida.accounts.models import User, Workspace
from rida.kernel.clock import now

NEVER = 9_000_000_000_000_000
"""The ledger's infinity, in milliseconds."""


RESTORED = "restored"
"""Why everything holds after a restore: what was sent since the backup is not known."""


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


class Realm(models.TextChoices):
    """Whose DNS is asked: the same domain has another place in the sandbox than in the world."""

    SANDBOX = "sandbox"
    WORLD = "world"


class Domain(models.Model):
    """Where a domain's mail went when it was last looked up."""

    realm = models.CharField(max_length=10, choices=Realm.choices)
    name = models.CharField(max_length=255)
    site = models.ForeignKey(Site, models.PROTECT, null=True)
    failure = models.CharField(max_length=40, blank=True)
    """A code of rida.dns.location.Reason; empty when it has a site."""
    located_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["realm", "name"], name="one_place_a_realm")]


class Source(models.Model):
    """How mail leaves: one outgoing address or relay account. The sandbox is the one that exists from the start."""

    class Route(models.TextChoices):
        SANDBOX = "sandbox"
        RELAY = "relay"
        DIRECT = "direct"

    name = models.CharField(max_length=80, unique=True)
    route = models.CharField(max_length=10, choices=Route.choices)
    settings = models.JSONField(default=dict)
    """See rida.shaping.routes."""

    def __str__(self) -> str:
        return self.name

    @property
    def realm(self) -> Realm:
        return Realm.SANDBOX if self.route == Source.Route.SANDBOX else Realm.WORLD


class Departure(models.Model):
    """By which source a workspace's mail leaves; none: the sandbox. The first launch into the world is approved by an
    owner of the installation (design §8)."""

    workspace = models.OneToOneField(Workspace, models.CASCADE)
    source = models.ForeignKey(Source, models.PROTECT)
    chosen_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    chosen_at = models.DateTimeField()
    changed_at = models.DateTimeField(default=now)
    """When the source was chosen, or its door or addresses last changed: only a test after it counts."""
    tested_at = models.DateTimeField(null=True)
    """A real message to oneself arrived at the next server. Set by the ledger, with the outcome."""
    approved_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)


class Allowance(models.Model):
    """What a source may send over all networks together, as a relay gives it to an account; the ledger locks this row.

    A source without one has no limit but the networks'.
    """

    source = models.OneToOneField(Source, models.CASCADE)
    hour = models.IntegerField(null=True)
    """Messages a rolling window."""
    day = models.IntegerField(null=True)
    """Messages a rolling day: 24 windows."""
    day_more_ms = models.BigIntegerField()
    """How much longer a permit counts for the day than for the window."""
    connections = models.IntegerField(null=True)
    """At once: open volleys."""
    hold_until = models.BigIntegerField(default=0)
    hold_reason = models.CharField(max_length=500, blank=True)


class Budget(models.Model):
    """What one network accepts in a rolling window, in hand and in connections; the ledger locks this row.

    source null: the network's own limits, shared by everything. source set: a second row where that source has limits
    of its own; dispatch.upkeep.limit_source alone makes it. Room is the lesser of the two, and never more than an
    allowance leaves.
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
    waits_for = ArrayField(models.BigIntegerField(), default=list)
    """Sources that have mail for this network and no room now. The network sleeps until one of them wakes it: else
    50,000 networks would be asked each time a relay's cap frees one message."""
    waits_since = models.BigIntegerField(default=NEVER)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["network", "source"], name="one_budget", nulls_distinct=False)
        ]
        indexes: ClassVar = [
            models.Index(fields=["shard", "next_due"], name="budget_due", condition=models.Q(source=None)),
            models.Index(fields=["waits_since"], name="budget_waits", condition=models.Q(waits_since__lt=NEVER)),
        ]


class HoldEntry(models.Model):
    """Who held or released a network, and why; append-only."""

    network = models.ForeignKey(Network, models.PROTECT)
    until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200)
    by = models.CharField(max_length=320)
    at = models.DateTimeField()
