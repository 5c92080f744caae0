"""How a launch ends: what cancel and expiry leave unclaimed gets its outcome, and the last outcome finishes it."""

from typing import Any

from django.db import transaction

from rida.dispatch.statements import fetch as _rows
from rida.kernel.clock import elapsed_seconds
from rida.kernel.reply import Outcome

_SLICE = 5_000
"""Rows a transaction: the network's lock is held meanwhile, so claims of it wait some 50 ms."""


_SECONDS = 0.5


def settle_all(seconds: float = _SECONDS) -> None:
    """Every launch that has not ended: settle what must end now, and finish it if nothing remains.

    seconds: after so long the rest is left to the next tick. A million cancelled copies take minutes, and the tick that
    settles them is also who has the others' mail sent.
    """
    until = elapsed_seconds() + seconds
    for launch_id, cancelled, expired in _rows("unsettled"):
        if cancelled:
            settle(launch_id, Outcome.CANCELLED, "cancelled", until)
        elif expired:
            settle(launch_id, Outcome.EXPIRED, "gave_up", until)
        if not _rows("remains", launch=launch_id)[0][0]:
            _rows("finish", launch=launch_id)


def settle(launch_id: int, outcome: Outcome, reason: str, until: float) -> None:
    """Give every unclaimed delivery of the launch this outcome. Open volleys end by themselves."""
    ending = {"kind": int(outcome), "reason": reason}
    for tranche_id, network_id in _rows("live_tranches", launch=launch_id):
        _until_empty("settle_tranche", network_id, until, ending | {"tranche": tranche_id})
    for (network_id,) in _rows("retry_networks", launch=launch_id):
        _until_empty("settle_retries", network_id, until, ending | {"launch": launch_id, "network": network_id})


def _until_empty(name: str, network_id: int, until: float, params: dict[str, Any]) -> None:
    while elapsed_seconds() < until and _slice(name, network_id, params):
        pass


def _slice(name: str, network_id: int, params: dict[str, Any]) -> bool:
    with transaction.atomic():
        _rows("lock_networks", networks=[network_id])
        done = _rows(name, **params, limit=_SLICE)
        _rows("refresh_due", networks=[network_id])
    return bool(done and done[0][0])
