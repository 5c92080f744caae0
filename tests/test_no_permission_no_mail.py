"""Nobody is written to who does not allow it, whichever way a message may come to the wire.

First every way into the outbox, then every way in which a queued delivery waits while the permission goes.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import Client
from pytest_django import Settings

from rida.accounts.keys import issue
from rida.accounts.models import User, Workspace
from rida.api.routes import api
from rida.audience.services import Member, add_contact, add_topic
from rida.delivery.ports import Host, Place
from rida.delivery.ports import Volley as PortVolley
from rida.dispatch.ledger import Ledger
from rida.dispatch.tests import world
from rida.dispatch.upkeep import regroup
from rida.dns.location import Found, MailHost
from rida.kernel.address import parse
from rida.kernel.clock import now
from rida.kernel.errors import PermissionMissing, Unreachable, WrongState
from rida.kernel.reply import Outcome
from rida.outbox.freezing import select, write, write_deliveries
from rida.outbox.halting import cancel, pause, resume
from rida.outbox.models import Chunk, Delivery, Launch, Tranche
from rida.outbox.services import examine, launch, survey
from rida.outbox.services import test_send as send_test
from rida.outbox.tests import shop
from rida.permission.rules import Basis, Grade, Kind
from rida.permission.services import Act, erase, hash_of, record
from rida.reports.queries import totals
from rida.shaping.models import Budget, Network, Site
from rida.shaping.places import assign
from rida.town.beside import beside
from rida.town.events import read_events
from rida.town.plan import default
from tests import house

pytestmark = pytest.mark.django_db
LAYLA = "layla@example.org"


@pytest.fixture(autouse=True)
def _an_old_server(monkeypatch: pytest.MonkeyPatch) -> None:
    world.pretend_server_is_old(monkeypatch)


@pytest.fixture(autouse=True)
def _a_known_domain(settings: Settings) -> None:
    """Where example.org's mail goes was looked up a moment ago; nobody is asked again."""
    settings.RIDA_RESOLVER = ("127.0.0.1", 9)
    host = MailHost("mx.example.org", 10, ("192.0.2.1",))
    assign("example.org", Found("example.org", (host,), implicit=False, ttl=3600), now())


def written_to() -> list[str]:
    return list(Delivery.objects.order_by("address").values_list("address", flat=True))


def assert_nothing_queued() -> None:
    assert written_to() == []
    assert not Tranche.objects.exists()


# --- into the outbox: launch ----------------------------------------------------------------------------------------


def _give(kind: Kind, basis: Basis | str = "", grade: Grade = Grade.E0, purpose: str = "offers") -> None:
    record(shop.workspace().pk, parse(LAYLA), Act(kind, purpose, basis, grade, now(), {}), now())


def _yes() -> None:
    _give(*shop.OPT_IN)


def _yes_then(kind: Kind, purpose: str = "offers") -> None:
    _yes()
    _give(kind, purpose=purpose)


def _tomorrow_but_one() -> None:
    act = Act(Kind.GRANTED, "offers", Basis.CUSTOMER, Grade.E1, now() + timedelta(days=3), {})
    record(shop.workspace().pk, parse(LAYLA), act, now())


def _to_another_workspace() -> None:
    shop.decide(LAYLA, *shop.OPT_IN, of=shop.workspace("charlie"))


def _outside_the_profile() -> None:
    Workspace.objects.filter(slug="alice").update(profiles=[])
    _give(*shop.ATTESTED)


def _forgotten() -> None:
    _yes()
    erase(shop.workspace().pk, parse(LAYLA), "asked for it", now())


def _complained_then_imported_again() -> None:
    _yes_then(Kind.COMPLAINED)
    _give(*shop.CUSTOMER)


