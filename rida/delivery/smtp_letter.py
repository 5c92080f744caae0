"""A letter on its way to the wire: may it travel at all, its envelope as commands, its body with dots doubled. Pure."""

import re

from rida.delivery.ports import Letter, Refusal
from rida.delivery.smtp_reply import Capabilities
from rida.kernel.reply import Reply, Step

# RFC 5321 §4.1.2 and RFC 6531 §3.3, as far as safety goes: no spaces, controls or angle brackets between < and >.
_PATH = re.compile(r"[^\s<>\x00-\x1f\x7f]{1,254}")


def objection(letter: Letter, offered: Capabilities) -> Reply | Refusal | None:
    """Why this letter must not be started over this connection, or None.

    A Refusal is our own mistake (the copy is not fit for any server). A Reply is what this server would answer in the
    end, with the codes of RFC 1870 §6.1, RFC 6531 §3.5 and RFC 3463 (X.6.3), made before anything is sent.
    """
    return _unfit(letter) or _unsupported(letter, offered)


def _unfit(letter: Letter) -> Refusal | None:
    if not _PATH.fullmatch(letter.recipient) or (letter.mail_from and not _PATH.fullmatch(letter.mail_from)):
        return Refusal("an envelope address holds a space, a line break or an angle bracket")
    if not has_whole_line_ends(letter.content):
        return Refusal("the message holds a bare CR or LF")
    return None


def _unsupported(letter: Letter, offered: Capabilities) -> Reply | None:
    if offered.size and len(letter.content) > offered.size:
        return Reply(Step.MAIL, 552, "5.3.4", f"the message is larger than the server's limit of {offered.size} bytes")
    if _needs_smtputf8(letter) and not offered.smtputf8:
        return Reply(Step.RCPT, 553, "5.6.7", "the server does not offer SMTPUTF8, which this address needs")
    if not offered.eightbit and not letter.content.isascii():
        return Reply(Step.DATA, 554, "5.6.3", "the server does not offer 8BITMIME, which this message needs")
    return None


def _needs_smtputf8(letter: Letter) -> bool:
    return letter.smtputf8 or not letter.recipient.isascii() or not letter.mail_from.isascii()


def has_whole_line_ends(content: bytes) -> bool:
    """Every CR is followed by LF and every LF follows a CR: what is neither can smuggle a second message."""
    pairs = content.count(b"\r\n")
    return content.count(b"\n") == pairs and content.count(b"\r") == pairs


def mail_command(letter: Letter, offered: Capabilities) -> bytes:
    command = f"MAIL FROM:<{letter.mail_from}>"
    if offered.size is not None:
        command += f" SIZE={len(letter.content)}"
    if offered.eightbit and not letter.content.isascii():
        command += " BODY=8BITMIME"
    if _needs_smtputf8(letter):
        command += " SMTPUTF8"
    return command.encode() + b"\r\n"


def rcpt_command(letter: Letter) -> bytes:
    return f"RCPT TO:<{letter.recipient}>\r\n".encode()


def wire_form(content: bytes) -> bytes:
    """`content` as DATA wants it: leading dots doubled, the last line ended, the lone dot after it (RFC 5321 §4.5.2).

    content: whole CRLF line ends (see has_whole_line_ends).
    """
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    first = b"." if stuffed.startswith(b".") else b""
    last = b".\r\n" if stuffed.endswith(b"\r\n") or not stuffed else b"\r\n.\r\n"
    return b"".join((first, stuffed, last))
