"""The client's half of an SMTP dialogue, without sockets (in the spirit of h11). Pure.

Bytes go in through `receive`; what the server's words mean for us comes out (`Heard`); bytes to write collect in
`outgoing`. One reader may follow the whole dialogue in `_TABLE`. The step that failed is always known, because each
reply is matched with the command it answers, pipelined or not (RFC 5321, RFC 2920).

    client = Client(Door("mail.example.org")) → ENCRYPT          STARTTLS was accepted: encrypt, then client.encrypted()
                                              → READY            after greeting, EHLO (or HELO), STARTTLS, AUTH
    client.envelope(letter)                   → GO_AHEAD         MAIL and RCPT accepted, 354 given
    client.body(wire_form(letter.content))    → Reply            the server's answer to the final dot
                                              → Reply            instead of any of them: the step that failed
"""

from collections import deque
from collections.abc import Callable
from enum import Enum, auto

from rida.delivery.ports import Letter
from rida.delivery.route import Door, Login, Tls
from rida.delivery.smtp_auth import exchange
from rida.delivery.smtp_letter import mail_command, rcpt_command
from rida.delivery.smtp_reply import Capabilities, ReplyReader, Spoken, capabilities
from rida.delivery.trace import Trace
from rida.kernel.reply import Reply, Step


class Command(Enum):
    """What a reply can answer; the greeting answers our coming."""

    GREETING = auto()
    EHLO = auto()
    HELO = auto()
    STARTTLS = auto()
    AUTH = auto()
    RSET = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    DOT = auto()
    QUIT = auto()


class Turn(Enum):
    """It is our turn again."""

    ENCRYPT = auto()
    READY = auto()
    GO_AHEAD = auto()


Heard = Turn | Reply
_SERVICE_ENDS = 421
_LONE_DOT = b".\r\n"
_STEPS = {
    Command.GREETING: Step.CONNECT,
    Command.EHLO: Step.EHLO,
    Command.HELO: Step.EHLO,
    Command.STARTTLS: Step.STARTTLS,
    Command.AUTH: Step.AUTH,
    Command.RSET: Step.MAIL,
    Command.MAIL: Step.MAIL,
    Command.RCPT: Step.RCPT,
    Command.DATA: Step.DATA,
    Command.DOT: Step.DOT,
    Command.QUIT: Step.DOT,
}


