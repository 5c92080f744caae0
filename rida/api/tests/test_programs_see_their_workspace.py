"""REST v1 as alice's programs use it, and as charlie's see nothing of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from rida.accounts.keys import issue, key_of, revoke
from rida.accounts.models import ApiKey, AuditEntry, Workspace
from rida.audience.models import Contact, Topic
from rida.campaign.models import Campaign
from rida.kernel.address import parse
from rida.outbox.models import Launch, Tranche
from rida.permission.rules import Grade, Kind
from rida.permission.services import Act, history, record
from rida.shaping.models import Budget, Network, Site
from rida.shaping.sources import sandbox_source

pytestmark = [pytest.mark.django_db, pytest.mark.urls("rida.api.tests.urls")]
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LAYLA = "layla@rose-mail.example"


@pytest.fixture(autouse=True)
def _frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@dataclass(frozen=True)
class Program:
    """A caller with a key of one workspace."""

    workspace: Workspace
    key: ApiKey
    token: str

    def get(self, path: str) -> Any:
        return self._call("get", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self._call("post", path, data=body or {}, content_type="application/json")

    def _call(self, verb: str, path: str, **more: Any) -> HttpResponse:
        send = getattr(Client(), verb)
        answer: HttpResponse = send(f"/api/v1{path}", headers={"Authorization": f"Bearer {self.token}"}, **more)
        return answer


def program(name: str) -> Program:
    workspace = Workspace.objects.create(name=name, slug=name, profiles=["US"])
    return Program(workspace, *issue(workspace, "shop", NOW))


@pytest.fixture
def alice() -> Program:
    return program("alice")


@pytest.fixture
def charlie() -> Program:
    return program("charlie")


def campaign_of(owner: Program) -> Campaign:
    topic = Topic.objects.create(workspace=owner.workspace, slug="news", name="News")
    return Campaign.objects.create(workspace=owner.workspace, name="Mother's Day", topic=topic, subject="Flowers")


def launch_of(campaign: Campaign) -> Launch:
    """Three people; one of them has it."""
    network = Network.objects.create(key="net:192.0.2.0/24", name="mx.h.example (192.0.2.0/24)")
    Budget.objects.create(network=network, shard=0)
    launch = Launch.objects.create(
        source=sandbox_source(),
        workspace=campaign.workspace,
        campaign=campaign,
        kind=Launch.Kind.BULK,
        content={},
        content_hash=b"",
        terms={},
        give_up_at=0,
        launched_at=NOW,
        excluded={"no_permission": 2},
    )
    tranche = Tranche.objects.create(
        workspace=campaign.workspace,
        launch=launch,
        network=network,
        site=Site.objects.create(network=network, key="site"),
        source=sandbox_source(),
        urgent=False,
        priority=100,
        end_n=3,
        next_n=1,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO dispatch_outcome (tranche_id, n, attempt, doubt, workspace_id, kind, step, code, enhanced,
                   reply, at) VALUES (%s, 0, 1, false, %s, 1, 'dot', 250, '2.0.0', 'ok', 0)""",
            [tranche.pk, campaign.workspace_id],
        )
    return launch


def opt_in(**changes: Any) -> dict[str, Any]:
    evidence = {
        "at": (NOW - timedelta(minutes=1)).isoformat(),
        "source": "https://shop.example/newsletter",
        "shown": "Yes, send me the newsletter.",
        "ip": "203.0.113.9",
        **changes.pop("evidence", {}),
    }
    return {"email": LAYLA, "name": "Layla", "topic": "news", "basis": "single_opt_in", "evidence": evidence, **changes}


# --- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer rida_wrong"}, {"Authorization": "Basic abc"}])
def test_without_a_key_nothing_is_told(alice: Program, header: dict[str, str]) -> None:
    assert Client().get("/api/v1/campaigns", headers=header).status_code == 401


def test_a_session_is_no_key(alice: Program, client: Client) -> None:
    client.cookies["sessionid"] = alice.token
    assert client.get("/api/v1/campaigns").status_code == 401


def test_a_revoked_key_opens_nothing(alice: Program) -> None:
    assert alice.get("/campaigns").status_code == 200
    revoke(alice.key, NOW)
    assert alice.get("/campaigns").status_code == 401


