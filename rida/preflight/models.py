"""Reports: what preflight found, tied to the hash of the content it judged."""

from django.db import models

from rida.accounts.models import User, Workspace
from rida.campaign.models import Campaign


class Report(models.Model):
    workspace = models.ForeignKey(Workspace, models.PROTECT)
    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="reports")
    content_hash = models.BinaryField(max_length=32)
    findings = models.JSONField()
    """[{"rule": "R22", "severity": "block" | "warn", "code": ..., "params": {...}}] in the order of CHECKS."""
    recipients = models.IntegerField()
    exposure_usd = models.BigIntegerField()
    penalty_usd = models.IntegerField()
    made_by = models.ForeignKey(User, models.SET_NULL, null=True)
    made_at = models.DateTimeField()
