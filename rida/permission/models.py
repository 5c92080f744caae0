"""The consent ledger: events that nobody can change, and a vault that can be erased.

An event holds no personal data: a keyed hash of the address, what happened, and a commitment to the evidence. Address,
salt and evidence lie in the vault; destroying a vault row leaves a commitment that says nothing (facts: standards §6.3).
"""

from typing import ClassVar

from django.db import models

from rida.accounts.models import Workspace

EVERY_PURPOSE = "*"
"""The purpose of an event that is about all mail of the workspace: an objection, a dead mailbox."""


class Event(models.Model):
    workspace = models.ForeignKey(Workspace, models.PROTECT)
    address_hash = models.BinaryField(max_length=16)
    purpose = models.CharField(max_length=80)
    kind = models.CharField(max_length=24)
    """See rules.Kind: requested, granted, confirmed, withdrawn, objected, suppressed ..."""
    basis = models.CharField(max_length=24, blank=True)
    """See rules.Basis; empty for events that take permission away."""
    grade = models.SmallIntegerField(default=0)
    """0 to 5 (E0..E5): how well the basis is proved."""
    basis_at = models.DateTimeField()
    """When the ground itself arose: the day of the purchase, the moment of the click."""
    recorded_at = models.DateTimeField()
    commitment = models.BinaryField(max_length=32)
    """SHA-256(salt || canonical JSON of the vault record)."""
    previous = models.BinaryField(max_length=32, null=True)
    """Commitment of this person's event before it, so that a gap shows."""

    class Meta:
        indexes: ClassVar = [models.Index(fields=["workspace", "address_hash", "id"], name="event_person")]


class Vault(models.Model):
    """What can be erased: the evidence behind an event, with the salt that binds them."""

    event = models.OneToOneField(Event, models.PROTECT, primary_key=True, related_name="vault")
    workspace = models.ForeignKey(Workspace, models.PROTECT)
    address = models.CharField(max_length=320)
    salt = models.BinaryField(max_length=32)
    evidence = models.JSONField()


class Leaf(models.Model):
    """An event's place in the Merkle log, given out in order and without gaps by `services.sequence`."""

    index = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(Event, models.PROTECT)
    workspace = models.ForeignKey(Workspace, models.PROTECT)
    hash = models.BinaryField(max_length=32)


class Checkpoint(models.Model):
    """A signed statement: the log of this size has this root (C2SP tlog-checkpoint). Of the whole installation."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    signed_at = models.DateTimeField()
