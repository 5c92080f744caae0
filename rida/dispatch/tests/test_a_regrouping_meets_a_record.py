"""A site gets another network while a session of it records: what waits must wait where its limits are."""

import pytest
from django.db import transaction

from rida.delivery.ports import Host, Place, Result
from rida.dispatch.models import Retry
from rida.dispatch.tests import world
from rida.dispatch.upkeep import regroup
from rida.kernel.reply import Outcome, Reply, Step
from rida.outbox.models import Tranche
from rida.shaping.models import Site

pytestmark = pytest.mark.django_db(transaction=True)


def networks_of_retries(made: Tranche) -> set[int]:
    return set(Retry.objects.filter(tranche=made).values_list("network", flat=True))


def test_a_deferral_before_the_regrouping_is_taken_along() -> None:
    made, other = world.campaign_to(1), world.place()
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    with transaction.atomic():
        world.record(ledger, volley, world.result(volley.items[0], Outcome.DEFERRED, 451))
        regrouping = world.Beside(lambda: regroup(made.site_id, made.network_id, other.network_id))
        world.wait_until_blocked()
    regrouping.end()
    assert networks_of_retries(made) == {other.network_id}


def test_a_deferral_that_waited_for_the_regrouping_waits_at_the_new_network() -> None:
    made, other = world.campaign_to(1), world.place()
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    with transaction.atomic():
        regroup(made.site_id, made.network_id, other.network_id)
        deferred = world.result(volley.items[0], Outcome.DEFERRED, 451)
        record = world.Beside(lambda: world.record(ledger, volley, deferred))
        world.wait_until_blocked()
    record.end()
    assert networks_of_retries(made) == {other.network_id}


def test_a_move_to_a_site_that_is_being_regrouped_follows_it() -> None:
    made, target, other = world.campaign_to(1), world.place(), world.place()
    ledger = world.node()
    [volley] = ledger.claim(0, 10)
    site = Site.objects.select_related("network").get(pk=target.site_id)
    place = Place(site.network.key, site.key, (Host("mx.x.example", ("127.0.0.1",)),))
    reply = Reply(Step.CONNECT, 0, "", "goes to another site now")
    moved = Result(volley.items[0], Outcome.DEFERRED, reply, moved_to=place)
    with transaction.atomic():
        regroup(target.site_id, target.network_id, other.network_id)
        record = world.Beside(lambda: world.record(ledger, volley, moved))
        world.wait_until_blocked()
    record.end()
    assert networks_of_retries(made) == {other.network_id}
