"""The baselines of the bench measure what they say; how fast anything is, is not judged here."""

import pytest

from bench.baselines import direct, rsa_2048, stock_postfix

pytestmark = pytest.mark.peers


def test_smtp_source_reaches_the_sink() -> None:
    found = direct(messages=50, length=1000, sessions=5)
    assert found.messages_per_second == 50 / found.seconds


def test_a_stock_postfix_delivers_what_it_takes() -> None:
    found = stock_postfix(messages=50, length=1000, sessions=5)
    assert 0 < found.taking_seconds <= found.seconds and found.postfix_cpu_seconds > 0


def test_openssl_says_how_fast_it_signs() -> None:
    found = rsa_2048(seconds=1)
    assert found.signatures_per_second > 10 and 0 < found.cpu_seconds < 0.1
