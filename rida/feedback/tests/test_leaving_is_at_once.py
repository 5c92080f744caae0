"""What a link, a bounce and a complaint do, seen through the only door: may we still write?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from rida.accounts.models import Workspace
from rida.feedback.models import FeedbackEvent
from rida.feedback.rules import Effect, Sign, effect
from rida.feedback.services import complaint, hard_bounce, leave
from rida.kernel.address import parse
from rida.kernel.reply import Reply, Step
from rida.outbox.links import Copy
from rida.outbox.models import Launch, Tranche
from rida.permission.rules import Basis, Grade, Kind, Terms
from rida.permission.services import Act, Ask, hash_of, history, record, verdicts
from rida.shaping.models import Network, Site
from rida.shaping.sources import sandbox_source

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
LAYLA = parse("layla@rose-mail.example")
NO_SUCH_USER = Reply(Step.RCPT, 550, "5.1.1", "no such user here")


@pytest.fixture
def alice() -> Workspace:
    return Workspace.objects.create(name="Alice", slug="alice", profiles=["US"])


def copy(workspace: Workspace, purpose: str = "news") -> Copy:
    """Layla's copy of a launch about `purpose`; she opted in to `news` and to `offers`."""
    for topic in ("news", "offers"):
        yes = Act(Kind.CONFIRMED, topic, Basis.DOUBLE_OPT_IN, Grade.E4, NOW - timedelta(days=1), {})
        record(workspace.pk, LAYLA, yes, NOW - timedelta(days=1))
    network = Network.objects.create(key="net:192.0.2.0/24", name="net")
    launch = Launch.objects.create(
        source=sandbox_source(),
        workspace=workspace,
        kind=Launch.Kind.BULK,
        content={},
        content_hash=b"",
        terms=Terms(purpose, "commercial", ad_label=True).to_json(),
        give_up_at=0,
        launched_at=NOW,
    )
    tranche = Tranche.objects.create(
        workspace=workspace,
        launch=launch,
        network=network,
        site=Site.objects.create(network=network, key="site"),
        source=sandbox_source(),
        urgent=False,
        priority=100,
        end_n=1,
    )
    return Copy(workspace.pk, tranche.pk, 0, hash_of(LAYLA))


def why(workspace: Workspace, topic: str) -> str:
    terms = Terms(topic, "commercial", ad_label=True)
    return verdicts([Ask(workspace.pk, hash_of(LAYLA), terms, ("US",))], LATER)[0].reason


def kinds(workspace: Workspace) -> list[tuple[str, str]]:
    return [(line.kind, line.purpose) for line in history(workspace.pk, LAYLA)][2:]


def test_who_leaves_by_the_link_leaves_that_topic_only(alice: Workspace) -> None:
    leave(copy(alice), "one_click", LATER)
    assert (why(alice, "news"), why(alice, "offers")) == ("withdrawn", "ok")
    event = FeedbackEvent.objects.get()
    assert (event.kind, event.raw, event.at, bytes(event.address_hash)) == (
        "unsubscribe",
        "one_click",
        LATER,
        hash_of(LAYLA),
    )


def test_a_click_repeated_adds_nothing(alice: Workspace) -> None:
    link = copy(alice)
    for _ in range(3):
        leave(link, "page", LATER)
    assert kinds(alice) == [("withdrawn", "news")]
    assert FeedbackEvent.objects.count() == 1


def test_the_old_link_works_again_after_a_new_sign_up(alice: Workspace) -> None:
    link = copy(alice)
    leave(link, "page", LATER)
    yes = Act(Kind.CONFIRMED, "news", Basis.DOUBLE_OPT_IN, Grade.E4, LATER, {})
    record(alice.pk, LAYLA, yes, LATER)
    assert why(alice, "news") == "ok"
    leave(link, "page", LATER + timedelta(minutes=1))
    assert why(alice, "news") == "withdrawn"


def test_a_link_whose_launch_is_gone_means_everything(alice: Workspace) -> None:
    link = copy(alice)
    Tranche.objects.all().delete()
    leave(link, "page", LATER)
    assert (why(alice, "news"), why(alice, "offers")) == ("withdrawn", "withdrawn")


def test_a_link_never_reaches_into_another_workspace(alice: Workspace) -> None:
    charlie = Workspace.objects.create(name="Charlie", slug="charlie")
    leave(replace(copy(alice), workspace_id=charlie.pk), "page", LATER)
    assert why(alice, "news") == "ok"
    assert kinds(alice) == []


def test_a_preview_belongs_to_nobody(alice: Workspace) -> None:
    leave(replace(copy(alice), tranche_id=0), "page", LATER)
    assert why(alice, "news") == "ok"
    assert not FeedbackEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_leaving_is_durable_when_it_returns(alice: Workspace) -> None:
    link = copy(alice)
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        leave(link, "page", LATER)
    leave(link, "page", LATER)
    assert not connection.in_atomic_block
    assert why(alice, "news") == "withdrawn"


def test_a_dead_mailbox_gets_no_more_mail_of_any_kind(alice: Workspace) -> None:
    hard_bounce(copy(alice), NO_SUCH_USER, LATER)
    assert (why(alice, "news"), why(alice, "offers"), why(alice, "else")) == ("suppressed",) * 3
    assert FeedbackEvent.objects.get().raw == "550 5.1.1 no such user here"


def test_a_complaint_ends_all_mail(alice: Workspace) -> None:
    complaint(copy(alice), "Feedback-Type: abuse", LATER)
    assert (why(alice, "news"), why(alice, "offers")) == ("complained", "complained")


def test_the_same_bounce_and_the_same_complaint_count_once(alice: Workspace) -> None:
    link = copy(alice)
    for _ in range(2):
        hard_bounce(link, NO_SUCH_USER, LATER)
    for _ in range(2):
        complaint(link, "Feedback-Type: abuse", LATER)
    assert kinds(alice) == [("suppressed", "*"), ("complained", "*")]
    assert FeedbackEvent.objects.count() == 2


def test_a_complaint_without_a_delivery_still_counts(alice: Workspace) -> None:
    complaint(replace(copy(alice), tranche_id=0, n=0), "Feedback-Type: abuse", LATER)
    assert why(alice, "news") == "complained"
    assert FeedbackEvent.objects.get().tranche_id is None


@pytest.mark.parametrize(
    ("sign", "purpose", "bar", "expected"),
    [
        (Sign.UNSUBSCRIBE, "news", "ok", Effect(Kind.WITHDRAWN, "news")),
        (Sign.UNSUBSCRIBE, "", "ok", Effect(Kind.WITHDRAWN, "*")),
        (Sign.UNSUBSCRIBE, "news", "suppressed", Effect(Kind.WITHDRAWN, "news")),
        (Sign.BOUNCE, "", "ok", Effect(Kind.SUPPRESSED, "*")),
        (Sign.BOUNCE, "", "withdrawn", Effect(Kind.SUPPRESSED, "*")),
        (Sign.BOUNCE, "", "suppressed", None),
        (Sign.COMPLAINT, "", "suppressed", Effect(Kind.COMPLAINED, "*")),
        (Sign.COMPLAINT, "", "complained", None),
    ],
)
def test_what_follows_from_a_sign(sign: Sign, purpose: str, bar: str, expected: Effect | None) -> None:
    assert effect(sign, purpose, bar) == expected
