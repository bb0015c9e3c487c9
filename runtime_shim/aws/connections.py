"""HTTP on the standard library: connections that are kept, proxies, certificates, and whole answers or none."""

from __future__ import annotations

import contextlib
import http.client
import io
import select
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from email.message import Message
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from penstock.runtime_shim.aws.certificates import tls_context
from penstock.runtime_shim.aws.proxies import proxy_authorization, proxy_for

if TYPE_CHECKING:
    import ssl

CONNECT_SECONDS = 10.0
"""Until a connection must stand."""
READ_SECONDS = 60.0
"""Without a byte, after which a request is given up."""
_IDLE_SECONDS = 15.0
"""How long a connection may lie idle: S3 closes it a little later, and a firewall forgets it without a word."""

Body = Sequence[memoryview]


class NoAnswer(Exception):
    """There was no whole answer: ``origin`` (scheme and host) was asked, and ``reason`` is why, in a few words.

    ``again`` is whether asking again may help; ``stale`` that a kept connection turned out to be closed.
    """

    def __init__(self, reason: str, origin: str, *, again: bool = True, stale: bool = False) -> None:
        super().__init__(f"{origin}: {reason}")
        self.reason = reason
        self.origin = origin
        self.again = again
        self.stale = stale


class Answer(NamedTuple):
    """``body`` is None where it is longer than was wanted, and was not read."""

    status: int
    headers: Message
    body: bytes | None


class _Lines(io.BufferedReader):
    """Raises ConnectionError where the end comes in place of another line."""

    _begun = False

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(-1 if size is None else size)
        if not line and self._begun:
            raise ConnectionError("it broke off in its head")
        self._begun = True
        return line


class _Response(http.client.HTTPResponse):
    """As the base class, which takes a head that breaks off for a whole one, and no length for "until the end"."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = _Lines(self.fp.detach())


class _Connection:
    """``through`` is the proxy that is sent whole URLs, ``since`` when it fell idle (None for a new one)."""

    def __init__(self, connection: http.client.HTTPConnection, through: SplitResult | None) -> None:
        connection.response_class = _Response
        self.http = connection
        self.through = through
        self.since: float | None = None


class Connections:
    """Connections of this process, safe in threads; a forked child makes its own."""

    def __init__(self, most: int, ca_bundle: str | None) -> None:
        self._most = most
        self._ca_bundle = ca_bundle
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str], list[_Connection]] = {}

    def __del__(self) -> None:
        # In a forked child too: that closes its own descriptors, and says nothing to the server.
        for kept in self._idle.values():
            for connection in kept:
                connection.http.close()

    def request(
        self, method: str, url: str, headers: Mapping[str, str], body: Body, at_most: int | None = None
    ) -> Answer:
        """One request and its answer, on a kept connection if there is one; a body of more than ``at_most`` bytes is
        not read.

        Raises NoAnswer.
        """
        parts = urlsplit(url)
        connection = self._take(parts) or self._connect(parts)
        done = False
        try:
            response = _send(connection, method, parts, headers, body)
            if at_most is not None and (response.length or 0) > at_most:
                return Answer(response.status, response.headers, None)
            # Where the length is not told, a byte more than is wanted tells it.
            data = response.read() if at_most is None or response.length is not None else response.read(at_most + 1)
            if at_most is not None and len(data) > at_most:
                return Answer(response.status, response.headers, None)
            answer = Answer(response.status, response.headers, data)
            done = not response.will_close
        except (OSError, http.client.HTTPException) as error:
            stale = connection.since is not None and isinstance(error, ConnectionError)
            raise NoAnswer(_reason(error, READ_SECONDS), _origin(parts), stale=stale) from error
        finally:
            if done:
                self._keep(parts, connection)
            else:
                connection.http.close()
        return answer

    def _take(self, parts: SplitResult) -> _Connection | None:
        idle = self._idle.get((parts.scheme, parts.netloc), [])
        while idle:
            with contextlib.suppress(IndexError):  # another thread was quicker
                connection = idle.pop()
                fresh = time.monotonic() - (connection.since or 0) < _IDLE_SECONDS
                if fresh and not _readable(connection.http.sock):
                    return connection
                connection.http.close()
        return None

    def _keep(self, parts: SplitResult, connection: _Connection) -> None:
        idle = self._idle.setdefault((parts.scheme, parts.netloc), [])
        if len(idle) < self._most:
            connection.since = time.monotonic()
            idle.append(connection)
        else:
            connection.http.close()

    def _connect(self, parts: SplitResult) -> _Connection:
        host, port = parts.hostname or "", parts.port
        proxy = proxy_for(parts.scheme, host)
        at = (proxy.hostname or "", proxy.port or 80) if proxy else (host, port)
        made: http.client.HTTPConnection
        try:
            if parts.scheme == "https":
                made = http.client.HTTPSConnection(*at, timeout=CONNECT_SECONDS, context=self._tls())
                if proxy:
                    made.set_tunnel(host, port or 443, headers=proxy_authorization(proxy))
                    proxy = None
            else:
                made = http.client.HTTPConnection(*at, timeout=CONNECT_SECONDS)
            made.connect()
        except OSError as error:
            import ssl

            again = not isinstance(error, ssl.SSLCertVerificationError)
            raise NoAnswer(_reason(error, CONNECT_SECONDS), _origin(parts), again=again) from error
        made.sock.settimeout(READ_SECONDS)
        made.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return _Connection(made, proxy)

    def _tls(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = tls_context(self._ca_bundle)
            return self._context


def _send(
    connection: _Connection, method: str, parts: SplitResult, headers: Mapping[str, str], body: Body
) -> http.client.HTTPResponse:
    # Put together by hand: a path may begin with two slashes, which `urlunsplit` takes for something else.
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    sent = {**headers, "Accept-Encoding": "identity", "User-Agent": "penstock"}
    if connection.through:
        target = f"{parts.scheme}://{parts.netloc}{target}"
        sent.update(proxy_authorization(connection.through))
    if body or method in ("PUT", "POST"):
        sent["Content-Length"] = str(sum(map(len, body)))
    try:
        connection.http.request(method, target, body=body or None, headers=sent)
    except (BrokenPipeError, ConnectionResetError) as error:
        # A server that refuses a big body answers before it has read it, and closes.
        with contextlib.suppress(OSError, http.client.HTTPException):
            return connection.http.getresponse()
        raise error from None
    return connection.http.getresponse()


def _readable(sock: socket.socket) -> bool:
    """Whether there is something to read where nothing may come: the end of the connection."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _origin(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _reason(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing came for {seconds:g} s"
    if isinstance(error, http.client.IncompleteRead):
        return f"it broke off after {len(error.partial)} bytes"
    if isinstance(error, http.client.RemoteDisconnected):
        return "it closed the connection"
    if isinstance(error, http.client.HTTPException):
        return f"it does not speak HTTP: {type(error).__name__}"
    verification = getattr(error, "verify_message", None)
    if verification:
        return f"its certificate is not trusted: {verification}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