WITHOUT: dict[str, tuple[str, Callable[[], None]]] = {
    "only in the list": ("no_permission", lambda: None),
    "asked, not confirmed": ("unconfirmed", lambda: _give(Kind.REQUESTED, Basis.DOUBLE_OPT_IN, Grade.E2)),
    "granted by double opt-in, not confirmed": ("unconfirmed", lambda: _give(Kind.GRANTED, "double_opt_in", Grade.E2)),
    "nothing proves it": ("unproved", lambda: _give(Kind.GRANTED, Basis.CUSTOMER, Grade.E0)),
    "for another topic": ("no_permission", lambda: _give(*shop.OPT_IN, purpose="news")),
    "for a test": ("only_for_tests", lambda: _give(Kind.GRANTED, Basis.SELF_TEST, Grade.E3)),
    "in another workspace": ("no_permission", _to_another_workspace),
    "will have bought": ("not_yet", _tomorrow_but_one),
    "attested where that is not enough": ("attestation_needs_us", _outside_the_profile),
    "left this topic": ("withdrawn", lambda: _yes_then(Kind.WITHDRAWN)),
    "left all topics": ("withdrawn", lambda: _yes_then(Kind.WITHDRAWN, "*")),
    "objected": ("objected", lambda: _yes_then(Kind.OBJECTED)),
    "dead mailbox": ("suppressed", lambda: _yes_then(Kind.SUPPRESSED)),
    "complained": ("complained", lambda: _yes_then(Kind.COMPLAINED)),
    "complained, then came in a file": ("complained", _complained_then_imported_again),
    "was erased": ("erased", _forgotten),
}


@pytest.mark.parametrize(("reason", "story"), WITHOUT.values(), ids=WITHOUT.keys())
def test_a_launch_queues_those_who_allow_it_and_tells_why_not_the_others(
    reason: str, story: Callable[[], None]
) -> None:
    shop.person(LAYLA, None)
    shop.person("samir@example.org", shop.OPT_IN)
    story()
    made = _launched()
    house.write_out(made)
    assert written_to() == ["samir@example.org"]
    assert (made.queued, made.excluded) == (1, {reason: 1})


def test_what_permission_says_when_the_copies_are_written_counts() -> None:
    """Allowed at launch; left while the ticket waited, then while DNS was asked."""
    first, second = shop.person(LAYLA, shop.OPT_IN), shop.person("samir@example.org", shop.OPT_IN)
    made = _launched()
    shop.decide(first.address, Kind.WITHDRAWN)
    chunk = Chunk.objects.get(launch=made)
    selection = select(made, chunk, now())
    assert [person.address for person in selection.allowed] == [second.address]
    shop.decide(second.address, Kind.WITHDRAWN)
    write(made, chunk.pk, selection, {"example.org": Site.objects.get()}, now())
    made.refresh_from_db()
    assert_nothing_queued()
    assert (made.queued, made.excluded, made.chunks_done) == (0, {"withdrawn": 2}, 1)


def test_a_chunk_of_another_workspace_queues_nobody() -> None:
    """What charlie's customers allowed charlie does not let alice write to them."""
    theirs = shop.person(LAYLA, shop.OPT_IN, of=shop.workspace("charlie"))
    shop.person("samir@example.org", shop.OPT_IN)
    made = _launched()
    Chunk.objects.filter(launch=made).update(
        workspace=shop.workspace("charlie"), first_contact=theirs.contact_id, last_contact=theirs.contact_id
    )
    house.write_out(made)
    assert_nothing_queued()
    assert made.excluded == {"no_permission": 1}


def _launched() -> Launch:
    campaign = shop.campaign()
    examine(campaign, None, now())
    return launch(campaign, None, now())


# --- into the outbox: the other ways --------------------------------------------------------------------------------


def test_whoever_writes_deliveries_cannot_leave_permission_out() -> None:
    """The one function that fills the table, called directly, with people whom nobody asked about."""
    stranger, friend = shop.person(LAYLA, None), shop.person("samir@example.org", shop.OPT_IN)
    nobody: Member = replace(stranger, contact_id=None, address="x@example.org", address_hash=hash_of("x@example.org"))
    made = _launched()
    with transaction.atomic():
        refused = write_deliveries(made, {Site.objects.get().pk: [stranger, nobody, friend]}, now())
    assert refused == Counter(no_permission=2)
    assert written_to() == ["samir@example.org"]
    assert Tranche.objects.get().end_n == 1


def test_a_direct_write_of_strangers_only_makes_no_tranche() -> None:
    stranger = shop.person(LAYLA, None)
    shop.person("samir@example.org", shop.OPT_IN)
    made = _launched()
    with transaction.atomic():
        write_deliveries(made, {Site.objects.get().pk: [stranger]}, now())
    assert_nothing_queued()


