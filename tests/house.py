"""The whole line for tests: a town beside us, a real worker process on the test's own database."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import connection
from psycopg.conninfo import make_conninfo

from rida.accounts.models import User, Workspace
from rida.audience.models import Topic
from rida.audience.services import add_contact, add_topic
from rida.campaign import records
from rida.campaign.domains import check_domain, ensure, sending_of
from rida.campaign.models import Campaign, Identity
from rida.campaign.records import Way
from rida.kernel.address import parse
from rida.kernel.clock import now
from rida.outbox.models import Chunk, Launch
from rida.outbox.services import examine, launch
from rida.outbox.tickets import materialise
from rida.permission.rules import Basis, Grade, Kind
from rida.permission.services import Act, record
from rida.shaping.models import Departure, Source
from rida.shaping.sources import approve, choose
from rida.town.card import TownCard
from rida.town.plan import Plan


def database_url() -> str:
    given = connection.get_connection_params()
    return make_conninfo(
        **{key: given[key] for key in ("dbname", "user", "password", "host", "port") if given.get(key)}
    )


@contextmanager
def worker(town: TownCard, **settings: object) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker of its own process that asks this town; settings by their RIDA_ names without the prefix."""
    with worker_asking(town.resolver, mx_port=town.port, **settings) as process:
        yield process


@contextmanager
def worker_asking(resolver: tuple[str, int], **settings: object) -> Iterator["subprocess.Popen[bytes]"]:
    """The same, whoever answers for DNS."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "RIDA_RESOLVER": "{}:{}".format(*resolver),
        "RIDA_LEASE_SECONDS": "6",
        "RIDA_RETRY_SECONDS": "1,2",
        **{f"RIDA_{key.upper()}": str(value) for key, value in settings.items()},
    }
    process = subprocess.Popen([sys.executable, "-m", "rida.cli", "worker"], env=environment, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(40)


def workspace(slug: str = "alice") -> Workspace:
    return Workspace.objects.get_or_create(slug=slug, defaults={"name": "Warda Flowers", "profiles": ["US"]})[0]


def topic(of: Workspace) -> Topic:
    return Topic.objects.filter(workspace=of).first() or add_topic(of, "news", "News")


def sign_up(*addresses: str, of: Workspace | None = None, **contact: Any) -> None:
    """These people gave their consent by single opt-in."""
    home = of or workspace()
    for address in addresses:
        add_contact(home, address, now(), **contact)
        act = Act(Kind.GRANTED, topic(home).slug, Basis.SINGLE_OPT_IN, Grade.E2, now(), {"form": "test"})
        record(home.pk, parse(address), act, now())


def identity(of: Workspace, **fields: Any) -> Identity:
    good = {
        "name": "Warda Flowers",
        "from_address": "hello@warda-flowers.example",
        "organisation": "Warda Flowers LLC",
        "street": "12 Rose Street",
        "postal_code": "10001",
        "city": "New York",
        "region": "NY",
        "country": "US",
        "address_confirmed_at": now(),
    }
    return Identity.objects.create(workspace=of, **{**good, **fields})


def campaign(of: Workspace | None = None, **fields: Any) -> Campaign:
    """A good one; `fields` spoil it."""
    home = of or workspace()
    good = {
        "name": "Reminder",
        "topic": topic(home),
        "message_class": "commercial",
        "subject": "Flowers for {{ first_name | default('you') }}",
        "body": "Dear {{ first_name | default('friend') }}, order by Friday.",
    }
    made = {**good, **fields}
    if "identity" not in made:
        made["identity"] = identity(home)
    return Campaign.objects.create(workspace=home, **made)


def launched(of: Workspace | None = None, **fields: Any) -> Launch:
    """Through preflight and launch; nothing is written out yet."""
    made = campaign(of, **fields)
    examine(made, None, now())
    return launch(made, None, now())


def real_sender(plan: Plan, way: Way, of: Workspace | None = None) -> Plan:
    """The same town, but its DNS holds the records of warda-flowers.example for this way. Ask it once it runs."""
    domain = ensure(of or workspace(), "warda-flowers.example", now())
    sending = sending_of(domain)
    answered = [records.spf(sending, way), records.dkim(sending), records.dmarc_policy(sending)]
    first, *others = plan.networks
    return replace(
        plan,
        texts={**plan.texts, **{record.name: (record.value,) for record in answered}},
        networks=(replace(first, domains=(*first.domains, domain.bounce_domain)), *others),
    )


def asked_of(resolver: tuple[str, int], way: Way, of: Workspace | None = None) -> None:
    """The sender's domain is proved."""
    report = check_domain(ensure(of or workspace(), "warda-flowers.example", now()), way, resolver, now())
    assert report.proved and not report.stops, report


def depart(source: Source, owner: User, of: Workspace | None = None) -> None:
    """From now on by this source: chosen, as if a test had arrived, approved."""
    home = of or workspace()
    choose(home, source, owner, now())
    Departure.objects.filter(workspace=home).update(tested_at=now())
    approve(home, owner, now())


def write_out(made: Launch) -> None:
    """What the ticket does."""
    while Chunk.objects.filter(launch=made, done=False).exists():
        materialise(launch_id=made.pk)
    made.refresh_from_db()


def until(question: Callable[[], Any], seconds: float = 20) -> Any:
    """The first true answer. Fails the test if none comes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {question.__name__}")


def finished(made: Launch) -> bool:
    made.refresh_from_db()
    return made.finished_at is not None
