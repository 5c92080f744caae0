"""The ticket that the worker runs now and then."""

from datetime import timedelta

import pytest

from rida.accounts.models import Workspace
from rida.kernel.address import parse
from rida.kernel.clock import now
from rida.kernel.engine import REGISTRY
from rida.permission.rules import Basis, Grade, Kind
from rida.permission.services import Act, history, record
from rida.permission.tickets import place_events

pytestmark = pytest.mark.django_db


def test_the_worker_gives_new_events_their_place_in_the_log() -> None:
    workspace = Workspace.objects.create(slug="alice", name="Alice")
    amal, at = parse("amal@rose-mail.example"), now() - timedelta(seconds=1)
    record(workspace.pk, amal, Act(Kind.GRANTED, "offers", Basis.SINGLE_OPT_IN, Grade.E2, at, {}), at)
    assert [line.index for line in history(workspace.pk, amal)] == [None]
    place_events()
    assert [line.index for line in history(workspace.pk, amal)] == [0]
    assert REGISTRY.kinds["place_events"].every_seconds == 30
