"""What a relay allows an account, over all networks: never exceeded, never asked for in vain, handed on fairly."""

from dataclasses import replace

import pytest

from rida.delivery.ports import Result
from rida.dispatch import room
from rida.dispatch.tests import world
from rida.dispatch.upkeep import wake_waiting
from rida.kernel.reply import Outcome, Reply, Step
from rida.outbox.models import Tranche
from rida.shaping.models import NEVER, Allowance, Budget

pytestmark = pytest.mark.django_db(transaction=True)
WIDE = room.Allowance(None, None, 23 * world.WINDOW_MS, 10)


@pytest.fixture(autouse=True)
def _an_old_server(monkeypatch: pytest.MonkeyPatch) -> None:
    world.pretend_server_is_old(monkeypatch)


def relay(**limits: int) -> int:
    source = world.another_source()
    world.allow(source, replace(WIDE, **limits))
    return source


def mail(source: int, count: int, *, urgent: bool = False) -> Tranche:
    """To a network of its own."""
    return world.campaign_to(count, urgent=urgent, place_=replace(world.place(), source_id=source))


def claimed(*, networks: int = 20) -> int:
    return sum(len(volley.items) for volley in world.node().claim(0, networks))


def waits(made: Tranche) -> list[int]:
    return Budget.objects.get(network=made.network_id, source=None).waits_for


def test_networks_of_one_claim_share_what_is_left() -> None:
    source = relay(hour=12)
    for _ in range(4):
        mail(source, 5)
    assert claimed() == 11, "twelve less the reserve of one, for bulk mail"


def test_the_reserve_of_the_hour_is_for_urgent_mail() -> None:
    source = relay(hour=12)
    mail(source, 5, urgent=True)
    for _ in range(4):
        mail(source, 5)
    assert claimed() == 12


@pytest.mark.parametrize(("limits", "most"), [({"connections": 2}, 10), ({"day": 6}, 6), ({"hour": 0}, 0)])
def test_connections_and_the_day_are_kept_too(limits: dict[str, int], most: int) -> None:
    source = relay(**limits)
    for _ in range(4):
        mail(source, 5)
    assert claimed() == most


def test_a_held_source_sends_nothing_and_its_networks_wait() -> None:
    made = mail(relay(hold_until=NEVER), 5)
    assert claimed() == 0
    assert waits(made) == [made.source_id]


def test_the_day_outlasts_the_hour() -> None:
    source = relay(day=6)
    made = mail(source, 10)
    node = world.node()
    for _ in range(2):
        for volley in node.claim(0, 20):
            world.begin(node, volley)
            node.close(volley, len(volley.items), [])
    assert world.next_due(made.network_id) == NEVER and waits(made) == [source]
    world.pass_time(2 * world.WINDOW_MS)
    wake_waiting()
    assert claimed() == 0
    world.pass_time(23 * world.WINDOW_MS)
    wake_waiting()
    assert claimed() == 4


def test_a_source_without_mail_of_its_own_does_not_stop_another_source_of_the_network() -> None:
    spent, free = relay(hour=0), world.another_source()
    site = world.place()
    blocked = world.campaign_to(5, place_=replace(site, source_id=spent))
    open_ = world.campaign_to(3, place_=replace(site, source_id=free))
    [volley] = world.node().claim(0, 20)
    assert {item.key.tranche_id for item in volley.items} == {open_.pk}
    assert waits(blocked) == [spent]


def test_a_network_that_waits_for_its_source_is_not_asked_again_until_the_source_has_something() -> None:
    source = relay(hour=5)
    tranches = [mail(source, 5) for _ in range(3)]
    assert claimed() == 5
    assert claimed() == 0
    assert [world.next_due(made.network_id) for made in tranches].count(NEVER) == 3
    wake_waiting()
    assert claimed() == 0, "nothing is left, so nobody is woken"
    Allowance.objects.filter(source=source).update(hour=7)
    wake_waiting()
    assert claimed() == 2


def test_the_longest_waiting_network_is_woken_first() -> None:
    source = relay(hour=0)
    first, second = mail(source, 5), mail(source, 5)
    assert claimed(networks=1) == 0 and claimed(networks=1) == 0
    Budget.objects.filter(network=first.network_id).update(waits_since=1)
    Budget.objects.filter(network=second.network_id).update(waits_since=2)
    Allowance.objects.filter(source=source).update(hour=1)
    wake_waiting()
    assert world.next_due(first.network_id) < NEVER
    assert world.next_due(second.network_id) == NEVER


def test_a_close_wakes_who_waited_for_the_connection() -> None:
    source = relay(connections=1)
    first, second = mail(source, 5), mail(source, 5)
    node = world.node()
    [volley] = node.claim(0, 20)
    assert node.claim(0, 20) == []
    node.close(volley, 0, volley.items)
    [other] = [made for made in (first, second) if made.pk != volley.items[0].key.tranche_id]
    assert world.next_due(other.network_id) < NEVER


def test_a_connection_to_a_relay_goes_on_with_another_network() -> None:
    source = relay(connections=1)
    first, second = mail(source, 5), mail(source, 5)
    node = world.node()
    [volley] = node.claim(0, 20)
    world.begin(node, volley)
    assert node.exchange(volley, 5) is None, "the network before has no more mail"
    following = node.exchange(volley, 5, any_network=True)
    assert following is not None
    assert {volley.network_id, following.network_id} == {first.network_id, second.network_id}
    assert not world.volley_row(following.id).closed and world.volley_row(volley.id).closed


def test_no_other_source_takes_over_a_relays_connection() -> None:
    source = relay(connections=1)
    mail(source, 5)
    mail(world.another_source(), 5)
    node = world.node()
    [volley] = [one for one in node.claim(0, 20) if one.source_id == source]
    world.begin(node, volley)
    assert node.exchange(volley, 5, any_network=True) is None
    assert not world.volley_row(volley.id).closed


@pytest.mark.parametrize(("code", "held"), [(535, True), (454, False)])
def test_a_refused_password_holds_the_account_and_a_busy_server_does_not(code: int, held: bool) -> None:
    source = relay()
    mail(source, 2)
    node = world.node()
    [volley] = node.claim(0, 20)
    said = Reply(Step.AUTH, code, "5.7.8", "authentication failed")
    world.record(node, volley, *(Result(item, Outcome.DEFERRED, said) for item in volley.items))
    row = Allowance.objects.get(source=source)
    assert (row.hold_until > 0, row.hold_reason) == (held, "authentication failed" if held else "")
