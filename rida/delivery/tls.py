"""TLS as a client of mail servers: 1.2 or newer (RFC 8996), proof of the host where the route demands it."""

import asyncio
import ssl
from functools import cache

from cryptography import x509
from cryptography.x509.oid import NameOID

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


def protection(transport: asyncio.Transport) -> dict[str, str]:
    """How an encrypted connection is protected, for somebody to read. proved: yes, if the certificate was held against
    the host's name.
    """
    found: ssl.SSLObject = transport.get_extra_info("ssl_object")
    cipher, certificate = found.cipher(), found.getpeercert(binary_form=True)
    return {
        "version": found.version() or "",
        "cipher": cipher[0] if cipher else "",
        "certificate": _names(certificate) if certificate else "",
        "proved": "yes" if found.context.verify_mode is ssl.CERT_REQUIRED else "no",
    }


def _names(certificate: bytes) -> str:
    """Whom it names; empty for one that cannot be read. Strangers make it."""
    try:
        read = x509.load_der_x509_certificate(certificate)
        names = [str(name.value) for name in read.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        more = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names += more.get_values_for_type(x509.DNSName)
    except (ValueError, x509.ExtensionNotFound):
        names = []
    return " ".join(dict.fromkeys(names))
