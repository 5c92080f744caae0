"""Bytes between one socket and the sans-IO client; the session waits here for its turn.

The lease is watched while waiting too: when it ends the connection is dropped, whatever the server was about to say,
because from then on another node may use the place (design §4, promise of C messages in hand).
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import cast

from rida.delivery.lease import Lease
from rida.delivery.smtp import Client, Heard
from rida.delivery.tls import protection

_SECOND_LOOK_SECONDS = 0.01


class Wire(asyncio.Protocol):
    """One connection. After `abort` or a loss every `turn` is answered at once by what is known."""

    def __init__(self, client: Client, lease: Lease, clock: Callable[[], float]) -> None:
        self.client = client
        self.host = ""
        """Whom it leads to, for a trace."""
        self.lease = lease
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._bare: asyncio.Transport | None = None
        self._gone = self._loop.create_future()
        self._why = "the connection was lost"
        self._heard: deque[Heard] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._until = 0.0
        self._leave_until = 0.0
        self._paused = False
        self._stuck_at_end = False

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing() and not self._gone.done()

    # --- called by the event loop -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._bare is None:
            self._write_down_whom(self._transport)
        self._bare = self._bare or self._transport
        # The lowest mark: pause_writing then tells whether all our bytes have left for the kernel. An encrypted
        # transport compares by >=, so that 0 would call it full when it is empty (CPython and uvloop, sslproto).
        self._transport.set_write_buffer_limits(high=0 if self._transport is self._bare else 1, low=0)

    def _write_down_whom(self, transport: asyncio.Transport) -> None:
        if self.client.trace is not None and (peer := transport.get_extra_info("peername")):
            self.client.trace.note("connected", host=self.host, address=peer[0], port=peer[1])

    def data_received(self, data: bytes) -> None:
        self._heard.extend(self.client.receive(data))
        self.flush()
        if self._heard or not self.client.usable:
            self._wake()

    def eof_received(self) -> None:
        self._end("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(f"the connection was lost: {exc}" if exc else self._why)
        if self._timer is not None:
            self._timer.cancel()
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False

    # --- called by the session --------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what the client wants to say."""
        outgoing = self.client.outgoing
        if not outgoing:
            return
        if self._transport is not None and self.open:
            self._transport.write(outgoing[0] if len(outgoing) == 1 else b"".join(outgoing))
        outgoing.clear()

    async def turn(self, seconds: float, leave_seconds: float | None = None) -> Heard:
        """What the server says next; a Reply with code 0 if it says nothing in time, hangs up, or the lease ends.

        seconds: patience for the whole answer, however slowly it drips.
        leave_seconds: patience for our own bytes to leave the machine, if shorter.
        """
        self.flush()
        if not self._heard and self.client.usable and self.open:
            now = self._clock()
            self._until, self._leave_until = now + seconds, now + (leave_seconds or seconds)
            await self._wait()
        return self._heard.popleft() if self._heard else self.client.lost(self._why, unsent=self._stuck_at_end)

    async def encrypt(self, context: ssl.SSLContext, host: str, seconds: float) -> str:
        """The handshake after STARTTLS; what went wrong, or nothing. After a failure the connection is dropped."""
        assert self._transport is not None
        bare = self._transport
        try:
            async with asyncio.timeout(min(seconds, self.lease.deadline - self._clock())):
                made = await self._loop.start_tls(bare, self, context, server_hostname=host)
        except (OSError, TimeoutError) as error:  # SSLError and CertificateError are OSErrors
            bare.abort()
            self._forsake()
            return str(error) or "the handshake took too long"
        if made is None:
            self._forsake()
            return "the server closed the connection during the handshake"
        self.connection_made(made)
        if self.client.trace is not None:
            self.client.trace.note("encrypted", **protection(made))
        self.client.encrypted()
        return ""

    def _forsake(self) -> None:
        """Nobody calls `connection_lost` for a handshake that failed: the transport was never ours again."""
        self._end("the handshake failed")
        if not self._gone.done():
            self._gone.set_result(None)

    def abort(self, why: str) -> None:
        """Drop the connection now; unsent bytes are thrown away."""
        self._end(why)
        if self._transport is not None:
            self._transport.abort()

    async def hang_up(self, farewell_seconds: float) -> None:
        """QUIT if it makes sense, and let the server close first, else close ourselves. Afterwards it is closed."""
        said = self.client.farewell
        server_closes = self.client.may_quit or (said is not None and said.code != 0)
        if self.open and self.client.may_quit:
            self.client.quit()
            self.flush()
        if self.open and server_closes:
            await asyncio.wait([self._gone], timeout=farewell_seconds)
        if not self._gone.done() and self._transport is not None:
            self._transport.abort()
            await self._gone

    @property
    def _stuck(self) -> bool:
        """Bytes of ours have not left this machine. Encrypted ones lie below, in a buffer that pauses nobody here."""
        return self._paused or (self._bare is not None and self._bare.get_write_buffer_size() > 0)

    # --- waiting ----------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        self._watch(min(self._leave_until, self.lease.deadline))
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _watch(self, moment: float) -> None:
        """See that somebody looks at `moment`. A timer that rings sooner will do: it looks again.

        Usually the lease ends first, so one timer serves all the messages of a volley.
        """
        if self._timer is not None and self._rings_at <= moment:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = moment
        self._timer = self._loop.call_later(max(0.0, moment - self._clock()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._limit() > self._clock():
            self._watch(self._limit())
        else:
            # A process that was stopped wakes up late: first read what came meanwhile, then give up.
            self._loop.call_later(_SECOND_LOOK_SECONDS, self._give_up)

    def _limit(self) -> float:
        patience = self._leave_until if self._stuck else self._until
        return min(patience, self.lease.deadline)

    def _give_up(self) -> None:
        if self._waiter is None:
            return
        if self._limit() > self._clock():
            self._watch(self._limit())
        elif self.lease.ended(self._clock()):
            self.abort("the lease ended before the server answered")
        else:
            self.abort("the server took nothing more" if self._stuck else "the server did not answer in time")

    def _end(self, why: str) -> None:
        if self.open or self._waiter is not None:
            self._why, self._stuck_at_end = why, self._stuck
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