def test_nothing_but_that_function_writes_the_table() -> None:
    """Deliveries come in by COPY or INSERT; both are looked for in every file that is no test and no migration."""
    house_of_code = Path(__file__).parent.parent / "rida"
    files = [path for ending in ("py", "sql") for path in house_of_code.rglob(f"*.{ending}")]
    ours = [path for path in files if not {"tests", "migrations"} & set(path.parts)]
    words = ("copy outbox_delivery", "into outbox_delivery", "delivery.objects.create", "delivery.objects.bulk_create")
    writers = [path.name for path in ours if any(word in path.read_text().lower() for word in words)]
    assert len(ours) > 100
    assert writers == ["freezing.py"]


@pytest.mark.parametrize("kind", [Kind.SUPPRESSED, Kind.COMPLAINED])
def test_a_test_send_does_not_go_to_a_mailbox_that_is_barred(kind: Kind) -> None:
    """Who asks for a test allows it, but a dead mailbox and a complaint outlive that."""
    user = User.objects.create_user("rosa@example.org", name="Rosa")
    _record_for(user.email, kind)
    with pytest.raises(PermissionMissing, match=f"No permission .*{kind}"):
        send_test(shop.campaign(), user, now())
    assert_nothing_queued()
    assert not Launch.objects.exists()


def test_a_test_send_goes_to_ones_own_address_and_to_nobody_else() -> None:
    shop.person(LAYLA, shop.OPT_IN)
    user = User.objects.create_user("rosa@example.org", name="Rosa")
    send_test(shop.campaign(), user, now())
    assert written_to() == ["rosa@example.org"]


def test_a_test_send_to_a_domain_that_takes_no_mail_says_what_to_do() -> None:
    user = User.objects.create_user("rosa@no-such-domain.example", name="Rosa")
    with pytest.raises(Unreachable, match=r"Mail for no-such-domain\.example finds no way .* Check the address"):
        send_test(shop.campaign(), user, now())
    assert_nothing_queued()


def test_asking_for_a_test_allows_nothing_else() -> None:
    user = User.objects.create_user("rosa@example.org", name="Rosa")
    shop.person(user.email, None)
    shop.person("samir@example.org", shop.OPT_IN)
    send_test(shop.campaign(), user, now())
    Delivery.objects.all().delete()
    made = _launched()
    house.write_out(made)
    assert written_to() == ["samir@example.org"]


def test_a_topic_called_test_is_not_the_purpose_of_test_sends() -> None:
    made = shop.campaign()
    send_test(made, User.objects.create_user(LAYLA, name="Layla"), now())
    add_contact(made.workspace, LAYLA, now())
    made.topic = add_topic(made.workspace, "test", "Test")
    made.save()
    assert survey(made, now()).recipients == 0


def _record_for(address: str, kind: Kind) -> None:
    record(shop.workspace().pk, parse(address), Act(kind, "*", "", Grade.E0, now(), {}), now())


# --- into the outbox: programs and files ----------------------------------------------------------------------------

# A route that is not here is new: say which of the two it is, and if it queues, test it above.
CHANGING_ROUTES = {
    "POST /launches/{int:launch_id}/{change}",  # halts and resumes; queues nothing
    "POST /contacts",  # an event and a contact; queues nothing
}


def test_the_api_has_no_route_of_which_this_page_does_not_know() -> None:
    found = {
        f"{method} {path}"
        for _, router in api._routers
        for path, view in router.path_operations.items()
        for operation in view.operations
        for method in operation.methods
        if method != "GET"
    }
    assert found == CHANGING_ROUTES


@pytest.mark.urls("rida.api.tests.urls")
def test_what_a_program_reports_queues_nobody_and_half_an_opt_in_allows_nothing() -> None:
    shop.topic(shop.workspace())
    evidence = {"at": now().isoformat(), "source": "https://shop.example", "shown": "Yes", "ip": "203.0.113.9"}
    body = {"email": LAYLA, "name": "Layla", "topic": "offers", "basis": "double_opt_in", "evidence": evidence}
    _, token = issue(shop.workspace(), "shop", now())
    answer = Client().post(
        "/api/v1/contacts", body, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, answer.json()["allowed"]) == (200, False)
    assert_nothing_queued()
    shop.person("samir@example.org", shop.OPT_IN)
    house.write_out(_launched())
    assert written_to() == ["samir@example.org"]


