"""A server on loopback that answers what a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


def error_answer(status: int, code: str, message: str = "as it says") -> Answer:
    """An error as S3 words it."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return status, {"Content-Type": "application/xml"}, body


class Wire:
    """A server on loopback that answers what the test says, and notes what it was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[str, dict[str, str]], Answer] = lambda method, headers: (200, {}, b"")
        self.asked: list[str] = []
        self.dated = True
        """Whether answers carry the time of this machine."""
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                wire.asked.append(self.command)
                status, headers, body = wire.answer(self.command, dict(self.headers))
                (self.send_response if wire.dated else self.send_response_only)(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else body)
                self.close_connection = True

            def __getattr__(self, name: str) -> Any:
                """One method per verb is what the base class asks for; all are the same here."""
                if name.startswith("do_"):
                    return self.handle_any
                raise AttributeError(name)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        """End the server and its thread."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
