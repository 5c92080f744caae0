"""Feedback events: what the world told us about a delivery, with the raw evidence beside it."""

from typing import ClassVar

from django.db import models

from rida.accounts.models import Workspace


class FeedbackEvent(models.Model):
    class Kind(models.TextChoices):
        BOUNCE = "bounce"
        COMPLAINT = "complaint"
        UNSUBSCRIBE = "unsubscribe"

    workspace = models.ForeignKey(Workspace, models.PROTECT)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    tranche_id = models.BigIntegerField(null=True)
    n = models.IntegerField(null=True)
    address_hash = models.BinaryField(max_length=16)
    raw = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tranche_id", "n"], name="feedback_delivery")]
