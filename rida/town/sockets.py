"""Listening sockets on loopback, all on one port number."""

import errno
import socket
from collections.abc import Sequence

from rida.kernel.errors import SettingError
from rida.town.plan import require_loopback

_TRIES = 50
_BACKLOG = 1024


def listen(addresses: Sequence[str], port: int) -> tuple[list[socket.socket], int]:
    """A TCP socket for each address, and their port; port 0 takes one that is free at all of them.

    Raises SettingError when the port is taken, or when the machine lacks the addresses (macOS has 127.0.0.1 only).
    """
    require_loopback(addresses)
    for _ in range(_TRIES):
        opened: list[socket.socket] = []
        chosen = port
        try:
            for address in addresses:
                opened.append(_bound(address, chosen, socket.SOCK_STREAM))
                chosen = chosen or opened[0].getsockname()[1]
            for sock in opened:
                sock.listen(_BACKLOG)
        except OSError as error:
            _close(opened)
            if port or error.errno != errno.EADDRINUSE:
                raise SettingError(name="RIDA_MX_PORT", reason=f"port {chosen}: {error.strerror}") from error
        else:
            return opened, chosen
    raise SettingError(name="RIDA_MX_PORT", reason="no port is free at all addresses of the town")


def listen_dns(port: int) -> tuple[socket.socket, socket.socket, int]:
    """UDP and TCP at 127.0.0.1 on one port, and that port. Raises SettingError."""
    for _ in range(_TRIES):
        udp = tcp = None
        try:
            udp = _bound("127.0.0.1", port, socket.SOCK_DGRAM)
            chosen = udp.getsockname()[1]
            tcp = _bound("127.0.0.1", chosen, socket.SOCK_STREAM)
            tcp.listen(_BACKLOG)
        except OSError as error:
            _close([sock for sock in (udp, tcp) if sock])
            if port:
                raise SettingError(name="RIDA_RESOLVER", reason=f"port {port}: {error.strerror}") from error
        else:
            return udp, tcp, chosen
    raise SettingError(name="RIDA_RESOLVER", reason="no port is free for UDP and TCP")


def _bound(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(socket.AF_INET, kind)
    try:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def _close(sockets: Sequence[socket.socket]) -> None:
    for sock in sockets:
        sock.close()
