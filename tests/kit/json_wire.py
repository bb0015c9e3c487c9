"""A server on loopback for requests whose bodies are JSON."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


def listen(handle: Callable[[Asked], tuple[int, str, bytes]]) -> ThreadingHTTPServer:
    """A server on a port of its own, which answers nothing before it is told to serve; ``handle`` gives status, content
    type and body.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer is one packet: of two, the second would wait for the client's word of the first

        def _handle(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, _, query = self.path.partition("?")
            asked = Asked(
                self.command,
                urllib.parse.unquote(path),
                dict(urllib.parse.parse_qsl(query)),
                json.loads(text) if text else None,
                {name.lower(): value for name, value in self.headers.items()},
            )
            status, kind, body = handle(asked)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - the names that the base class looks for

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True  # connections that a client keeps open do not hold up the end
    return server
