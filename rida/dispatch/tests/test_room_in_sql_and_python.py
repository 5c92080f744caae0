"""The ledger's SQL functions and `room.py` say the same (design §4.9)."""

from collections.abc import Iterator, Sequence

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rida.dispatch import room
from rida.dispatch.room import Allowance, InHand, Left, Limits, Permit, Room, Work
from rida.dispatch.tests import world
from rida.outbox.models import Tranche
from rida.shaping.models import Budget

pytestmark = pytest.mark.django_db
NOW = 1_000_000
MANY = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

limits_ = st.builds(
    Limits,
    r=st.integers(0, 30),
    c=st.integers(0, 12),
    k=st.integers(0, 6),
    v=st.integers(1, 8),
    pace_per_second=st.none() | st.sampled_from([0.01, 0.05, 0.1, 1.0]),
)
permits_ = st.lists(st.builds(Permit, st.integers(NOW - 5, NOW + 20), st.integers(0, 8), st.booleans()), max_size=12)
works_ = st.lists(st.builds(Work, st.booleans(), st.integers(NOW - 10, NOW + 40)), max_size=4)


@st.composite
def hands(draw: st.DrawFn) -> InHand:
    messages = draw(st.integers(0, 14))
    rests = draw(st.sampled_from([0, NOW - 1, NOW, NOW + 7, NOW + 100]))
    return InHand(messages, draw(st.integers(0, messages)), draw(st.integers(0, 6)), rests)


@pytest.fixture(autouse=True)
def _frozen_clock() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('rida.now', %s, false)", [str(NOW)])
        yield
        cursor.execute("SELECT set_config('rida.now', '', false)")


def rooms(network: int) -> dict[int | None, Room]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM rida_room(%s, %s)", [NOW, [network]])
        return {row[1]: Room(*row[2:]) for row in cursor.fetchall()}


def due(network: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT next_due FROM rida_next_due(rida_now(), %s)", [[network]])
        value: int = cursor.fetchone()[0]
        return value


def budget_row(site: world.Place, limits: Limits, hand: InHand, source_id: int | None = None) -> None:
    Budget.objects.filter(network=site.network_id, source=source_id).update(
        r=limits.r,
        c=limits.c,
        k=limits.k,
        v=limits.v,
        pace_per_second=limits.pace_per_second,
        in_hand=hand.messages,
        bulk_in_hand=hand.bulk,
        volleys_open=hand.volleys,
        hold_until=hand.rests_until,
    )


def permit_rows(site: world.Place, permits: Sequence[Permit], source_id: int | None = None) -> None:
    for permit in permits:
        world.closed_volley(site, permit.n, permit.counts_until, urgent=permit.urgent, source_id=source_id)


@MANY
@given(limits_, hands(), permits_, works_)
def test_room_and_next_due_agree(limits: Limits, hand: InHand, permits: list[Permit], works: list[Work]) -> None:
    site = world.place()
    budget_row(site, limits, hand)
    permit_rows(site, permits)
    launch = world.launch()
    for n, work in enumerate(works):
        world.retry(site, launch, n, due=work.due, urgent=work.urgent)

    expected = room.room(limits, hand, permits, NOW)
    assert rooms(site.network_id)[None] == expected
    assert due(site.network_id) == room.next_due([expected], works, NOW)


@MANY
@given(limits_, hands(), limits_, hands(), permits_, permits_, works_, st.lists(st.booleans(), max_size=2))
def test_next_due_agrees_for_new_mail_of_a_source_with_limits_of_its_own(
    limits: Limits,
    hand: InHand,
    own_limits: Limits,
    own_hand: InHand,
    own: list[Permit],
    others: list[Permit],
    retries: list[Work],
    tranches: list[bool],
) -> None:
    site, other = world.place(), world.source("other")
    world.own_budget(site, own_limits)
    budget_row(site, limits, hand)
    budget_row(site, own_limits, own_hand, site.source_id)
    permit_rows(site, own)
    permit_rows(site, others, source_id=other)
    for n, work in enumerate(retries):
        world.retry(site, world.launch(), n, due=work.due, urgent=work.urgent)
    for urgent in tranches:
        new_mail(site, urgent=urgent)

    rows = [room.room(limits, hand, [*own, *others], NOW), room.room(own_limits, own_hand, own, NOW)]
    assert rooms(site.network_id) == {None: rows[0], site.source_id: rows[1]}
    works = [*retries, *(Work(urgent, NOW) for urgent in tranches)]
    assert due(site.network_id) == room.next_due(rows, works, NOW)


def new_mail(site: world.Place, *, urgent: bool) -> None:
    """A tranche that nobody has begun."""
    launch = world.launch()
    Tranche.objects.create(
        workspace=launch.workspace, launch=launch, network_id=site.network_id, site_id=site.site_id,
        source_id=site.source_id, urgent=urgent, priority=100, end_n=1,
    )  # fmt: skip


@MANY
@given(limits_, hands(), permits_, permits_)
def test_a_source_sees_only_its_own_permits(
    limits: Limits, hand: InHand, own: list[Permit], others: list[Permit]
) -> None:
    site, other = world.place(), world.source("other")
    world.own_budget(site, limits)
    permit_rows(site, own)
    permit_rows(site, others, source_id=other)
    expected = room.room(limits, InHand(), own, NOW)
    assert rooms(site.network_id)[site.source_id] == expected


caps = st.none() | st.integers(0, 40)
allowances_ = st.builds(
    Allowance, caps, caps, st.just(30), st.none() | st.integers(0, 3), st.sampled_from([0, NOW - 1, NOW, NOW + 7])
)
long_permits_ = st.lists(
    st.builds(Permit, st.integers(NOW - 40, NOW + 20), st.integers(0, 8), st.booleans()), max_size=12
)


def left(source: int) -> Left:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT urgent_room, bulk_room, volleys FROM rida_allowance(%s) WHERE source_id = %s", [NOW, source]
        )
        return Left(*cursor.fetchone())


