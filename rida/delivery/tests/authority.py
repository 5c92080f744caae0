"""Certificates for servers in tests: an authority of our own, and what it signed."""

import ssl
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "mx.net.test"


class Authority:
    """pem: what a client must know to believe in it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests' own authority")])
        self._certificate = self._sign(self._name, self._key.public_key(), x509.BasicConstraints(True, 0), days=1)
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, host: str, days: int = 1) -> str:
        """Key and certificate in PEM. days: negative for one that is over."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        certificate = self._sign(name, key.public_key(), names, days)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return (secret + certificate.public_bytes(serialization.Encoding.PEM)).decode()

    def server(self, host: str = HOST, days: int = 1) -> ssl.SSLContext:
        """A server's side with a certificate of ours."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "both.pem"
            file.write_text(self.issue(host, days))
            context.load_cert_chain(file)
        return context

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType, days: int
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(extension, critical=False)
            .sign(self._key, hashes.SHA256())
        )


@cache
def authority() -> Authority:
    """One for the whole run: making keys takes its time."""
    return Authority()