@pytest.mark.urls("rida.api.tests.urls")
def test_a_program_cannot_bring_a_cancelled_launch_back() -> None:
    made = world.campaign_to(1)
    cancel(made.launch)
    _, token = issue(made.workspace, "shop", now())
    path, key = f"/api/v1/launches/{made.launch_id}/resume", {"Authorization": f"Bearer {token}"}
    assert Client().post(path, headers=key).status_code == 409
    assert world.node().claim(0, 10) == []


# --- while it waits -------------------------------------------------------------------------------------------------
# Each way leaves one person's copy waiting, by a way of its own; then the person leaves; then a node looks for work.


def _in_hand() -> tuple[Tranche, Ledger, PortVolley]:
    made, ledger = world.campaign_to(1), world.node()
    [volley] = ledger.claim(0, 10)
    return made, ledger, volley


def _fresh() -> Tranche:
    return world.campaign_to(1)


def _urgent() -> Tranche:
    return world.campaign_to(1, urgent=True)


def _deferred() -> Tranche:
    made, ledger, volley = _in_hand()
    world.record(ledger, volley, world.result(volley.items[0], Outcome.DEFERRED, 451))
    ledger.close(volley, 1, ())
    world.pass_time(world.WINDOW_MS * 5)
    return made


def _returned() -> Tranche:
    made, ledger, volley = _in_hand()
    ledger.close(volley, 0, volley.items)
    return made


def _left_by_a_dead_node() -> Tranche:
    made, _, _ = _in_hand()
    world.pass_time(world.LEASE_MS + world.GRACE_MS + 1)
    world.node().reap()
    return made


def _doubtful_and_resent() -> Tranche:
    made, ledger, volley = _in_hand()
    Launch.objects.filter(pk=made.launch_id).update(resend_doubtful=True)
    world.record(ledger, volley, world.result(volley.items[0], Outcome.DOUBTFUL, 0))
    ledger.close(volley, 1, ())
    return made


def _doubtful_of_a_dead_node_and_resent() -> Tranche:
    made, ledger, volley = _in_hand()
    Launch.objects.filter(pk=made.launch_id).update(resend_doubtful=True)
    world.begin(ledger, volley)
    world.pass_time(world.LEASE_MS + world.GRACE_MS + 1)
    world.node().reap()
    return made


def _moved_to_another_network() -> Tranche:
    made, ledger, volley = _in_hand()
    elsewhere = Place("net:198.51.100.0/24", "elsewhere", (Host("mx.elsewhere.example", ("198.51.100.1",)),))
    world.record(ledger, volley, world.result(volley.items[0], Outcome.DEFERRED, moved_to=elsewhere))
    ledger.close(volley, 0, ())
    moved = Network.objects.get(key="net:198.51.100.0/24")
    Budget.objects.filter(network=moved).update(shard=0)
    made.network_id = moved.pk  # for this test: where the copy waits now
    return made


def _regrouped() -> Tranche:
    made, other = world.campaign_to(1), world.place()
    regroup(made.site_id, made.network_id, other.network_id)
    Budget.objects.filter(network=other.network_id).update(next_due=0)
    made.network_id = other.network_id
    return made


def _paused_and_resumed() -> Tranche:
    made = world.campaign_to(1)
    pause(made.launch)
    resume(made.launch)
    return made


def _cancelled_and_forced_to_run() -> Tranche:
    """No service does it (see below); a hand in the database might."""
    made = world.campaign_to(1)
    cancel(made.launch)
    with pytest.raises(WrongState):
        resume(made.launch)
    Launch.objects.filter(pk=made.launch_id).update(state="running")
    return made


