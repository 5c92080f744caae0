"""The SMTP receiver: an asyncio protocol, strict about line ends, fast.

Only CRLF ends a line and only CRLF.CRLF ends a message; a bare LF or CR gets 521 and a closed connection, as smuggling
deserves (Postfix: smtpd_forbid_bare_newline). Replies of one packet leave in one write (RFC 2920).
"""

import asyncio
import re
import socket
from collections.abc import Callable
from typing import cast

from rida.town.counters import Kind
from rida.town.desk import Desk
from rida.town.plan import MAIL_SIZE_BYTES, AfterDot

_LONGEST_LINE = 4096
_MOST_RECIPIENTS = 1000
_PATH = re.compile(rb"(?i)(MAIL FROM|RCPT TO): ?<([^<>\x00-\x20]*)>((?: [^ ]+)*) *")
_TOO_BIG = "552 5.3.4 the message is too big"
_BARE = "521 5.5.2 bare line ends are not taken here"
_PEER_GONE = frozenset((6, 7, 8, 9, 11))  # tcp_states.h: TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK, CLOSING


class Receiver(asyncio.Protocol):
    """One connection. doors: the open connections of the network, shared by all its receivers."""

    def __init__(self, desk: Desk, doors: set["Receiver"], size_bytes: int = MAIL_SIZE_BYTES) -> None:
        self._desk, self._doors, self._size = desk, doors, size_bytes
        self._delay = desk.mood.step_seconds
        self.gone = asyncio.Event()
        self._buffer = bytearray()
        self._searched = 0
        self._out: list[str] = []
        self._in_data = self._waiting = self._ended = self._counted = False
        self._greeted = self._utf8 = False
        self._sender: str | None = None
        self._recipients: list[str] = []

    # --- asyncio ----------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else ""
        if self._desk.mood.keeps and self._desk.tally.open_now >= self._desk.tally.max_at_once:
            self._notice_the_gone()
        self._desk.count(Kind.OPEN)
        self._counted = True
        self._doors.add(self)
        refusal = self._desk.greet()
        self._ended = refusal is not None
        self._say(refusal or f"220 {self._desk.network.hosts[0].name} ESMTP town")
        self._work()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._waiting:
            self._work()
        elif len(self._buffer) > self._size + _LONGEST_LINE:
            self._transport.abort()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._doors.discard(self)
        self.uncount()
        self.gone.set()

    def uncount(self) -> None:
        """The socket is closed, for the figures: once."""
        if self._counted:
            self._counted = False
            self._desk.count(Kind.CLOSE)

    def peer_has_closed(self) -> bool:
        """The kernel knows before our loop comes round to reading it."""
        sock = self._transport.get_extra_info("socket")
        if sock is None or not hasattr(socket, "TCP_INFO"):
            return False
        try:
            state: bytes = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        except OSError:
            return True
        return state[0] in _PEER_GONE

    def hang_up(self) -> None:
        self._transport.abort()

    def _notice_the_gone(self) -> None:
        # A sender that closes one socket and then opens another never has two; but the loop may come to the new one
        # first. So before a maximum grows, those whose FIN has arrived are counted as closed.
        for other in self._doors:
            if other.peer_has_closed():
                other.uncount()

    # --- the conversation -------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Answer all that is complete in the buffer, then send the answers in one write."""
        while not (self._ended or self._waiting) and (self._content() if self._in_data else self._command()):
            pass
        self._send()

    def _command(self) -> bool:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_LINE:
                self._end("500 5.5.2 the line is too long")
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r") or b"\r" in line[:-1]:
            self._end(_BARE)
            return False
        self._obey(line[:-1])
        return True

    def _obey(self, line: bytes) -> None:
        verb = line[:4].upper()
        command = _COMMANDS.get(verb)
        if command is None or len(line) > _LONGEST_LINE:
            self._say("500 5.5.2 unknown command")
        else:
            command(self, line)

    def _ehlo(self, line: bytes) -> None:
        self._greeted = True
        self._reset()
        name = self._desk.network.hosts[0].name
        if line[:4].upper() == b"HELO":
            self._say(f"250 {name}")
            return
        words = ["PIPELINING", f"SIZE {self._size}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        self._say("\r\n".join([f"250-{name}", *(f"250-{word}" for word in words[:-1]), f"250 {words[-1]}"]))

    def _mail(self, line: bytes) -> None:
        path = _PATH.fullmatch(line)
        sender = _decoded(path[2]) if path else None
        refusal = self._desk.mail(sender or "")
        if refusal:
            self._answer(refusal)
        elif not self._greeted or self._sender is not None:
            self._say("503 5.5.1 not now")
        elif path is None or path[1][:4].upper() != b"MAIL":
            self._say("501 5.5.4 write MAIL FROM:<address>")
        else:
            self._begin(sender, path[3].upper().split())

    def _begin(self, sender: str | None, parameters: list[bytes]) -> None:
        refusal = self._wrong_parameter(parameters)
        if refusal is None and (sender is None or not (sender.isascii() or self._utf8)):
            refusal = "553 5.6.7 this address needs SMTPUTF8"
        if refusal is None:
            self._sender = sender
        self._say(refusal or "250 2.1.0 sender ok")

    def _wrong_parameter(self, parameters: list[bytes]) -> str | None:
        self._utf8 = False
        for parameter in parameters:
            name, _, value = parameter.partition(b"=")
            if name == b"SIZE" and value.isdigit():
                if int(value[:20]) > self._size:
                    return _TOO_BIG
            elif parameter == b"SMTPUTF8":
                self._utf8 = True
            elif parameter not in (b"BODY=7BIT", b"BODY=8BITMIME"):
                return "555 5.5.4 unknown parameter"
        return None

    def _rcpt(self, line: bytes) -> None:
        path = _PATH.fullmatch(line)
        if self._sender is None:
            self._say("503 5.5.1 MAIL first")
        elif path is None or path[3] or path[1][:4].upper() != b"RCPT":
            self._say("501 5.5.4 write RCPT TO:<address>")
        else:
            self._answer(self._add(self._sender, _decoded(path[2])) or "250 2.1.5 recipient ok")

    def _add(self, sender: str, recipient: str | None) -> str | None:
        if recipient is None or not (recipient.isascii() or self._utf8):
            return "553 5.6.7 this address needs SMTPUTF8"
        if len(self._recipients) >= _MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        refusal = self._desk.rcpt(self._peer, sender, recipient)
        if refusal is None:
            self._recipients.append(recipient)
        return refusal

    def _data(self, line: bytes) -> None:
        if line.upper() != b"DATA":
            self._say("501 5.5.4 DATA takes nothing")
        elif self._sender is None:
            self._say("503 5.5.1 MAIL first")
        elif not self._recipients:
            self._say("554 5.5.1 no valid recipients")
        else:
            self._in_data, self._searched = True, 0
            # The CRLF of the DATA line may be the first of the two that embrace the dot (RFC 5321 §4.1.1.4).
            self._buffer[:0] = b"\r\n"
            self._say("354 end with CRLF.CRLF")

    def _content(self) -> bool:
        end = self._buffer.find(b"\r\n.\r\n", self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - 4)
            if len(self._buffer) > self._size + _LONGEST_LINE:
                self._end(_TOO_BIG)
            return False
        stuffed = self._buffer[: end + 2]
        del self._buffer[: end + 5]
        self._in_data = False
        if stuffed.count(b"\n") != stuffed.count(b"\r\n") or stuffed.count(b"\r") != stuffed.count(b"\r\n"):
            self._end(_BARE)
            return False
        if len(stuffed) - 2 > self._size:
            self._say(_TOO_BIG)
        else:
            self._finish(stuffed.replace(b"\r\n.", b"\r\n")[2:])
        self._reset()
        return True

    def _finish(self, content: bytearray) -> None:
        refusal = self._desk.take(self._sender or "", self._recipients, content)
        after = AfterDot.ANSWER if refusal else self._desk.after_dot()
        if after is AfterDot.ANSWER:
            self._say(refusal or "250 2.0.0 taken")
        elif after is AfterDot.DROP:
            self._ended = True
            self._transport.abort()
        else:
            self._waiting = True  # for ever: the sender must lose patience

    def _rset(self, line: bytes) -> None:
        self._reset()
        self._say("250 2.0.0 forgotten")

    def _noop(self, line: bytes) -> None:
        self._say("250 2.0.0 fine")

    def _vrfy(self, line: bytes) -> None:
        self._say("252 2.5.0 send some mail and see")

    def _quit(self, line: bytes) -> None:
        self._end("221 2.0.0 bye")

    def _reset(self) -> None:
        self._sender = None
        self._recipients = []
        self._utf8 = False

    # --- replies ----------------------------------------------------------------------------------------------------

    def _answer(self, reply: str) -> None:
        if reply.startswith("421"):
            self._end(reply)
        else:
            self._say(reply)

    def _end(self, reply: str) -> None:
        self._ended = True
        self._say(reply)

    def _say(self, reply: str) -> None:
        self._out.append(f"{reply}\r\n")
        if self._delay:
            self._waiting = True
            asyncio.get_running_loop().call_later(self._delay, self._go_on)

    def _go_on(self) -> None:
        self._waiting = False
        self._write()
        self._work()

    def _send(self) -> None:
        if not self._delay:
            self._write()

    def _write(self) -> None:
        if self._out and not self._transport.is_closing():
            self._transport.write("".join(self._out).encode())
        self._out.clear()
        if self._ended:
            self._transport.close()


_COMMANDS: dict[bytes, Callable[[Receiver, bytes], None]] = {
    b"EHLO": Receiver._ehlo,
    b"HELO": Receiver._ehlo,
    b"MAIL": Receiver._mail,
    b"RCPT": Receiver._rcpt,
    b"DATA": Receiver._data,
    b"RSET": Receiver._rset,
    b"NOOP": Receiver._noop,
    b"VRFY": Receiver._vrfy,
    b"QUIT": Receiver._quit,
}


def _decoded(address: bytes) -> str | None:
    try:
        return address.decode()
    except UnicodeDecodeError:
        return None
