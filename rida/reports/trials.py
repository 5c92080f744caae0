"""How a test fared: its newest outcome, when it is tried again, and what was said. Read from the ledger's rows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from rida.accounts.models import Workspace
from rida.delivery.trace import Line
from rida.dispatch.models import Dialogue, OutcomeRow, Retry, Volley
from rida.kernel.clock import moment
from rida.kernel.reply import Outcome, Reply, Step
from rida.outbox.models import Launch, Tranche
from rida.shaping.models import Departure

_SOON = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """outcome: of the newest try; None: there was none yet. taken: a worker is at it. again_at: when it is tried once
    more.
    """

    launch: Launch
    taken: bool = False
    outcome: Outcome | None = None
    reply: Reply | None = None
    at: datetime | None = None
    again_at: datetime | None = None
    lines: tuple[Line, ...] = ()

    @property
    def waits(self) -> bool:
        """Something is still to come."""
        return self.launch.finished_at is None and self.outcome in (None, Outcome.DEFERRED)

    @property
    def failed(self) -> bool:
        return self.outcome not in (None, Outcome.ACCEPTED)

    def is_late(self, now: datetime) -> bool:
        """Nothing is heard of it: perhaps no worker runs, or the server keeps silent."""
        return self.outcome is None and now - self.launch.launched_at > _SOON


def trial_of(launch: Launch) -> Trial:
    """Of a test, which is one message."""
    row = OutcomeRow.objects.filter(tranche__launch=launch).order_by("-attempt", "doubt").first()
    said = Dialogue.objects.filter(tranche__launch=launch).order_by("-attempt").first()
    retry = Retry.objects.filter(launch=launch).first()
    return Trial(
        launch=launch,
        taken=row is None and _is_taken(launch),
        outcome=Outcome(row.kind) if row else None,
        reply=_reply(row) if row else None,
        at=moment(row.at) if row else None,
        again_at=moment(retry.due) if retry and row else None,
        lines=tuple(map(Line.from_json, said.lines)) if said else (),
    )


def _is_taken(launch: Launch) -> bool:
    tranches = list(Tranche.objects.filter(launch=launch).values_list("pk", flat=True))
    return Volley.objects.filter(source=launch.source_id, closed=False, tranche_ids__overlap=tranches).exists()


def last_trial(departure: Departure) -> Trial | None:
    """The newest one by this way as it is now."""
    tests = Launch.objects.filter(kind=Launch.Kind.TEST, workspace=departure.workspace_id, source=departure.source_id)
    newest = tests.filter(launched_at__gte=departure.changed_at).order_by("-pk").first()
    return trial_of(newest) if newest else None


def running_tests(workspace: Workspace) -> list[Launch]:
    running = Launch.objects.filter(workspace=workspace, kind=Launch.Kind.TEST, state=Launch.State.RUNNING)
    return list(running.filter(finished_at=None))


def _reply(row: OutcomeRow) -> Reply:
    """Of an outcome that is ours (withheld, expired) the text is its reason, and the step says nothing."""
    step = Step(row.step) if row.step else Step.DATA
    return Reply(step, row.code, row.enhanced, row.reply)
