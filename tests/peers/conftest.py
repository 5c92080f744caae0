"""Each server in its turn, and what happens where they cannot run."""

import os
from collections.abc import Generator

import pytest

from tests.peers.exim import exim
from tests.peers.opensmtpd import opensmtpd
from tests.peers.packages import Missing
from tests.peers.postfix import postfix
from tests.peers.server import Start


@pytest.fixture(params=[postfix, exim, opensmtpd], ids=["postfix", "exim", "opensmtpd"])
def start(request: pytest.FixtureRequest) -> Start:
    chosen: Start = request.param
    return chosen


@pytest.fixture(params=[postfix, exim], ids=["postfix", "exim"])
def start_secure(request: pytest.FixtureRequest) -> Start:
    """Those whose TLS works in Debian 12."""
    chosen: Start = request.param
    return chosen


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, bool | None, bool | None]:
    """On somebody's laptop a missing server skips the test; in CI nothing may be left out unseen."""
    try:
        return (yield)
    except Missing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))
