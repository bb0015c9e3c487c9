"""A server in front of S3 that fails by chance: a bad day, the same one every time."""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

KINDS = ("busy", "busy though done", "reset", "reset though done", "cut", "stalled")
"""What may happen: 503 SlowDown, a reset connection, an answer cut in its middle, and silence.  "though done": S3 has
carried the request out, and whoever asked does not hear of it.
"""
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Storm:
    """Passes requests on to ``upstream``, but for one of ``1 / share`` that ends as one of ``kinds`` says."""

    def __init__(
        self, upstream: str, *, share: float, seed: int = 1, kinds: tuple[str, ...] = KINDS, silence: float = 1.0
    ) -> None:
        self.upstream = urlsplit(upstream)
        self.share = share
        self.kinds = kinds
        self.silence = silence
        self.asked: Counter[str] = Counter()
        """How often each request came: ``GET /bucket/key``."""
        self.happened: Counter[str] = Counter()
        self.signers: Counter[str] = Counter()
        """How often each access key id asked."""
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        storm = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body leave together

            def handle_any(self) -> None:
                storm.serve(self)

            def __getattr__(self, name: str) -> Any:
                """One method per verb is what the base class asks for; all are the same here."""
                if name.startswith("do_"):
                    return self.handle_any
                raise AttributeError(name)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Whoever asked has gone: that is what a storm does."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def __enter__(self) -> Storm:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve(self, asked: BaseHTTPRequestHandler) -> None:
        """Answer one request, or not."""
        body = asked.rfile.read(int(asked.headers.get("Content-Length") or 0))
        with self._lock:
            kind = self._random.choice(self.kinds) if self._random.random() < self.share else "fine"
            self.asked[f"{asked.command} {asked.path}"] += 1
            self.happened[kind] += 1
            self.signers[asked.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]] += 1
        match kind:
            case "busy":
                self._answer(asked, 503, {"Content-Type": "application/xml"}, SLOW_DOWN)
            case "busy though done":
                self._pass_on(asked, body)
                self._answer(asked, 503, {"Content-Type": "application/xml"}, SLOW_DOWN)
            case "reset":
                self._reset(asked)
            case "reset though done":
                self._pass_on(asked, body)
                self._reset(asked)
            case "cut":
                self._cut(asked, *self._pass_on(asked, body))
            case "stalled":
                self._pass_on(asked, body)
                time.sleep(self.silence)
                asked.close_connection = True
            case _:
                self._answer(asked, *self._pass_on(asked, body))

    def _pass_on(self, asked: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.upstream.hostname or "", self.upstream.port, timeout=30)
        try:
            connection.request(asked.command, asked.path, body or None, dict(asked.headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()
        finally:
            connection.close()

    def _answer(self, asked: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        asked.send_response(status)
        own = ("connection", "transfer-encoding", "date", "server")
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            if name.lower() not in own:
                asked.send_header(name, value)
        asked.end_headers()
        asked.wfile.write(b"" if asked.command == "HEAD" else body)
        asked.wfile.flush()

    def _cut(self, asked: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        """Half of the body, or half of the head where there is none."""
        asked.send_response(status)
        if body:
            asked.send_header("Content-Length", str(len(body)))
            asked.end_headers()
            asked.wfile.write(body[: len(body) // 2])
        else:
            asked.flush_headers()
        asked.wfile.flush()
        asked.close_connection = True

    def _reset(self, asked: BaseHTTPRequestHandler) -> None:
        """Close in a way that the other end sees as an error, not as an end."""
        asked.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        asked.connection.close()
        asked.close_connection = True
