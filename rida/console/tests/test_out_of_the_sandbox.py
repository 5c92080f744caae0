"""From the sandbox into the world on one page, by its forms alone; who may, and what nobody may see."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from pytest_django import Settings

from rida.accounts.models import Role
from rida.campaign.models import Identity, SenderDomain
from rida.console import say, words
from rida.console.tests.house import Shop, colleague, entered, shop
from rida.delivery.trace import By, Line
from rida.dispatch.models import Dialogue, OutcomeRow, Volley
from rida.dns.location import Found, MailHost
from rida.dns.tests.zone import Server, served
from rida.kernel.clock import milliseconds, now
from rida.kernel.errors import RelayUnknown
from rida.kernel.reply import Outcome, Reply, Step
from rida.outbox.models import Launch, Tranche
from rida.outbox.services import examine
from rida.preflight.services import by_rule
from rida.shaping.models import Allowance, Departure, Realm, Source
from rida.shaping.places import assign
from rida.shaping.sources import password_of, source_of

pytestmark = pytest.mark.django_db
RELAY = {
    "host": "smtp.relay.example", "port": "587", "tls": "required", "user": "rosa", "password": "tulips in May",
    "include": "spf.relay.example", "addresses": "", "name": "mail.flowers.example", "hour": "300", "day": "",
    "connections": "5", "messages_per_connection": "100", "authority": "",
}  # fmt: skip


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    with served({"mail.flowers.example A": ["8.8.4.4"], "spf.relay.example TXT": ["v=spf1 ip4:8.8.8.8 -all"]}) as made:
        settings.RIDA_RESOLVER = made.address
        yield made


@pytest.fixture
def rosa(settings: Settings) -> Shop:
    settings.RIDA_RESOLVER = ("127.0.0.1", 9)
    return shop("Rosa", "rosa@flowers.example")


def page(of: Shop, query: str = "") -> str:
    return of.client.get(reverse("out") + query).content.decode()


def states(of: Shop) -> list[str]:
    return re.findall(r'<details class="card mb-3" id="step-\w+" data-state="(\w+)"', page(of))


def opened(of: Shop) -> list[str]:
    return re.findall(r'id="step-(\w+)" data-state="\w+" open', page(of))


def leave(of: Shop, **changes: str) -> Any:
    return of.client.post(reverse("out_relay"), {**RELAY, **changes}, follow=True)


def publish(of: Shop, server: Server) -> None:
    """Everything the page shows."""
    report = SenderDomain.objects.get(workspace=of.workspace).last_report
    assert report
    for record in report["records"]:
        server.rows[f"{record['name']} {record['type']}"] = [record["value"]]


def fared(launch: Launch, outcome: Outcome, step: Step, code: int, text: str) -> None:
    """What the ledger would write."""
    tranche = Tranche.objects.get(launch=launch)
    OutcomeRow.objects.create(
        tranche=tranche, n=0, attempt=1, workspace=launch.workspace, kind=int(outcome), step=step, code=code,
        reply=text, at=milliseconds(now()),
    )  # fmt: skip
    lines = [Line(By.THEM, "220 <b>relay</b>"), Line(By.US, "AUTH PLAIN •••"), Line(By.NOTE, "content", {"bytes": 9})]
    kept = [line.to_json() for line in lines]
    Dialogue.objects.create(tranche=tranche, n=0, attempt=1, workspace=launch.workspace, lines=kept, at=0)


def test_five_steps_one_after_another(rosa: Shop, server: Server) -> None:
    assert (states(rosa), opened(rosa)) == (["todo", "later", "later", "later", "later"], ["route"])
    assert "SPF include" in page(rosa, "?way=relay")

    assert leave(rosa).redirect_chain
    source = source_of(rosa.workspace)
    assert (source.name, password_of(source)) == ("smtp.relay.example", "tulips in May")
    assert "tulips" not in page(rosa) and "tulips" not in page(rosa, "?way=relay")
    assert (states(rosa)[:2], opened(rosa)) == (["done", "todo"], ["dns"])
    assert 'hx-trigger="submit, load"' in page(rosa)

    rosa.client.post(reverse("out_check"))
    assert states(rosa)[1] == "wait" and "v=spf1 include:spf.relay.example ~all" in page(rosa)
    publish(rosa, server)
    rosa.client.post(reverse("out_check"))
    assert (states(rosa)[1:3], opened(rosa)) == (["done", "todo"], ["trial"])

    located(Realm.WORLD)
    rosa.client.post(reverse("out_send"), {"letter": f"sender:{rosa.identity.pk}"})
    made = Launch.objects.get(kind=Launch.Kind.TEST)
    assert made.source == source and made.campaign is None
    assert states(rosa)[2] == "wait" and f'hx-get="{reverse("out_trial")}"' in page(rosa)
    assert rosa.client.post(reverse("out_approve"), follow=True).context["way"].departure.approved_at is None

    fared(made, Outcome.ACCEPTED, Step.DOT, 250, "taken")
    Departure.objects.update(tested_at=now())
    assert (states(rosa)[2:4], opened(rosa)) == (["done", "todo"], ["approve"])
    assert "220 &lt;b&gt;relay&lt;/b&gt;" in page(rosa) and "AUTH PLAIN •••" in page(rosa)
    rosa.client.post(reverse("out_approve"))
    assert (states(rosa), opened(rosa)) == (["done"] * 5, ["done"])
    assert "300" in page(rosa) and "approved the first launch" in page(rosa)


def located(realm: Realm) -> None:
    host = MailHost("mx.flowers.example", 10, ("192.0.2.1",))
    assign("flowers.example", Found("flowers.example", (host,), implicit=False, ttl=3600), now(), realm)


def test_back_to_the_sandbox_is_asked_first(rosa: Shop) -> None:
    leave(rosa)
    assert rosa.client.get(reverse("out_back")).status_code == 200
    assert source_of(rosa.workspace).route == Source.Route.RELAY
    rosa.client.post(reverse("out_back"))
    assert source_of(rosa.workspace).route == Source.Route.SANDBOX
    rosa.client.post(reverse("out_take"), {"source": Source.objects.get(name="smtp.relay.example").pk})
    assert source_of(rosa.workspace).name == "smtp.relay.example"


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("host", {"host": "smtp relay"}),
        ("port", {"port": "70000"}),
        ("tls", {"tls": "none"}),
        ("tls", {"port": "465"}),
        ("tls", {"tls": "implicit"}),
        ("password", {"password": ""}),
        ("user", {"user": ""}),
        ("include", {"include": "-"}),
        ("addresses", {"addresses": "8.8.8.8, 8.8.8"}),
        ("name", {"name": "laptop"}),
        ("hour", {"hour": "0"}),
        ("authority", {"authority": "no certificate"}),
    ],
)
def test_a_mistake_is_told_at_its_field(rosa: Shop, field: str, changes: dict[str, str]) -> None:
    answer = leave(rosa, **changes)
    assert list(answer.context["form"].errors) == [field] and opened_in(answer.content.decode()) == ["route"]
    assert "tulips" not in answer.content.decode() and not Departure.objects.exists()


def opened_in(text: str) -> list[str]:
    return re.findall(r'id="step-(\w+)" data-state="\w+" open', text)


def test_a_password_that_is_kept_need_not_be_typed_again(rosa: Shop) -> None:
    leave(rosa)
    leave(rosa, password="", hour="50")
    source = source_of(rosa.workspace)
    assert password_of(source) == "tulips in May" and Allowance.objects.get(source=source).hour == 50
    assert Source.objects.exclude(route=Source.Route.SANDBOX).count() == 1


def test_straight_from_here(rosa: Shop) -> None:
    given = {"name": "Mail.Flowers.example.", "public_addresses": "8.8.4.4 2606:4700::1", "local_address": ""}
    rosa.client.post(reverse("out_direct"), given)
    kept = source_of(rosa.workspace).settings
    assert kept == {
        "name": "mail.flowers.example",
        "local_address": "",
        "public_addresses": ["8.8.4.4", "2606:4700::1"],
    }
    assert "straight to the recipients" in page(rosa)


def test_others_see_where_it_stands_and_change_nothing(rosa: Shop) -> None:
    leave(rosa)
    for role in Role:
        client = colleague(rosa.workspace, role)
        text = client.get(reverse("out")).content.decode()
        assert "Only owners of the installation" in text and "<form" not in text.partition('id="steps"')[2]
        for name in ("out_relay", "out_direct", "out_take", "out_check", "out_send", "out_approve", "out_back"):
            assert client.post(reverse(name), RELAY).status_code == 403, name
    assert not SenderDomain.objects.exists()


def test_another_workspace_is_not_moved_and_not_seen(rosa: Shop) -> None:
    bob = shop("Bob", "bob@bob.example")
    leave(rosa)
    assert source_of(bob.workspace).route == Source.Route.SANDBOX
    bob.client.post(reverse("out_take"), {"source": source_of(rosa.workspace).pk})
    for letter in (f"sender:{rosa.identity.pk}", f"campaign:{rosa.campaign.pk}"):
        bob.client.post(reverse("out_send"), {"letter": letter})
    assert not Launch.objects.exists()
    assert "flowers.example" not in page(bob).partition('id="step-dns"')[2]


def test_a_domain_of_a_mailbox_provider_is_explained(rosa: Shop) -> None:
    Identity.objects.update(from_address="rosa@gmail.com")
    leave(rosa)
    rosa.client.post(reverse("out_check"))
    assert "belongs to a mailbox provider" in page(rosa) and not SenderDomain.objects.exists()
    rosa.campaign.delete()
    Identity.objects.all().delete()
    assert reverse("identity_new") in page(rosa)


def test_a_record_that_stands_and_stops_the_mail_is_not_called_good(rosa: Shop, server: Server) -> None:
    leave(rosa)
    rosa.client.post(reverse("out_check"))
    publish(rosa, server)
    del server.rows["mail.flowers.example A"]
    rosa.client.post(reverse("out_check"))
    [mx] = re.findall(
        r'data-record="mx" data-state="ok">.*?<span class="badge bg-red-lt">([^<]+)<', page(rosa), re.DOTALL
    )
    assert mx == "must be changed" and states(rosa)[1] == "wait"


def test_a_test_of_which_nothing_is_heard_says_where_it_hangs(rosa: Shop, server: Server) -> None:
    leave(rosa)
    rosa.client.post(reverse("out_check"))
    publish(rosa, server)
    rosa.client.post(reverse("out_check"))
    located(Realm.WORLD)
    rosa.client.post(reverse("out_send"), {"letter": f"sender:{rosa.identity.pk}"})
    made = Launch.objects.get(kind=Launch.Kind.TEST)
    assert "keeps silent" not in page(rosa) and "Is a worker running?" not in page(rosa)
    Launch.objects.update(launched_at=now() - timedelta(seconds=30))
    Departure.objects.update(changed_at=now() - timedelta(minutes=1))
    assert "Is a worker running?" in page(rosa)
    site = Tranche.objects.get().site
    Volley.objects.create(
        workspace=made.workspace, source=made.source, site=site, network=site.network, node="n", urgent=True, n=1,
        opened_at=0, lease_until=0, counts_until=0, tranche_ids=[Tranche.objects.get().pk], ns=[0], attempts=[1],
    )  # fmt: skip
    assert "keeps silent" in page(rosa) and "Is a worker running?" not in page(rosa)


def test_htmx_gets_the_steps_alone(rosa: Shop, server: Server) -> None:
    leave(rosa)
    answer = rosa.client.post(reverse("out_check"), headers={"HX-Request": "true"})
    text = answer.content.decode()
    assert answer.headers["HX-Retarget"] == "#steps" and text.lstrip().startswith('<div id="steps"')
    assert "load" not in re.findall(r'hx-trigger="([^"]*)"', text)[0]


def test_a_refused_login_is_told_with_what_to_do(rosa: Shop) -> None:
    leave(rosa)
    until = milliseconds(now()) + 60_000
    Allowance.objects.update(hold_until=until, hold_reason="5.7.8 Authentication failed")
    text = page(rosa)
    assert "5.7.8 Authentication failed" in text and "?way=relay#step-route" in text
    made = Launch.objects.create(
        workspace=rosa.workspace, campaign=rosa.campaign, kind=Launch.Kind.BULK, content={}, content_hash=b"", terms={},
        give_up_at=0, launched_at=now(), source=source_of(rosa.workspace),
    )  # fmt: skip
    shown = rosa.client.get(reverse("launch", args=[made.pk])).content.decode()
    assert "Authentication failed" in shown and "the relay smtp.relay.example" in shown


def test_a_viewer_is_not_sent_where_they_cannot_mend(rosa: Shop) -> None:
    leave(rosa)
    Allowance.objects.update(hold_until=milliseconds(now()) + 60_000, hold_reason="no")
    text = colleague(rosa.workspace, Role.VIEWER).get(reverse("out")).content.decode()
    assert "?way=relay" not in text and "An owner of the installation can mend it" in text


def test_every_page_says_where_mail_goes(rosa: Shop) -> None:
    home = reverse("home")
    assert "stays on this machine" in rosa.client.get(home).content.decode()
    leave(rosa)
    assert "the relay smtp.relay.example" in rosa.client.get(home).content.decode()


def test_preflight_shows_the_checks_of_a_real_route(rosa: Shop, server: Server) -> None:
    located(Realm.SANDBOX)
    located(Realm.WORLD)
    address = reverse("preflight", args=[rosa.campaign.pk])
    assert {check["rule"] for check in rosa.client.get(address).context["checks"]}.isdisjoint({"R60", "A1"})
    leave(rosa)
    checks = {check["rule"]: check for check in rosa.client.get(address).context["checks"]}
    assert {"R60", "R62", "R66", "A1"} <= checks.keys()
    assert checks["A1"]["look"] == "block" and checks["A1"]["mended_at"] == "out"
    assert "first_launch_not_approved" in str(by_rule(examine(rosa.campaign, rosa.owner, now())))


TROUBLE = [
    (Reply(Step.CONNECT, 0, "", "guard refused 10.0.0.1"), "guard"),
    (Reply(Step.CONNECT, 0, "", str(RelayUnknown(host="smtp.relay.example"))), "relay_name"),
    (Reply(Step.CONNECT, 0, "", "mx did not answer in time"), "no_connection"),
    (Reply(Step.STARTTLS, 0, "", "certificate verify failed"), "encryption"),
    (Reply(Step.AUTH, 535, "5.7.8", "no"), "login"),
    (Reply(Step.AUTH, 0, "", "we log in by PLAIN or LOGIN"), "login_way"),
    (Reply(Step.MAIL, 550, "", "no"), "sender_refused"),
    (Reply(Step.RCPT, 451, "4.7.1", "greylisted"), "later"),
    (Reply(Step.DOT, 554, "", "spam"), "message_refused"),
]


@pytest.mark.parametrize(("reply", "code"), TROUBLE, ids=[row[1] for row in TROUBLE])
def test_each_trouble_says_what_to_do(reply: Reply, code: str) -> None:
    assert say.advice(reply, Outcome.DEFERRED) == str(words.ADVICE[code])


def test_a_test_that_arrived_needs_no_advice() -> None:
    assert say.advice(Reply(Step.DOT, 250, "", "ok"), Outcome.ACCEPTED) == ""


def test_the_page_speaks_arabic(rosa: Shop) -> None:
    rosa.owner.language = "ar"
    rosa.owner.save()
    leave(rosa)
    text = entered(rosa.owner).get(reverse("out")).content.decode()
    shown = text.partition('id="steps"')[2]
    assert 'dir="rtl"' in text and not re.search(r">[^<]*\b(Step|Choose|Publish|records)\b[^<]*<", shown)
