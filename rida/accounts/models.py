"""Users, workspaces and memberships. A workspace is one sender's world; nothing of it is seen from another."""

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models


class Role(models.TextChoices):
    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


class Workspace(models.Model):
    name = models.CharField(max_length=120)
    slug = models.SlugField(unique=True)
    profiles = models.JSONField(default=list)
    """Codes of the law profiles its sender is under, `US` first light's only one."""
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person who logs in with an e-mail address. `is_owner` owns the installation: only they define real routes."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    language = models.CharField(max_length=8, default="en")
    is_active = models.BooleanField(default=True)
    is_owner = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "email"

    def __str__(self) -> str:
        return self.email


class Membership(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "user"], name="one_role_each")]


class FirstLogin(models.Model):
    """The one link that makes the first owner: only its hash is kept, for fifteen minutes (design §8)."""

    token_hash = models.BinaryField(unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class LoginFailure(models.Model):
    """A login that went wrong, under a keyed hash: people type passwords where the address belongs."""

    email_hash = models.BinaryField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["email_hash", "at"], name="login_failures")]


class AuditEntry(models.Model):
    """What somebody did in the console, append-only by convention of `accounts.services.note`."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, null=True)
    user = models.ForeignKey(User, models.SET_NULL, null=True)
    verb = models.CharField(max_length=60)
    subject = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(auto_now_add=True)


class ApiKey(models.Model):
    """Lets a program act in one workspace. Only a hash of the token is kept; its first letters tell keys apart."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=12)
    token_hash = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
