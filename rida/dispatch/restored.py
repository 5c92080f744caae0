"""After a restore the ledger does not know what was sent since the backup (design §4.8).

So all networks hold for a window, and campaigns stay paused until somebody has looked. Open volleys of the backup are
left to the reaper: their leases are over.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Greatest

from rida.kernel.clock import milliseconds
from rida.shaping.models import RESTORED, Allowance, Budget, HoldEntry, Network
from rida.shaping.unlocated import unlocated_site

_FIRST = """
UPDATE public.outbox_launch SET state = 'paused' WHERE state = 'running' AND kind = 'bulk';
UPDATE public.shaping_budget SET next_due = 0, hold_reason = '{reason}',
    hold_until = (extract(epoch FROM clock_timestamp()) * 1000)::bigint + {window}
WHERE hold_until < (extract(epoch FROM clock_timestamp()) * 1000)::bigint + {window};
"""


def first_words() -> str:
    """SQL for the transaction that restores, so that there is no moment in which a worker could send. It names only
    columns that were there from the first release: the backup may be older than this program."""
    return _FIRST.format(reason=RESTORED, window=int(settings.RIDA_WINDOW_SECONDS * 1000))


def hold_all(now: datetime) -> datetime:
    """The rest, once the tables are of today: relays hold too, and the networks that are yet to be met; until when."""
    until = now + timedelta(seconds=settings.RIDA_WINDOW_SECONDS)
    unlocated_site(now)  # at least one network: new ones learn from the others how long to hold
    held = Greatest(F("hold_until"), milliseconds(until))
    Budget.objects.filter(hold_until__lte=milliseconds(until)).update(hold_until=held, hold_reason=RESTORED, next_due=0)
    Allowance.objects.update(hold_until=held, hold_reason=RESTORED)
    HoldEntry.objects.bulk_create(
        HoldEntry(network=network, until=until, reason=RESTORED, by="rida restore", at=now)
        for network in Network.objects.filter(budgets__source=None, budgets__hold_reason=RESTORED)
    )
    return until
