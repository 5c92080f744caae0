"""Sender identities and campaigns. A campaign is a draft that people edit; what leaves is frozen by the outbox."""

from django.db import models

from rida.accounts.models import Workspace
from rida.audience.models import Topic


class Identity(models.Model):
    """Who a message is from, true and plain (R10), with the postal address the law wants (R22)."""

    workspace = models.ForeignKey(Workspace, models.PROTECT)
    name = models.CharField(max_length=120)
    from_address = models.CharField(max_length=320)
    reply_to = models.CharField(max_length=320, blank=True)
    language = models.CharField(max_length=8, default="en")
    organisation = models.CharField(max_length=200)
    street = models.CharField(max_length=200, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=120, blank=True)
    region = models.CharField(max_length=120, blank=True)
    country = models.CharField(max_length=2, blank=True)
    """ISO 3166-1 alpha-2."""
    address_confirmed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} <{self.from_address}>"


class SenderDomain(models.Model):
    """The domain of From addresses, with one key for all identities of it.

    It is proved when DNS shows our key under our selector: only the domain's owner can bring that about (design §8).
    """

    workspace = models.ForeignKey(Workspace, models.PROTECT)
    name = models.CharField(max_length=253)
    """In A-labels, lower case."""
    bounce_domain = models.CharField(max_length=253)
    """Of the envelope's sender: where bounces go, and what SPF is about."""
    selector = models.CharField(max_length=63)
    sealed_key = models.BinaryField()
    """The private key, PKCS #8 in PEM, sealed (`kernel.sealing`)."""
    created_at = models.DateTimeField()
    proved_at = models.DateTimeField(null=True)
    """When DNS first showed the key. Never taken back in silence: a launch asks DNS again."""
    last_checked_at = models.DateTimeField(null=True)
    last_report = models.JSONField(null=True)
    """What the last check found, as `DomainReport.to_json`."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_key_for_a_sender_domain")]

    def __str__(self) -> str:
        return self.name


class MessageClass(models.TextChoices):
    """R1: fixed before a message leaves, decides which duties apply."""

    COMMERCIAL = "commercial"
    TRANSACTIONAL = "transactional_relationship"
    DUAL = "dual"
    OTHER = "other"


class Campaign(models.Model):
    class State(models.TextChoices):
        DRAFT = "draft"
        LAUNCHED = "launched"

    class Markup(models.TextChoices):
        MARKDOWN = "markdown"
        HTML = "html"

    workspace = models.ForeignKey(Workspace, models.PROTECT)
    name = models.CharField(max_length=120)
    identity = models.ForeignKey(Identity, models.PROTECT, null=True)
    topic = models.ForeignKey(Topic, models.PROTECT, null=True)
    message_class = models.CharField(max_length=32, choices=MessageClass.choices, blank=True)
    language = models.CharField(max_length=8, default="en")
    subject = models.CharField(max_length=400, blank=True)
    preheader = models.CharField(max_length=400, blank=True)
    markup = models.CharField(max_length=10, choices=Markup.choices, default=Markup.MARKDOWN)
    body = models.TextField(blank=True)
    ad_label = models.BooleanField(default=True)
    """R20: say plainly that this is an advertisement (can be left out only where everybody consented)."""
    give_up_hours = models.FloatField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name