def _written_past_the_outbox() -> Tranche:
    """Rows by hand, a retry among them, as a bug of ours or a restored table might leave."""
    made = world.tranche(world.place(), world.launch(), 1)
    made.next_n = 1
    made.save()
    where = [made.launch_id, made.network_id, made.site_id, made.source_id, made.workspace_id]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO dispatch_retry (tranche_id, n, urgent, attempt, due, launch_id, network_id, site_id,
                    source_id, workspace_id) VALUES (%s, 0, false, 1, 0, %s, %s, %s, %s, %s)""",
            [made.pk, *where],
        )
    world.consent(made)
    return made


WAYS = [
    _fresh, _urgent, _deferred, _returned, _left_by_a_dead_node, _doubtful_and_resent,
    _doubtful_of_a_dead_node_and_resent, _moved_to_another_network, _regrouped, _paused_and_resumed,
    _cancelled_and_forced_to_run, _written_past_the_outbox,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_who_left_while_the_copy_waited_gets_none(way: Callable[[], Tranche]) -> None:
    made = way()
    _leave(made)
    used = world.in_hand(made.network_id)
    assert world.node().claim(0, 10) == []
    assert Outcome.WITHHELD in world.outcomes(made).values()
    assert world.waiting(made) == {}
    assert world.in_hand(made.network_id) == used == (0, 0, 0)
    assert world.node().claim(0, 10) == []


@pytest.mark.parametrize("way", WAYS)
def test_who_stayed_gets_the_copy_by_each_of_these_ways(way: Callable[[], Tranche]) -> None:
    """So that the test above proves the permission, and not a way that leads nowhere."""
    made = way()
    [volley] = world.node().claim(0, 10)
    assert [item.key.tranche_id for item in volley.items] == [made.pk]


@pytest.mark.parametrize("way", WAYS)
def test_who_leaves_after_the_claim_gets_none_either(way: Callable[[], Tranche]) -> None:
    made, ledger = way(), world.node()
    [volley] = ledger.claim(0, 10)
    _leave(made)
    assert world.begin(ledger, volley).withheld == {item.key for item in volley.items}
    assert Outcome.WITHHELD in world.outcomes(made).values()


def test_an_exchange_on_an_open_connection_asks_too() -> None:
    made, ledger = world.campaign_to(6), world.node()
    [volley] = ledger.claim(0, 10)
    world.begin(ledger, volley)
    _leave(made, 5)
    assert ledger.exchange(volley, 5) is None
    ledger.close(volley, 5, ())
    assert ledger.claim(0, 10) == []
    assert world.outcomes(made)[5, 1] is Outcome.WITHHELD


def test_permission_of_a_workspace_does_not_carry_another_ones_copy() -> None:
    made = world.tranche(world.place(), world.launch(workspace=world.workspace("charlie")), 1)
    person = bytes(Delivery.objects.get(tranche=made).address_hash)
    world.decide(world.workspace("alice").pk, person, Kind.GRANTED)
    assert world.node().claim(0, 10) == []
    assert world.outcomes(made) == {(0, 1): Outcome.WITHHELD}


def _leave(made: Tranche, n: int = 0) -> None:
    delivery = Delivery.objects.get(tranche=made, n=n)
    world.decide(delivery.workspace_id, bytes(delivery.address_hash), Kind.WITHDRAWN)


# --- on the wire ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_who_leaves_between_two_tries_is_not_tried_again(settings: Settings, tmp_path: Path) -> None:
    """A greylist sends everybody away once; meanwhile one of two leaves. The town is the witness."""
    with beside(default(), tmp_path / "town") as town:
        settings.RIDA_RESOLVER, settings.RIDA_MX_PORT = town.resolver, town.port
        house.sign_up("stays@olive-post.example", "leaves@olive-post.example")
        made = house.launched()
        house.write_out(made)
        with house.worker(town.card, retry_seconds="2"):
            house.until(lambda: totals(made.pk).deferred_attempts == 2)
            act = Act(Kind.WITHDRAWN, "news", "", Grade.E0, now(), {})
            record(house.workspace().pk, parse("leaves@olive-post.example"), act, now())
            house.until(lambda: house.finished(made))
    total = totals(made.pk)
    assert (total.accepted, total.withheld) == (1, 1)
    tried = Counter(event.recipient for event in read_events(tmp_path / "town") if event.recipient)
    assert tried["leaves@olive-post.example"] < tried["stays@olive-post.example"]
    assert town.inboxes.letters("leaves@olive-post.example") == []