@MANY
@given(allowances_, long_permits_, st.integers(0, 3), works_)
def test_what_an_allowance_leaves_and_who_waits_for_it_agree(
    allowance: Allowance, permits: list[Permit], open_volleys: int, works: list[Work]
) -> None:
    site, other = world.place(), world.place()
    source = world.another_source()
    world.allow(source, allowance)
    permit_rows(other, permits, source_id=source)
    opened = [Permit(world.FOREVER, world.held_by(other, source), False) for _ in range(open_volleys)]
    launch = world.launch()
    for n, work in enumerate(works):
        world.retry(site, launch, n, due=work.due, urgent=work.urgent, source_id=source)

    expected = room.left(allowance, [*permits, *opened], open_volleys, NOW)
    assert left(source) == expected
    going = [work for work in works if (expected.urgent if work.urgent else expected.bulk)]
    whole = room.room(Limits(100, 10, 10, 5), InHand(), [], NOW)
    assert due(site.network_id) == room.next_due([whole], going, NOW)
    waiting = {-source if work.urgent else source for work in works if work not in going}
    assert waits_for(site.network_id) == waiting


def waits_for(network: int) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT waits_for FROM rida_next_due(rida_now(), %s)", [[network]])
        return set(cursor.fetchone()[0])


@MANY
@given(st.integers(1, 8), st.integers(0, 10), st.booleans())
def test_a_close_keeps_what_reached_the_wire(held: int, attempted: int, urgent: bool) -> None:
    site = world.place()
    volley = world.open_volley(site, world.launch(), held, urgent=urgent)
    world.close(volley, site, attempted, window=500)
    closed = world.volley_row(volley)
    expected = room.close(Permit(0, held, urgent), attempted, NOW, 500)
    assert Permit(closed.counts_until, closed.n, closed.urgent) == expected
    assert world.in_hand(site.network_id) == (0, 0, 0)


@pytest.mark.parametrize(
    ("urgent", "held", "left"),
    [(False, 90, 0), (True, 90, 10), (True, 100, 0)],
    ids=["bulk stops at R less the reserve", "urgent mail has the reserve", "nothing passes R"],
)
def test_a_tenth_of_r_is_kept_for_urgent_mail(urgent: bool, held: int, left: int) -> None:
    permits = [Permit(NOW + 1, 90, False), Permit(NOW + 1, held - 90, True)]
    found = room.room(Limits(100, 1000, 1000, 1000), InHand(), permits, NOW)
    assert (found.urgent if urgent else found.bulk) == left
