"""Sources: one outgoing address or relay account each; and by which of them a workspace's mail leaves.

Only owners of the installation open a way into the world (design §8).
"""

import json
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.db import transaction

from rida.accounts.models import AuditEntry, User, Workspace
from rida.accounts.services import note
from rida.campaign.domains import forget_reports, names_of, proved
from rida.kernel.clock import milliseconds
from rida.kernel.errors import DomainNotProved, NotAllowed, NotTested, PasswordInClear
from rida.kernel.sealing import Seal
from rida.shaping.models import Allowance, Departure, Source
from rida.shaping.routes import Caps, DirectSettings, RelaySettings

HEARD_WITHIN_SECONDS = 3.0
"""So long a node may go on with what it read of a source."""


def sandbox_source() -> Source:
    """The route that exists from the start: into the town on this machine, nowhere else."""
    return Source.objects.get_or_create(name="sandbox", defaults={"route": Source.Route.SANDBOX})[0]


def source_of(workspace: Workspace) -> Source:
    """By which the workspace's mail leaves: the sandbox until an owner chose another."""
    departure = departure_of(workspace)
    return departure.source if departure else sandbox_source()


def departure_of(workspace: Workspace) -> Departure | None:
    return Departure.objects.filter(workspace=workspace).select_related("source").first()


# --- making them ------------------------------------------------------------------------------------------------------


def save_relay(name: str, relay: RelaySettings, password: str, caps: Caps, user: User, at: datetime) -> Source:
    """Make or change a relay. password: in clear; empty keeps the one there is. Raises NotAllowed, PasswordInClear."""
    _owners_only(user)
    if relay.user and relay.tls in ("none", "opportunistic"):
        raise PasswordInClear
    with transaction.atomic():
        source = _source(name, Source.Route.RELAY)
        known = RelaySettings.from_json(source.settings).password if source.settings else ""
        sealed = _seal().close(password.encode(), _place(source)).hex() if password else known
        _set_caps(source, caps, at)  # before departures, as the ledger locks them
        _change(source, replace(relay, password=sealed), at)
        note(None, user, "source.relay", f"{name}: {relay.host}:{relay.port}")
    return source


def save_direct(name: str, direct: DirectSettings, user: User, at: datetime) -> Source:
    """Make or change a direct source. Raises NotAllowed."""
    _owners_only(user)
    with transaction.atomic():
        source = _source(name, Source.Route.DIRECT)
        _change(source, direct, at)
        note(None, user, "source.direct", f"{name}: {direct.name}")
    return source


def password_of(source: Source) -> str:
    """In clear, for the wire only. Raises SealBroken if it cannot be opened with the secrets of today."""
    sealed = RelaySettings.from_json(source.settings).password
    return _seal().open(bytes.fromhex(sealed), _place(source)).decode() if sealed else ""


def _seal() -> Seal:
    return Seal("relay", settings.RIDA_SECRETS)


def _place(source: Source) -> str:
    return f"source:{source.pk}"


def _source(name: str, route: str) -> Source:
    source, _ = Source.objects.select_for_update().get_or_create(name=name, defaults={"route": route})
    if source.route != route:
        source.route, source.settings = route, {}
    return source


def _change(source: Source, given: RelaySettings | DirectSettings, at: datetime) -> None:
    """Another door, or other addresses: whoever departs by it tests it again. Who was approved stays so."""
    before, source.settings = source.settings, json.loads(json.dumps(given.to_json()))
    source.save()
    if any(before.get(name) != value for name, value in source.settings.items() if name not in _CHANGES_NOTHING):
        departures = Departure.objects.filter(source=source)
        departures.update(changed_at=at, tested_at=None)
        forget_reports(departures.values_list("workspace_id", flat=True))


_CHANGES_NOTHING = {"messages_per_connection"}


def _set_caps(source: Source, caps: Caps, at: datetime) -> None:
    more = int(23 * settings.RIDA_WINDOW_SECONDS * 1000)
    limits = {"hour": caps.hour, "day": caps.day, "connections": caps.connections, "day_more_ms": more}
    # Whoever changed something wants it tried, but not by a node that has not heard of it: that would be held again.
    heard_at = milliseconds(at) + int(HEARD_WITHIN_SECONDS * 1000)
    values = {**limits, "hold_until": heard_at, "hold_reason": ""}
    Allowance.objects.update_or_create(source=source, defaults=values)


def held_because(source: Source, at: datetime) -> str:
    """A relay's words when it refused our login: until then its mail waits. Empty where nothing is held."""
    held = Allowance.objects.filter(source=source, hold_until__gt=milliseconds(at)).first()
    return held.hold_reason if held else ""


def real_sources() -> list[Source]:
    """Ways into the world that were set up, by name; they are the installation's."""
    return list(Source.objects.exclude(route=Source.Route.SANDBOX).order_by("name"))


def free_name(wanted: str) -> str:
    """A name that no other source has."""
    taken = set(Source.objects.filter(name__startswith=wanted[:70]).values_list("name", flat=True))
    return next(name for name in (wanted[:70], *(f"{wanted[:70]} {n}" for n in range(2, 10_000))) if name not in taken)


def caps_of(source: Source) -> Caps:
    """What a form shows."""
    row = Allowance.objects.filter(source=source).first()
    return Caps(row.hour, row.day, row.connections) if row else Caps()


# --- choosing ---------------------------------------------------------------------------------------------------------


def choose(workspace: Workspace, source: Source, user: User, at: datetime) -> None:
    """From now on this workspace's launches leave by `source`; what was launched before keeps its own."""
    _owners_only(user)
    with transaction.atomic():
        if source.route == Source.Route.SANDBOX:
            Departure.objects.filter(workspace=workspace).delete()
        else:
            Departure.objects.update_or_create(
                workspace=workspace,
                defaults={
                    "source": source, "chosen_by": user, "chosen_at": at, "changed_at": at,
                    "tested_at": None, "approved_by": None, "approved_at": None,
                },
            )  # fmt: skip
        forget_reports([workspace.pk])
        note(workspace, user, "source.choose", source.name)


def approve(workspace: Workspace, user: User, at: datetime) -> None:
    """An owner lets the first launch go into the world: the domain is proved, and a message to oneself arrived.

    Raises NotAllowed, DomainNotProved, NotTested.
    """
    _owners_only(user)
    departures = Departure.objects.filter(workspace=workspace)
    if not departures.filter(tested_at__isnull=False).exists():
        raise NotTested
    if not proved(workspace.pk):
        raise DomainNotProved(domain=", ".join(names_of(workspace)))
    if departures.filter(approved_at=None).update(approved_by=user, approved_at=at):
        note(workspace, user, "source.approve", source_of(workspace).name)


def history_of(workspace: Workspace) -> list[AuditEntry]:
    """Who opened which way, newest first."""
    return list(AuditEntry.objects.filter(workspace=workspace, verb__startswith="source.").order_by("-pk")[:20])


def _owners_only(user: User) -> None:
    if not user.is_owner:
        raise NotAllowed
