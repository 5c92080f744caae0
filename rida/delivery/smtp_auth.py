"""What a relay hears of our account: the lines of one SASL exchange. Pure.

PLAIN (RFC 4616) before LOGIN, which was never a standard and is all that some providers know. Callers ask for this only
where the connection is encrypted, or where the operator said that it need not be.
"""

from base64 import b64encode
from collections.abc import Collection

from rida.delivery.route import Login

_TOO_LONG = 500
"""RFC 4954 §4.3 gives a line with its initial response 12,288 octets, RFC 5321 servers often only 512."""


def exchange(login: Login, offered: Collection[str]) -> list[bytes] | None:
    """The command and the answers to each 334 that may follow it, CRLF included; None: no mechanism in common."""
    if "PLAIN" in offered:
        return _plain(_coded(f"\0{login.user}\0{login.password}"))
    if "LOGIN" in offered:
        return [b"AUTH LOGIN\r\n", _coded(login.user), _coded(login.password)]
    return None


def _plain(response: bytes) -> list[bytes]:
    """In one line where it fits. A server may ask for it again with an empty 334 (RFC 4954 §4)."""
    if len(response) > _TOO_LONG:
        return [b"AUTH PLAIN\r\n", response]
    return [b"AUTH PLAIN " + response, response]


def _coded(text: str) -> bytes:
    return b64encode(text.encode()) + b"\r\n"


def secrets_of(login: Login | None) -> tuple[str, ...]:
    """The password as it is typed, and as PLAIN and LOGIN code it: what no log may hold."""
    if login is None:
        return ()
    coded = (_coded(login.password), _coded(f"\0{login.user}\0{login.password}"))
    return (login.password, *(line.decode().strip() for line in coded))
