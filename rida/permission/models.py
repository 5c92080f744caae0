"""The consent ledger: events that nobody can change, and a vault that can be erased.

An event holds no personal data: a keyed hash of the address, what happened, and a commitment to the evidence. Address,
salt and evidence lie in the vault; destroying a vault row leaves a commitment that says nothing.
"""

from typing import ClassVar

from django.db import models

from rida.accounts.models import Workspace

# Imports write these tables by the hundred thousand. `services` is their only writer and takes every id from rows that
# it holds, so foreign keys carry no constraint here: each would cost a look-up a row.


class Event(models.Model):
    workspace = models.ForeignKey(Workspace, models.PROTECT, db_index=False, db_constraint=False)
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
    """SHA-256(salt || canonical JSON of the record: what the vault holds and what happened, see commitment.py)."""
    previous = models.BinaryField(max_length=32, null=True)
    """Commitment of this person's event before it, so that a gap shows."""

    class Meta:
        indexes: ClassVar = [models.Index(fields=["workspace", "address_hash", "id"], name="event_person")]


class Vault(models.Model):
    """What can be erased: the evidence behind an event, with the salt that binds them."""

    event = models.OneToOneField(Event, models.PROTECT, primary_key=True, related_name="vault", db_constraint=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, db_index=False, db_constraint=False)
    address = models.CharField(max_length=320)
    salt = models.BinaryField(max_length=32)
    evidence = models.JSONField()


class Leaf(models.Model):
    """An event's place in the Merkle log, given out in order and without gaps by `services.sequence`."""

    index = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(Event, models.PROTECT, db_constraint=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, db_index=False, db_constraint=False)
    hash = models.BinaryField(max_length=32)


class Checkpoint(models.Model):
    """A signed statement: the log of this size has this root (C2SP tlog-checkpoint). Of the whole installation."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    signed_at = models.DateTimeField()
