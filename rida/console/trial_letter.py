"""The short message by which somebody tries a way out, in the language of whoever sends it to themselves."""

from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _

from rida.accounts.models import User
from rida.campaign.models import Identity
from rida.outbox.models import Launch
from rida.outbox.services import trial_send


def send_short(sender: Identity, user: User, now: datetime) -> Launch:
    """Raises what `trial_send` raises."""
    with translation.override(user.language):
        return trial_send(sender, _("A test message from Rida"), _body(), user, now)


def _body() -> str:
    arrived = _("If you read this, mail leaves by the way you chose, and arrives.")
    look = _("Look at its source, too: your mail program shows there whether SPF, DKIM and DMARC passed.")
    return f"{arrived}\n\n{look}"
