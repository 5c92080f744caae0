"""`rida backup` and `rida restore`: everything that is kept, in one file and back."""

import os
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from rida import embedded
from rida.embedded import keeping
from rida.embedded.keeping import Backup
from rida.kernel.errors import BackupUnfit, DataThere, SettingError, StorageError


def backup(file: Path, url: str) -> None:
    """Raises StorageError, DiskFull, DatabaseAway."""
    from django.conf import settings

    from rida.kernel.clock import now

    facts = {
        "rida": version("rida"),
        "made_at": now().isoformat(),
        "migrations": _applied(),
        "secret": _fingerprint(settings.SECRET_KEY),
    }
    given = bool(os.environ.get("RIDA_SECRET"))
    keeping.write(file, url, facts, "" if given else settings.SECRET_KEY)
    click.echo(
        f"{file}: {file.stat().st_size:,} bytes. It holds people's addresses: keep it where nobody else reads it."
    )
    if given:
        click.echo("RIDA_SECRET is not in it. Keep that too: without it old unsubscribe links die.")


def read(file: Path) -> Backup:
    """Before Django reads its settings, which would make a home without a secret another one. Raises BackupUnfit."""
    found = keeping.read(file)
    given = os.environ.get("RIDA_SECRET", "")
    if given and _fingerprint(given) != found.facts["secret"]:
        reason = "the backup was made with another; give that one, or leave it out and let the backup bring its own"
        raise SettingError(name="RIDA_SECRET", reason=reason)
    if not given and not found.secret:
        raise SettingError(name="RIDA_SECRET", reason="the backup does not hold it; give the one it was made with")
    os.environ["RIDA_SECRET"] = found.secret or given
    return found


def restore(found: Backup, url: str, *, replace: bool) -> None:
    """Raises BackupUnfit, DataThere, DatabaseInUse, StorageError, DiskFull; nothing was changed then."""
    from django.core.management import call_command
    from django.db import connection

    from rida.dispatch.restored import first_words, hold_all
    from rida.kernel.clock import now
    from rida.outbox.models import Launch

    _refuse_newer(found)
    _refuse_to_overwrite(url, replace=replace)
    connection.close()
    keeping.load(found, url, first_words())
    if found.secret:
        _keep_secret(embedded.home(), found.secret)
    call_command("migrate", verbosity=0, skip_checks=True)
    until = hold_all(now())
    paused = Launch.objects.filter(state=Launch.State.PAUSED).count()
    click.echo(
        f"Restored as of {found.facts['made_at'][:16].replace('T', ' ')} UTC. Launches that are paused: {paused}."
    )
    click.echo(f"What was sent since is not known here, so all networks hold until {until:%H:%M} UTC. A launch that is")
    click.echo("resumed writes to people who may have had the message already: look at each one first.")


def _applied() -> list[str]:
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def _refuse_newer(found: Backup) -> None:
    """Its tables would be read by a program that does not know them."""
    from django.db.migrations.loader import MigrationLoader

    known = {f"{app}.{name}" for app, name in MigrationLoader(None, ignore_no_migrations=True).disk_migrations}
    if not known.issuperset(found.facts["migrations"]):
        reason = f"it was made by a newer Rida ({found.facts['rida']} or later); install that one first"
        raise BackupUnfit(file=found.file, reason=reason)


def _refuse_to_overwrite(url: str, *, replace: bool) -> None:
    with embedded.connect(url) as database:
        tables = {row[0] for row in database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        if tables and "accounts_workspace" not in tables:
            raise StorageError(reason="it holds tables of another program; name an empty database in DATABASE_URL")
        anybody = "SELECT EXISTS (SELECT FROM accounts_workspace) OR EXISTS (SELECT FROM accounts_user)"
        if tables and not replace and _one(database.execute(anybody).fetchone()):
            raise DataThere


def _one(row: Any) -> Any:
    return row[0]


def _keep_secret(home: Path, secret: str) -> None:
    """In the place of one that a first start may have made. The old one is kept beside it."""
    embedded.make_home(home)
    file, draft = home / "secret", home / f"secret.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(secret)
    if file.exists() and file.read_text() != secret:
        file.replace(home / "secret.before-restore")
    draft.replace(file)


def _fingerprint(secret: str) -> str:
    """Tells two secrets apart, and gives none away."""
    return sha256(b"rida backup " + secret.encode()).hexdigest()[:16]
