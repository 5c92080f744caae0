"""Contacts, topics and imports. A contact is no permission; that lives one stage earlier and outlives it."""

from typing import ClassVar

from django.db import models

from rida.accounts.models import User, Workspace


class Topic(models.Model):
    """What people sign up to. Its slug is the purpose in the permission ledger: never changed once used."""

    workspace = models.ForeignKey(Workspace, models.PROTECT)
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "slug"], name="one_topic_a_slug")]

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    # Written by the hundred thousand: the unique index below serves look-ups, and a constraint costs one a row.
    workspace = models.ForeignKey(Workspace, models.PROTECT, db_index=False, db_constraint=False)
    address = models.CharField(max_length=320)
    address_hash = models.BinaryField(max_length=16)
    domain = models.CharField(max_length=255)
    name = models.CharField(max_length=200, blank=True)
    locale = models.CharField(max_length=16, blank=True)
    zone = models.CharField(max_length=64, blank=True)
    attributes = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "address_hash"], name="one_contact_an_address")
        ]
        indexes: ClassVar = [models.Index(fields=["workspace", "id"], name="contact_walk")]


class Attribute(models.Model):
    """A typed column of the workspace's contacts; what an import does not know becomes text."""

    class Kind(models.TextChoices):
        TEXT = "text"
        NUMBER = "number"
        DATE = "date"
        FLAG = "flag"

    workspace = models.ForeignKey(Workspace, models.PROTECT)
    name = models.SlugField(max_length=60, allow_unicode=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "name"], name="one_kind_an_attribute")]


class Import(models.Model):
    """One file, how it was read, what it said about permission, and how far it has come."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"

    workspace = models.ForeignKey(Workspace, models.PROTECT)
    user = models.ForeignKey(User, models.SET_NULL, null=True)
    file_name = models.CharField(max_length=255)
    file_path = models.CharField(max_length=500)
    file_sha256 = models.BinaryField(max_length=32)
    charset = models.CharField(max_length=40, blank=True)
    mapping = models.JSONField(default=dict)
    """Column header to field (importer.Field, or attribute:<name>), or empty to leave the column out."""
    basis = models.CharField(max_length=24, blank=True)
    """Basis stated for the whole file; empty when a column shows it."""
    topic = models.ForeignKey(Topic, models.PROTECT)
    statement = models.TextField(blank=True)
    """The operator's own words on where the addresses come from (attestation)."""
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    rows = models.IntegerField(default=0)
    imported = models.IntegerField(default=0)
    updated = models.IntegerField(default=0)
    opted_out = models.IntegerField(default=0)
    """Of those taken in, rows that say the person unsubscribed elsewhere."""
    refused = models.IntegerField(default=0)
    bytes_total = models.BigIntegerField(default=0)
    bytes_read = models.BigIntegerField(default=0)
    error = models.JSONField(null=True)
    """{"code": error class, "params": {...}} when FAILED."""
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
