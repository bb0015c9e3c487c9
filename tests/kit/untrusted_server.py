"""A server on loopback with a certificate that nobody has signed."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

from raw_servers import RawServer

_OPENSSL = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]


@contextlib.contextmanager
def untrusted(folder: Path) -> Iterator[str]:
    """A server with a certificate that nobody has signed."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [*_OPENSSL, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def shake_hands(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True).close()

    with RawServer(shake_hands) as server:
        yield f"https://127.0.0.1:{server.port}"
