"""TLS as a client of mail servers: 1.2 or newer (RFC 8996), proof of the host where the route demands it."""

import ssl
from functools import cache

from rida.delivery.route import Door


def context_for(door: Door) -> ssl.SSLContext:
    """One for all connections with the same demands: the world's certificates take milliseconds to read."""
    return _context(door.tls.proves, door.authority)


@cache
def _context(proves: bool, authority: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not proves:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
