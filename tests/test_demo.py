"""The demonstration keeps what it promises, in a throw-away home, as a user would run it."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow
KEYS = [
    *("window_seconds", "imported", "refused_rows", "queued", "accepted", "deferred_attempts", "bounced", "withheld"),
    *("expired", "cancelled", "doubtful", "unsubscribed_during_send", "max_in_window_by_network"),
    *("max_at_once_by_network", "bulk_cap", "seconds"),
]


def test_the_florists_reminder_goes_out_inside_the_limits() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RIDA_", "DATABASE_URL"))}
    done = subprocess.run(
        [sys.executable, "-m", "rida.cli", "demo", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert list(told) == KEYS
    outcomes = ("accepted", "bounced", "withheld", "expired", "cancelled", "doubtful")
    assert sum(told[name] for name in outcomes) == told["queued"]
    assert told["unsubscribed_during_send"] == 2
    assert told["max_in_window_by_network"]["cedar-webmail"] == told["bulk_cap"] == 90
    assert max(told["max_in_window_by_network"].values()) <= 100
    assert max(told["max_at_once_by_network"].values()) <= 10
    assert told["imported"] + told["refused_rows"] == 600
    assert told["seconds"] < 120
