"""Budgets come before launches for everybody, so that nobody waits in a circle."""

import threading

import pytest
from django.db import connection, transaction

from rida.dispatch.tests import world
from rida.outbox.halting import pause, resume
from rida.outbox.models import Launch


@pytest.mark.django_db(transaction=True)
def test_a_launch_is_resumed_while_a_chunk_of_it_is_written() -> None:
    """Writing a chunk holds the budgets of its sites, and in the end adds its people up in the launch."""
    made = world.campaign_to(3)
    pause(made.launch)
    failures: list[Exception] = []
    resumer = threading.Thread(target=lambda: _resume(made.launch, failures))
    with transaction.atomic():
        connection.cursor().execute("SELECT FROM shaping_budget WHERE network_id = %s FOR UPDATE", [made.network_id])
        resumer.start()
        world.wait_until_blocked()
        Launch.objects.filter(pk=made.launch_id).update(queued=3)
    resumer.join(10)
    assert failures == []
    made.launch.refresh_from_db()
    assert made.launch.state == Launch.State.RUNNING


def _resume(launch: Launch, failures: list[Exception]) -> None:
    try:
        resume(Launch.objects.get(pk=launch.pk))
    except Exception as error:  # noqa: BLE001 - it belongs to the test's own thread
        failures.append(error)
    finally:
        connection.close()
