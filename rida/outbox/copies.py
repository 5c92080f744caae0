"""One person's copy of a launch, for whoever needs it: the wire, the browser."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from django.conf import settings

from rida.campaign.content import Draft
from rida.campaign.domains import SigningKey, signing_key
from rida.kernel.address import parse
from rida.kernel.errors import AddressError, ContentError, SealBroken
from rida.outbox.dkim import Signer
from rida.outbox.links import Copy, Links
from rida.outbox.models import Launch
from rida.outbox.render import Mailing, Press, Refused, Rendered


def mailing_of(workspace_id: int, draft: Draft, launch_id: int = 0) -> Mailing:
    """What every copy of a launch shares beside its content; launch 0 for a preview.

    Signed as soon as the sender's domain has a key, also in the sandbox: a rehearsal of what will leave. Raises
    SealBroken.
    """
    links = Links(settings.RIDA_URL, settings.RIDA_SECRETS)
    key = _key_of(workspace_id, draft)
    if key is None:
        return Mailing(links, workspace_id, launch_id)
    signer = Signer(key.domain, key.selector, key.pem)
    return Mailing(links, workspace_id, launch_id, (signer,), key.bounce_domain)


def _key_of(workspace_id: int, draft: Draft) -> SigningKey | None:
    try:
        return signing_key(workspace_id, parse(draft.sender.from_address).domain)
    except AddressError:
        return None


@dataclass(slots=True)
class Copies:
    """Compiles each launch once. One a process; a launch is frozen, so nothing here grows old.

    Content that cannot be compiled refuses every copy of its launch: an error here would stop the worker's claims, and
    with them the mail of everybody else. A key that cannot be opened now is another thing: somebody may bring back the
    secret, so its copies wait.
    """

    _presses: dict[int, tuple[Press | Refused, Launch]] = field(default_factory=dict)

    def prepare(self, launch_ids: Collection[int]) -> None:
        """Read and compile those not seen yet; `render` then touches no database."""
        for launch_id in launch_ids:
            with suppress(SealBroken):
                self._press(launch_id)

    def render(
        self, launch_id: int, tranche_id: int, n: int, address: str, address_hash: bytes, merge: Mapping[str, Any]
    ) -> Rendered | Refused:
        """The same Message-ID whenever it is made: a resend after doubt can be recognised by the receiver.

        Raises SealBroken where the sender's key does not open.
        Preflight saw a few copies. A way to leave that stands inside an `if` may be missing from this one (R12).
        """
        press, launch = self._press(launch_id)
        if isinstance(press, Refused):
            return press
        copy = Copy(launch.workspace_id, tranche_id, n, address_hash)
        message_id = f"<{tranche_id}.{n}.{bytes(launch.content_hash).hex()[:12]}@{press.domain}>"
        made = press.letter(copy, address, merge, message_id, formatdate())
        return made if isinstance(made, Refused) or made.leaves else Refused("leave_link_missing")

    def _press(self, launch_id: int) -> tuple[Press | Refused, Launch]:
        if launch_id not in self._presses:
            launch = Launch.objects.get(pk=launch_id)
            self._presses[launch_id] = _compiled(launch), launch
        return self._presses[launch_id]


def _compiled(launch: Launch) -> Press | Refused:
    try:
        draft = Draft.from_json(launch.content)
        return Press(draft, mailing_of(launch.workspace_id, draft, launch.pk))
    except ContentError as error:
        return Refused(str(error.params.get("code") or "content"))
