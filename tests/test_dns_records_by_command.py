"""`rida dns check` against a real DNS server on loopback: what it prints is what has to be published."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from rida.accounts.models import Workspace
from rida.cli.domains import check
from rida.dns.tests.zone import Server, served
from rida.kernel.clock import now
from rida.kernel.errors import NoDomain, NoSuchThing, SettingError
from rida.shaping.models import Departure, Source

pytestmark = pytest.mark.django_db
HELO = "mail.rida.example"


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    with served({f"{HELO} A": ["8.8.4.4"]}) as server:
        settings.RIDA_RESOLVER = server.address
        yield server


@pytest.fixture(autouse=True)
def workspace() -> Workspace:
    return Workspace.objects.create(name="rosa", slug="rosa")


def run(domain: str = "flowers.example", *, as_json: bool = True, **changes: str) -> int:
    way = {"relay": "", "include": "", "helo": HELO, **changes}
    addresses = tuple(filter(None, way.pop("address", "").split()))
    return check(domain, "", "", as_json=as_json, addresses=addresses, **way)


def test_once_everything_it_printed_is_published_nothing_stops(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 1
    first = json.loads(capsys.readouterr().out)
    assert (first["stops"], first["proved_at"]) == (True, None)
    assert {record["state"] for record in first["records"]} == {"missing"}
    for record in first["records"]:
        server.rows[f"{record['name']} {record['type']}"] = [record["value"]]
    assert run() == 0
    second = json.loads(capsys.readouterr().out)
    assert second["proved"] and second["proved_at"]
    assert {record["state"] for record in second["records"]} == {"ok"}
    assert [note for record in second["records"] for note in record["notes"]] == []


def test_each_failure_says_what_to_do(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.rows["bounce.flowers.example TXT"] = ["v=spf1 mx -all", "v=spf1 ~all"]
    server.rows["_dmarc.flowers.example TXT"] = ["v=DMARC1; p=none"]
    assert run(as_json=False) == 1
    printed = capsys.readouterr().out
    assert "! Key for the signature (DKIM): is missing" in printed
    assert "value  v=spf1 a:mail.rida.example mx -all" in printed
    assert "→ Several SPF records stand at bounce.flowers.example" in printed
    assert "+ What receivers do with forgeries (DMARC): stands" in printed
    assert "flowers.example is not proved to be yours yet; 4 of 5 records stop the mail." in printed


def test_a_relay_needs_no_name_of_ours_for_its_addresses(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(relay="smtp.relay.example", include="spf.relay.example") == 1
    records = json.loads(capsys.readouterr().out)["records"]
    assert [record["why"] for record in records] == ["dkim", "spf", "dmarc", "mx"]
    assert records[1]["value"] == "v=spf1 include:spf.relay.example ~all"


def chosen(workspace: Workspace, route: str, **settings: object) -> None:
    source = Source.objects.create(name=route, route=route, settings=settings)
    Departure.objects.create(workspace=workspace, source=source, chosen_at=now())


def test_without_options_the_chosen_relay_counts(
    server: Server, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen(workspace, "relay", host="smtp.relay.example", name=HELO, include="spf.relay.example")
    assert run(helo="") == 1
    values = [record["value"] for record in json.loads(capsys.readouterr().out)["records"]]
    assert values[1:] == ["v=spf1 include:spf.relay.example ~all", "v=DMARC1; p=none", f"10 {HELO}."]


def test_without_options_the_chosen_addresses_count(
    server: Server, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen(workspace, "direct", name=HELO, public_addresses=["8.8.4.4", "2606:4700::1"])
    assert run(helo="") == 1
    records = json.loads(capsys.readouterr().out)["records"]
    assert records[1]["value"] == "v=spf1 ip4:8.8.4.4 ip6:2606:4700::1 ~all"
    assert [record["why"] for record in records[4:]] == ["ptr", "ptr"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"helo": "localhost"}, SettingError),
        ({"helo": "بريد.example"}, SettingError),
        ({"address": "8.8.4"}, SettingError),
        ({"domain": "flowers"}, NoDomain),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(server: Server, changes: dict[str, Any], error: type) -> None:
    with pytest.raises(error):
        run(**changes)


def test_it_needs_a_workspace(server: Server, workspace: Workspace) -> None:
    workspace.delete()
    with pytest.raises(NoSuchThing, match="log in first"):
        run()