def test_a_token_is_not_stored_and_its_use_is_noted_once_a_minute(alice: Program) -> None:
    assert alice.token.startswith(alice.key.prefix) and alice.token.encode() not in bytes(alice.key.token_hash)
    for seconds, noted in [(0, 0), (59, 0), (60, 60)]:
        key_of(alice.token, NOW + timedelta(seconds=seconds))
        assert ApiKey.objects.get().last_used_at == NOW + timedelta(seconds=noted)


# --- reading --------------------------------------------------------------------------------------------------------


def test_campaigns_are_listed_in_pages(alice: Program) -> None:
    campaign_of(alice)
    Campaign.objects.create(workspace=alice.workspace, name="Later")
    answer = alice.get("/campaigns?limit=1&offset=1").json()
    assert answer["count"] == 2
    assert [(row["name"], row["topic"], row["state"]) for row in answer["items"]] == [("Mother's Day", "news", "draft")]


def test_a_launch_shows_totals_that_add_up(alice: Program) -> None:
    launch = launch_of(campaign_of(alice))
    answer = alice.get(f"/launches/{launch.pk}").json()
    assert (answer["state"], answer["excluded"]) == ("running", {"no_permission": 2})
    assert answer["totals"] == {
        "queued": 3, "accepted": 1, "bounced": 0, "withheld": 0, "expired": 0, "cancelled": 0, "doubtful": 0,
        "waiting": 2, "deferred_attempts": 0,
    }  # fmt: skip


def test_a_launch_shows_its_networks_with_their_limits(alice: Program) -> None:
    launch = launch_of(campaign_of(alice))
    (row,) = alice.get(f"/launches/{launch.pk}/networks").json()
    assert (row["network"], row["queued"], row["waiting"]) == ("mx.h.example (192.0.2.0/24)", 3, 2)
    assert (row["r"], row["cap"], row["held"], row["next_at"]) == (100, 90, False, None)


def test_a_campaign_lists_its_launches(alice: Program) -> None:
    launch = launch_of(campaign_of(alice))
    (row,) = alice.get(f"/campaigns/{launch.campaign_id}/launches").json()["items"]
    assert (row["id"], row["kind"], row["launched_at"]) == (launch.pk, "bulk", "2026-05-04T12:00:00Z")


# --- changing -------------------------------------------------------------------------------------------------------


def test_a_launch_is_paused_resumed_and_cancelled(alice: Program) -> None:
    launch = launch_of(campaign_of(alice))
    states = [alice.post(f"/launches/{launch.pk}/{change}").json()["state"] for change in ("pause", "resume", "cancel")]
    assert states == ["paused", "running", "cancelled"]
    assert [entry.verb for entry in AuditEntry.objects.order_by("pk")] == [
        "launch.pause", "launch.resume", "launch.cancel",
    ]  # fmt: skip
    assert AuditEntry.objects.filter(subject=f"{launch.pk}, key {alice.key.prefix}").count() == 3


def test_a_change_that_the_state_forbids_says_so(alice: Program) -> None:
    launch = launch_of(campaign_of(alice))
    answer = alice.post(f"/launches/{launch.pk}/resume")
    assert (answer.status_code, answer.json()["code"], answer.json()["params"]) == (
        409,
        "WrongState",
        {"state": "running"},
    )
    assert alice.post(f"/launches/{launch.pk}/explode").status_code == 422


# --- people ---------------------------------------------------------------------------------------------------------


def test_a_single_opt_in_makes_contact_and_permission(alice: Program) -> None:
    campaign_of(alice)
    answer = alice.post("/contacts", opt_in()).json()
    contact = Contact.objects.get()
    assert answer == {"contact_id": contact.pk, "recorded": True, "allowed": True, "reason": "ok"}
    assert (contact.address, contact.name) == (LAYLA, "Layla")
    (line,) = history(alice.workspace.pk, LAYLA)
    assert (line.kind, line.purpose, line.basis, line.grade) == ("granted", "news", "single_opt_in", Grade.E2)
    assert line.evidence is not None
    assert line.evidence["shown"] == "Yes, send me the newsletter." and line.evidence["key"] == alice.key.prefix


def test_a_double_opt_in_allows_mail_once_it_is_confirmed(alice: Program) -> None:
    campaign_of(alice)
    first = alice.post("/contacts", opt_in(basis="double_opt_in")).json()
    assert (first["allowed"], first["reason"]) == (False, "unconfirmed")
    confirmed = opt_in(basis="double_opt_in", evidence={"confirmed_at": NOW.isoformat()})
    assert alice.post("/contacts", confirmed).json()["allowed"] is True
    assert [line.kind for line in history(alice.workspace.pk, LAYLA)] == ["requested", "confirmed"]


