"""The promise under SIGKILL, SIGSTOP and the loss of the database, counted at the receivers; its negative control."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.chaos, pytest.mark.slow]
STORM = Path(__file__).with_name("storm.py")


def storm(*arguments: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, str(STORM), *arguments], capture_output=True, text=True, timeout=420)
    assert done.returncode == 0, done.stderr[-3000:]
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    print(json.dumps(figures, indent=1))
    return figures


def test_nothing_is_lost_and_no_limit_is_passed_in_a_storm() -> None:
    seen = storm("--seconds", "40")
    assert seen["finished"], seen
    assert seen["blows"]["kill"] > 5, seen
    assert seen["blows"]["stop"] > 5, seen
    assert seen["blows"]["database"] == 1, seen
    assert seen["without_outcome"] == 0, seen
    assert seen["accepted_but_never_received"] == 0, seen
    assert seen["received_twice_without_doubt"] == 0, seen
    assert seen["most_doubtful_in_a_volley"] <= 1, seen
    # Exactly: a storm that never came to the limits would prove nothing about them.
    assert seen["max_in_window"] == seen["r"], seen
    assert seen["max_at_once"] == seen["c"], seen
    assert seen["v"] < seen["c"], seen


def test_permits_that_count_from_the_reservation_are_caught() -> None:
    seen = storm("--seconds", "20", "--faulty")
    assert seen["max_in_window"] > seen["r"], seen


def test_through_a_relay_with_tls_nothing_is_lost_and_the_accounts_hour_is_kept() -> None:
    seen = storm("--seconds", "40", "--relay")
    assert seen["finished"], seen
    assert seen["blows"]["kill"] > 5 and seen["blows"]["stop"] > 5 and seen["blows"]["database"] == 1, seen
    assert seen["without_outcome"] == 0, seen
    assert seen["accepted_but_never_received"] == 0, seen
    assert seen["received_twice_without_doubt"] == 0, seen
    assert seen["most_doubtful_in_a_volley"] <= 1, seen
    assert seen["max_in_window"] <= seen["r"], seen
    # Exactly: an account that never had its whole hour would prove nothing.
    assert seen["account_max_in_window"] == seen["account_r"], seen
    assert seen["account_max_at_once"] == seen["account_k"], seen