class Client:
    """One connection's dialogue, one recipient a message.

    usable: commands may still be sent. farewell: the reply that ended it (421, or code 0 for what was no SMTP).
    needs_reset: a transaction stands open at the server after a refusal; send `reset` before the next envelope.
    mails_sent: MAIL commands so far, the number that a quota per connection counts.
    is_encrypted: nobody on the way can read or change what is said. quota: messages a connection, if the door has one.
    trace: where the dialogue is written down, if somebody wants to read it.
    """

    def __init__(self, door: Door, trace: Trace | None = None) -> None:
        self.trace = trace
        self.capabilities = Capabilities()
        self.outgoing: list[bytes] = []
        self.usable = True
        self.farewell: Reply | None = None
        self.needs_reset = False
        self.mails_sent = 0
        self.quota = door.messages_per_connection
        self.is_encrypted = door.tls is Tls.IMPLICIT
        self._door = door
        self._name = door.name.encode("ascii")
        self._credentials: deque[bytes] = deque()
        self._logged_in = False
        self._reader = ReplyReader()
        self._awaited: deque[Command] = deque([Command.GREETING])
        self._unsent: deque[tuple[Command, bytes]] = deque()
        self._refusal: Reply | None = None
        self._step = Step.CONNECT
        self._body_is_due = False
        self._between_languages = False

    @property
    def idle(self) -> bool:
        """Commands make sense: nothing is asked that has no answer yet, and no body is due (it would swallow QUIT)."""
        return not self._awaited and not self._body_is_due and not self._between_languages

    @property
    def may_quit(self) -> bool:
        """QUIT would be understood: also by a server that shut its door, not by one that said 421 or no SMTP at all."""
        ended = self.farewell.code if self.farewell else None
        return self.idle and (self.usable or (ended is not None and ended not in (0, _SERVICE_ENDS)))

    @property
    def step(self) -> Step:
        """Where the dialogue stands: the oldest command without an answer, else the one that would come next."""
        return _STEPS[self._awaited[0]] if self._awaited else self._step

    def receive(self, received: bytes) -> list[Heard]:
        """What `received` means for us, in order. After the end of the dialogue: nothing."""
        heard: list[Heard] = []
        for spoken in self._reader.feed(received) if self.usable else ():
            event = self._hear(spoken)
            if event is not None:
                heard.append(event)
            if not self.usable or self._between_languages:
                # What follows the 220 to STARTTLS in plain text is somebody's injection (RFC 3207 §4.2, CVE-2011-0411).
                break
        return heard

    def encrypted(self) -> None:
        """The handshake is done. Everything known from before is forgotten, and EHLO said anew (RFC 3207 §4.2).

        Where encryption came first (RFC 8314), nothing was said before and the greeting is still to come.
        """
        if self._door.tls is Tls.IMPLICIT:
            return
        self.is_encrypted, self._between_languages = True, False
        self.capabilities, self._reader = Capabilities(), ReplyReader()
        self._send(Command.EHLO, b"EHLO " + self._name + b"\r\n")

    def envelope(self, letter: Letter) -> None:
        """MAIL, RCPT and DATA: in one write where PIPELINING is offered, else one by one as answers come."""
        commands = (
            (Command.MAIL, mail_command(letter, self.capabilities)),
            (Command.RCPT, rcpt_command(letter)),
            (Command.DATA, b"DATA\r\n"),
        )
        self.mails_sent += 1
        if self.capabilities.pipelining:
            self._awaited.extend(command for command, _ in commands)
            self.outgoing.append(b"".join(text for _, text in commands))
            for command, text in commands if self.trace is not None else ():
                self._write_down(command, text)
        else:
            self._unsent.extend(commands)
            self._send_next()

    def body(self, stuffed: bytes) -> None:
        """The message in wire form (see smtp_letter.wire_form), final dot included. Only after GO_AHEAD."""
        self._body_is_due = False
        self._send(Command.DOT, stuffed)

    def reset(self) -> None:
        """Drop the transaction that a refusal left open; answered by READY."""
        self.needs_reset = False
        self._send(Command.RSET, b"RSET\r\n")

    def quit(self) -> None:
        self._send(Command.QUIT, b"QUIT\r\n")

    def lost(self, why: str, *, unsent: bool = False) -> Reply:
        """The connection is gone: the last word on the letter in hand. Code 0, unless a refusal came before.

        unsent: bytes of ours never left this machine; so a body in that state cannot have been accepted.
        """
        self.usable = False
        if self._refusal is not None:
            return self._refusal
        if self.farewell is not None:
            return self.farewell
        step = Step.DATA if unsent and self.step is Step.DOT else self.step
        return Reply(step, 0, "", why)

    # --- what a reply does ------------------------------------------------------------------------------------------

    def _hear(self, spoken: Spoken) -> Heard | None:
        if self._between_languages:
            return None
        if self.trace is not None:
            self.trace.heard(spoken.code, spoken.lines)
        if not self._awaited:
            # Nobody asked: a server that closes an idle connection with 421, or one that lies about pipelining.
            self._end(spoken.at(self._step))
            return None
        command = self._awaited.popleft()
        self._step = _STEPS[command]
        if spoken.code in (0, _SERVICE_ENDS):
            return self._end(spoken.at(self._step))
        return _TABLE.get((command, spoken.code // 100), Client._on_nonsense)(self, spoken)

    def _end(self, reply: Reply) -> Reply:
        self.usable, self.farewell = False, reply
        return self._refusal or reply

    def _on_greeting(self, spoken: Spoken) -> None:
        self._send(Command.EHLO, b"EHLO " + self._name + b"\r\n")

    def _on_ehlo(self, spoken: Spoken) -> Heard | None:
        self.capabilities = capabilities(spoken.lines)
        return self._enter(spoken)

    def _on_ehlo_unknown(self, spoken: Spoken) -> Heard | None:
        if self.is_encrypted or self._door.tls is Tls.REQUIRED or self._door.login:
            return self._end(spoken.at(self._step))
        self._send(Command.HELO, b"HELO " + self._name + b"\r\n")
        return None

    def _enter(self, spoken: Spoken) -> Heard | None:
        """After EHLO: encrypt, log in, then READY. What the route demands and the server lacks ends the dialogue."""
        if self._door.tls in (Tls.OPPORTUNISTIC, Tls.REQUIRED) and not self.is_encrypted:
            if self.capabilities.starttls:
                self._send(Command.STARTTLS, b"STARTTLS\r\n")
                return None
            if self._door.tls is Tls.REQUIRED:
                return self._end(Reply(Step.STARTTLS, 0, "", "the server offers no encryption; this route requires it"))
        if self._door.login and not self._logged_in:
            return self._log_in(self._door.login, spoken)
        return self._on_ready(spoken)

    def _on_encrypt(self, spoken: Spoken) -> Heard:
        self._between_languages = True
        return Turn.ENCRYPT

    def _on_no_encryption(self, spoken: Spoken) -> Heard | None:
        """Offered, then refused (454): whoever can do without goes on without (RFC 3207 §4)."""
        if self._door.tls is Tls.REQUIRED:
            return self._end(spoken.at(self._step))
        return self._log_in(self._door.login, spoken) if self._door.login else self._on_ready(spoken)

    def _log_in(self, login: Login, spoken: Spoken) -> Heard | None:
        if not self.is_encrypted and self._door.tls is not Tls.NONE:
            return self._end(Reply(Step.AUTH, 0, "", "the connection is not encrypted: our password stays here"))
        lines = exchange(login, self.capabilities.auth)
        if lines is None:
            offered = " ".join(sorted(self.capabilities.auth)) or "nothing"
            return self._end(Reply(Step.AUTH, 0, "", f"we log in by PLAIN or LOGIN, the server offers {offered}"))
        self._credentials.extend(lines)
        self._on_challenge(spoken)
        return None

    def _on_logged_in(self, spoken: Spoken) -> Heard:
        self._logged_in = True
        self._credentials.clear()
        return self._on_ready(spoken)

    def _on_challenge(self, spoken: Spoken) -> None:
        """334: the next line, or “*”, which cancels (RFC 4954 §4), when there is none left."""
        self._send(Command.AUTH, self._credentials.popleft() if self._credentials else b"*\r\n")

    def _on_ready(self, spoken: Spoken) -> Heard:
        self._step = Step.MAIL
        return Turn.READY

    def _on_door_shut(self, spoken: Spoken) -> Heard:
        return self._end(spoken.at(self._step))

    def _on_accepted(self, spoken: Spoken) -> None:
        if self._unsent:
            self._send_next()

    def _on_refused(self, spoken: Spoken) -> Heard | None:
        """The first refusal counts; the rest of a pipelined group is heard out, because DATA may be answered 354."""
        self._refusal = self._refusal or spoken.at(self._step)
        self._unsent.clear()
        return None if self._awaited else self._letter_refused()

    def _on_go_ahead(self, spoken: Spoken) -> Heard | None:
        if self._refusal is None:
            self._body_is_due = True
            return Turn.GO_AHEAD
        # RFC 2920 §3.1: without an accepted recipient a 354 is still answered, by nothing but the dot.
        self._send(Command.DOT, _LONE_DOT)
        return None

    def _on_answer(self, spoken: Spoken) -> Heard:
        if self._refusal is not None:
            return self._letter_refused()
        reply = spoken.at(Step.DOT)
        self._step = Step.MAIL
        return reply

    def _on_farewell(self, spoken: Spoken) -> None:
        self._end(spoken.at(self._step))

    def _on_nonsense(self, spoken: Spoken) -> Heard:
        text = f"reply {spoken.code} makes no sense here: {spoken.at(self._step).text}"
        return self._end(Reply(self._step, 0, "", text[:1000]))

    def _letter_refused(self) -> Reply:
        self._step = Step.MAIL
        refusal, self._refusal = self._refusal, None
        assert refusal is not None
        self.needs_reset = refusal.step is not Step.MAIL
        return refusal

    def _send_next(self) -> None:
        self._send(*self._unsent.popleft())

    def _send(self, command: Command, text: bytes) -> None:
        self._awaited.append(command)
        self.outgoing.append(text)
        if self.trace is not None:
            self._write_down(command, text)

    def _write_down(self, command: Command, text: bytes) -> None:
        assert self.trace is not None
        if command is Command.AUTH:
            self.trace.said_in_secret(text)
        elif command is Command.DOT:
            self.trace.said_content(text)
        else:
            self.trace.said(text)


# (command answered, first digit of the reply) → what follows. Everything absent is nonsense and ends the dialogue;
# so do 421 at any place and what cannot be read.
_TABLE: dict[tuple[Command, int], Callable[[Client, Spoken], Heard | None]] = {
    (Command.GREETING, 2): Client._on_greeting,
    (Command.GREETING, 4): Client._on_door_shut,
    (Command.GREETING, 5): Client._on_door_shut,
    (Command.EHLO, 2): Client._on_ehlo,
    (Command.EHLO, 4): Client._on_door_shut,
    (Command.EHLO, 5): Client._on_ehlo_unknown,
    (Command.STARTTLS, 2): Client._on_encrypt,
    (Command.STARTTLS, 4): Client._on_no_encryption,
    (Command.STARTTLS, 5): Client._on_no_encryption,
    (Command.AUTH, 2): Client._on_logged_in,
    (Command.AUTH, 3): Client._on_challenge,
    (Command.AUTH, 4): Client._on_door_shut,
    (Command.AUTH, 5): Client._on_door_shut,
    (Command.HELO, 2): Client._enter,
    (Command.HELO, 4): Client._on_door_shut,
    (Command.HELO, 5): Client._on_door_shut,
    (Command.RSET, 2): Client._on_ready,
    (Command.RSET, 4): Client._on_door_shut,
    (Command.RSET, 5): Client._on_door_shut,
    (Command.MAIL, 2): Client._on_accepted,
    (Command.MAIL, 4): Client._on_refused,
    (Command.MAIL, 5): Client._on_refused,
    (Command.RCPT, 2): Client._on_accepted,
    (Command.RCPT, 4): Client._on_refused,
    (Command.RCPT, 5): Client._on_refused,
    (Command.DATA, 3): Client._on_go_ahead,
    (Command.DATA, 4): Client._on_refused,
    (Command.DATA, 5): Client._on_refused,
    (Command.DOT, 2): Client._on_answer,
    (Command.DOT, 4): Client._on_answer,
    (Command.DOT, 5): Client._on_answer,
    (Command.QUIT, 2): Client._on_farewell,
    (Command.QUIT, 4): Client._on_farewell,
    (Command.QUIT, 5): Client._on_farewell,
}
