"""Against a server that is not ours: aiosmtpd, over real sockets."""

import asyncio
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, Envelope, Session

from rida.delivery.ports import Host
from rida.delivery.tests.conftest import Play
from rida.delivery.tests.scene import items, letter, scene, volley
from rida.kernel.reply import Outcome


class Inbox:
    def __init__(self) -> None:
        self.taken: list[tuple[list[str], bytes]] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 User unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.taken.append((list(envelope.rcpt_tos), envelope.content))
        return "250 2.6.0 taken"


def test_aiosmtpd_takes_what_we_send(play: Play) -> None:
    content = b"From: a@rida.test\r\nSubject: Tulips\r\n\r\n.dots\r\n..\r\n.\r\nend\r\n"

    async def story() -> None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(inbox, enable_SMTPUTF8=True), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with scene() as s:
            s.hosts = (Host("mx", ("127.0.0.1",), port),)
            s.letters = {f"{name}@net.test": letter(f"{name}@net.test", content) for name in ("ali", "علي")}
            outcomes = await s.play(volley(*items("ali", "nobody", "علي", "bea")))
        server.close()
        await server.wait_closed()
        accepted = Outcome.ACCEPTED
        assert outcomes == {"ali": accepted, "nobody": Outcome.BOUNCED, "علي": accepted, "bea": accepted}
        assert [to for to, _ in inbox.taken] == [["ali@net.test"], ["علي@net.test"], ["bea@net.test"]]
        message = message_from_bytes(inbox.taken[0][1], policy=policy.SMTP)
        assert message["Subject"] == "Tulips" and inbox.taken[0][1] == content

    play(story())
