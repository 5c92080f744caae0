"""Budgets come before launches for everybody, so that nobody waits in a circle."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from django.db import connection, transaction

from rida.delivery.ports import Host, Item, Place, Result, Volley
from rida.dispatch.ledger import Ledger
from rida.dispatch.records import Entry
from rida.dispatch.tests import world
from rida.kernel.clock import now
from rida.kernel.reply import Outcome, Reply, Step
from rida.outbox.halting import pause, resume
from rida.outbox.models import Launch
from rida.permission.rules import Grade, Kind
from rida.permission.services import Act, record_hashes
from rida.permission.services import Entry as Permission
from rida.shaping.models import Network
from rida.shaping.places import assign_place


@pytest.mark.django_db(transaction=True)
def test_a_launch_is_resumed_while_a_chunk_of_it_is_written() -> None:
    """Writing a chunk holds the budgets of its sites, and in the end adds its people up in the launch."""
    made = world.campaign_to(3)
    pause(made.launch)
    failures: list[Exception] = []
    resumer = threading.Thread(target=lambda: _gather(failures, lambda: resume(made.launch)))
    with transaction.atomic():
        connection.cursor().execute("SELECT FROM shaping_budget WHERE network_id = %s FOR UPDATE", [made.network_id])
        resumer.start()
        world.wait_until_blocked()
        Launch.objects.filter(pk=made.launch_id).update(queued=3)
    resumer.join(10)
    assert failures == []
    made.launch.refresh_from_db()
    assert made.launch.state == Launch.State.RUNNING


def _gather(failures: list[Exception], work: Callable[[], object]) -> None:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - it belongs to the test's own thread
        failures.append(error)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_two_nodes_hear_of_dead_mailboxes_of_the_same_workspaces() -> None:
    """Each holds a workspace's permission to the end of its group commit; a deadlock would fail the whole group."""
    both_have_one = threading.Barrier(2)
    failures: list[Exception] = []

    def hear(results: Sequence[Result]) -> None:
        for result in results:
            act = Act(Kind.WITHDRAWN, "news", "", Grade.E0, now(), {})
            record_hashes(result.item.workspace_id, [Permission.of("", result.item.address_hash, act)], now())
            with suppress(threading.BrokenBarrierError):
                both_have_one.wait(1)

    def commit(ledger: Ledger, volleys: Sequence[Volley]) -> None:
        dead = [(volley, world.result(volley.items[0], Outcome.BOUNCED, 550, hard=True)) for volley in volleys]
        _gather(failures, lambda: ledger.commit([Entry(volley, False, [result], ()) for volley, result in dead]))

    threads = []
    for slugs in (("alice", "charlie"), ("charlie", "alice")):
        ledger = world.node()
        ledger.hear_hard_bounces = hear
        threads.append(threading.Thread(target=commit, args=(ledger, [_one_of(ledger, slug) for slug in slugs])))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failures == []


def _one_of(ledger: Ledger, slug: str) -> Volley:
    made = world.tranche(world.place(), world.launch(workspace=world.workspace(slug)), 1)
    world.consent(made)
    [volley] = ledger.claim(0, 10)
    return volley


@pytest.mark.parametrize("act", ["begin", "renew"])
@pytest.mark.django_db(transaction=True)
def test_many_volleys_are_taken_in_the_order_of_their_ids(act: str) -> None:
    """A start and a renewal of the same volleys, each from its end of the table, would wait for each other."""
    for _ in range(2):
        world.campaign_to(1)
    ledger = world.node()
    first, second = sorted(ledger.claim(0, 10), key=lambda volley: volley.id)
    _move_to_the_end_of_the_table(first)
    works: dict[str, Callable[[], object]] = {
        "begin": lambda: ledger.commit([Entry(volley, True, (), ()) for volley in (second, first)]),
        "renew": lambda: ledger.renew([second.id, first.id]),
    }
    with transaction.atomic():
        _lock(first)
        waiting = world.Beside(lambda: _as_the_rows_lie(works[act]))
        world.wait_until_blocked()
        _lock(second)
    waiting.end()
    assert {world.volley_row(one.id).started for one in (first, second)} == {act == "begin"}


@pytest.mark.django_db(transaction=True)
def test_two_nodes_move_mail_to_the_same_new_networks() -> None:
    """Each makes rows that the other wants too, and whoever comes second waits for the first."""
    world.campaign_to(2)
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    one, other = (_new_place(number) for number in (1, 2))
    moved = [_moved(item, place) for item, place in zip(volley.items, (other, one), strict=True)]
    with transaction.atomic():
        assign_place(one, now())
        commit = world.Beside(lambda: ledger.commit([Entry(volley, False, moved, ())]))
        world.wait_until_blocked()
        assign_place(other, now())
    commit.end()
    assert Network.objects.filter(key__startswith="net:new-").count() == 2


def _new_place(number: int) -> Place:
    return Place(f"net:new-{number}", f"net:new-{number} mx", (Host("mx.x.example", ("127.0.0.1",)),))


def _moved(item: Item, place: Place) -> Result:
    reply = Reply(Step.CONNECT, 0, "", "goes to another site now")
    return Result(item, Outcome.DEFERRED, reply, moved_to=place)


def _as_the_rows_lie(work: Callable[[], object]) -> None:
    """Read the table from its start, as the planner may choose to."""
    connection.cursor().execute("SET enable_indexscan = off; SET enable_bitmapscan = off")
    work()


def _lock(volley: Volley) -> None:
    """Raises OperationalError where somebody has it."""
    connection.cursor().execute("SELECT FROM dispatch_volley WHERE id = %s FOR UPDATE NOWAIT", [volley.id])


def _move_to_the_end_of_the_table(volley: Volley) -> None:
    connection.cursor().execute("UPDATE dispatch_volley SET n = n WHERE id = %s", [volley.id])