def test_the_same_opt_in_twice_is_recorded_once(alice: Program) -> None:
    campaign_of(alice)
    assert [alice.post("/contacts", opt_in()).json()["recorded"] for _ in range(2)] == [True, False]
    assert len(history(alice.workspace.pk, LAYLA)) == 1


@pytest.mark.parametrize("kind", [Kind.WITHDRAWN, Kind.OBJECTED, Kind.SUPPRESSED, Kind.COMPLAINED])
@pytest.mark.parametrize("basis", ["single_opt_in", "double_opt_in"])
def test_a_program_cannot_undo_what_a_person_did(alice: Program, kind: Kind, basis: str) -> None:
    campaign_of(alice)
    record(alice.workspace.pk, parse(LAYLA), Act(kind, "news", "", Grade.E0, NOW - timedelta(days=1), {}), NOW)
    confirmed = {"confirmed_at": NOW.isoformat()} if basis == "double_opt_in" else {}
    answer = alice.post("/contacts", opt_in(basis=basis, evidence=confirmed))
    assert (answer.status_code, answer.json()["params"]) == (409, {"code": kind})
    assert len(history(alice.workspace.pk, LAYLA)) == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"email": "not an address"}, 422),
        ({"basis": "attestation"}, 422),
        ({"evidence": {"shown": ""}}, 422),
        ({"evidence": {"source": "nowhere"}}, 422),
        ({"name": "Layla\0"}, 422),
        ({"locale": "en\0"}, 422),
        ({"topic": "offers\0"}, 422),
        ({"evidence": {"at": "0001-01-01T00:00:00+14:00"}}, 422),
        ({"evidence": {"at": "2026-05-04T12:00:00"}}, 422),
        ({"evidence": {"confirmed_at": NOW.isoformat()}}, 422),
        ({"basis": "double_opt_in", "evidence": {"confirmed_at": "2020-01-01T00:00:00Z"}}, 422),
        ({"evidence": {"at": (NOW + timedelta(hours=1)).isoformat()}}, 409),
        ({"topic": "unheard-of"}, 404),
    ],
)
def test_a_report_that_proves_nothing_records_nothing(alice: Program, change: dict[str, Any], status: int) -> None:
    campaign_of(alice)
    assert alice.post("/contacts", opt_in(**change)).status_code == status
    assert not Contact.objects.exists()
    assert history(alice.workspace.pk, LAYLA) == []


# --- strangers ------------------------------------------------------------------------------------------------------


def test_charlie_sees_nothing_of_alice(alice: Program, charlie: Program) -> None:
    launch = launch_of(campaign_of(alice))
    assert charlie.get("/campaigns").json() == {"items": [], "count": 0}
    for path in (f"/campaigns/{launch.campaign_id}", f"/campaigns/{launch.campaign_id}/launches"):
        assert charlie.get(path).status_code == 404
    for path in (f"/launches/{launch.pk}", f"/launches/{launch.pk}/networks"):
        assert charlie.get(path).status_code == 404


def test_charlie_changes_nothing_of_alice(alice: Program, charlie: Program) -> None:
    launch = launch_of(campaign_of(alice))
    for change in ("pause", "resume", "cancel"):
        assert charlie.post(f"/launches/{launch.pk}/{change}").status_code == 404
    launch.refresh_from_db()
    assert launch.state == "running"
    assert charlie.post("/contacts", opt_in()).status_code == 404
    assert not Contact.objects.exists()


# --- its description ------------------------------------------------------------------------------------------------


def test_the_description_names_every_route_and_loads_nothing_from_outside(client: Client) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    assert set(paths) == {
        "/api/v1/campaigns",
        "/api/v1/campaigns/{campaign_id}",
        "/api/v1/campaigns/{campaign_id}/launches",
        "/api/v1/launches/{launch_id}",
        "/api/v1/launches/{launch_id}/networks",
        "/api/v1/launches/{launch_id}/{change}",
        "/api/v1/contacts",
    }
    page = client.get("/api/v1/docs").content.decode()
    assert "/static/ninja/swagger-ui-bundle.js" in page
    assert "//cdn" not in page and "https://" not in page
