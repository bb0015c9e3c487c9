"""Between jobs and S3: passes every request on, and notes what IAM would have been asked."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs, unquote, urlsplit

from iam_simulator import Request


class S3Proxy:
    """Listens while it is entered; ``endpoint`` is its URL, ``asked`` what was asked of the server behind it."""

    def __init__(self, behind: str) -> None:
        self.asked: set[Request] = set()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                proxy.asked.add(request_of(self.command, self.path))
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                connection = http.client.HTTPConnection(behind.removeprefix("http://"), timeout=60)
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else None
                self.send_header("Content-Length", length or str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                connection.close()

            def log_message(self, format: str, *arguments: object) -> None:
                """Says nothing."""

        for method in ("GET", "PUT", "POST", "HEAD", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.pass_on)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> S3Proxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def request_of(method: str, target: str) -> Request:
    """The IAM request of an S3 request in path style, by "Actions defined by Amazon S3"."""
    parts = urlsplit(target)
    query = parse_qs(parts.query, keep_blank_values=True)
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    if not key:
        context = (("s3:prefix", query["prefix"][0]),) if "prefix" in query else ()
        return Request("s3:ListBucket", f"arn:aws:s3:::{bucket}", context)
    actions = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "POST": "s3:PutObject"}
    deleted = "s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject"
    return Request(actions.get(method, deleted), f"arn:aws:s3:::{bucket}/{key}")
