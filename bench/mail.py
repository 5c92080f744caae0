"""The mail of the measurements: customers by CSV, a campaign, preflight, launch, as a user would; limits lifted."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rida.accounts.models import Workspace

NETWORKS = 40


def workspace_of(home: Path, customers: int) -> "Workspace":
    """A workspace with so many people in it, spread over the networks."""
    from rida.accounts.models import Workspace
    from rida.audience.services import add_topic, run_import, start_import
    from rida.kernel.clock import now

    made = Workspace.objects.create(slug=f"bench-{customers}", name="Bench", profiles=["US"])
    topic = add_topic(made, "news", "News")
    path = home / f"customers-{customers}.csv"
    _write_customers(path, customers)
    run_import(start_import(made, None, path, path.name, topic=topic, now=now()).pk, now())
    return made


def launch(workspace: "Workspace") -> int:
    """The launch's id. Preflight has seen it and let it pass."""
    from rida.audience.models import Topic
    from rida.campaign.models import Campaign, Identity
    from rida.kernel.clock import now
    from rida.outbox.services import examine
    from rida.outbox.services import launch as let_go
    from tests.chaos.mail import identity

    campaign = Campaign.objects.create(
        workspace=workspace,
        name="Bench",
        identity=Identity.objects.filter(workspace=workspace).first() or identity(workspace),
        topic=Topic.objects.get(workspace=workspace),
        message_class="commercial",
        subject="News for {{ name }}",
        body="Hello {{ name }},\n\n" + "here is a line of the news that everybody waits for. " * 40,
    )
    examine(campaign, None, now())
    return let_go(campaign, None, now()).pk


def _write_customers(path: Path, count: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "name", "last_purchase_at"])
        for number in range(count):
            writer.writerow([f"p{number}@d1.net-{number % NETWORKS + 1}.example", f"Person {number}", "2026-03-01"])


def write_out(launch_id: int) -> None:
    """Deliveries are written before the clock starts."""
    from rida.outbox.models import Chunk
    from rida.outbox.tickets import materialise

    while Chunk.objects.filter(launch=launch_id, done=False).exists():
        materialise(launch_id=launch_id)


def lift_limits() -> None:
    from rida.shaping.models import Budget

    # Pinned: a worker that starts gives every other budget its provider's limits back.
    Budget.objects.update(r=1_000_000, c=100, k=10, v=20, next_due=0, pinned=True)
