"""A container engine that runs nothing: it answers on a Unix socket as Docker's does, and keeps what it was asked.

Written from Docker's API reference, version 1.43.  What the containers do is said by the test: how they end, what they
print, whether they wait to be stopped.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import shutil
import socket
import socketserver
import struct
import tarfile
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_VERSION = re.compile(r"/v\d+\.\d+(?=/)")


@dataclass
class Ending:
    """How a container ends: at once, or where ``waits``, when it is stopped (which gives 143)."""

    code: int = 0
    oom: bool = False
    output: tuple[tuple[int, bytes], ...] = ()
    """Pairs of stream (1 stdout, 2 stderr) and bytes."""
    waits: bool = False
    refused: tuple[int, str] | None = None
    """Status and message of an engine that does not start it."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What it leaves, by the ends of paths."""


@dataclass
class Container:
    """A container that was created: the body of the request, and where it is in its life."""

    id: str
    body: Mapping[str, Any]
    ending: Ending
    ended: threading.Event = field(default_factory=threading.Event)
    started: bool = False
    code: int = 0


class DockerStub:
    """The engine; leaving it closes the socket."""

    def __init__(self) -> None:
        # A socket's path has at most 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="stub-", dir="/tmp"))
        self.url = f"unix://{self._folder}/docker.sock"
        self.images = {"team/train:1"}
        self.registry: dict[str, list[Mapping[str, Any]]] = {}
        """What pulling an image answers, a line each; other images are answered 404."""
        self.info: dict[str, Any] = {"MemoryLimit": True, "SecurityOptions": ["name=seccomp,profile=default"]}
        self.components = [{"Name": "Engine"}]
        self.ending = Ending()
        self.requests: list[str] = []
        self.created: list[Container] = []
        self.containers: dict[str, Container] = {}
        stub = self

        class Handler(_Handler):
            engine = stub

        self._server = _Server(str(self._folder / "docker.sock"), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def __enter__(self) -> DockerStub:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.cut()
        for container in self.containers.values():
            container.ended.set()
        shutil.rmtree(self._folder)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, path: str, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(path, handler)
        self.connections: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def cut(self) -> None:
        """End all connections, as a process that dies."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    engine: DockerStub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a socket has no address to write."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        split = urlsplit(self.path)
        path = unquote(_VERSION.sub("", split.path, count=1))
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        self.engine.requests.append(f"{method} {path}")
        match method, path.split("/")[1:]:
            case "GET", ["version"]:
                self._json({"ApiVersion": "1.43", "MinAPIVersion": "1.24", "Components": self.engine.components})
            case "GET", ["info"]:
                self._json(self.engine.info)
            case "GET", ["images", *name, "json"]:
                there = "/".join(name) in self.engine.images
                self._json({"Id": "x"} if there else {"message": f"No such image: {'/'.join(name)}"}, there)
            case "POST", ["images", "create"]:
                self._pull(f"{query['fromImage']}:{query['tag']}")
            case "POST", ["containers", "create"]:
                self._create(body)
            case "GET", ["containers", "json"]:
                (label,) = json.loads(query["filters"])["label"]
                name, _, value = label.partition("=")
                found = [c for c in self.engine.containers.values() if c.body["Labels"].get(name) == value]
                self._json([{"Id": container.id} for container in found])
            case _, ["containers", identity, *action]:
                self._of_container(method, self.engine.containers.get(identity), action, query)
            case _:
                self._json({"message": f"the stub has no {method} {path}"}, False)

    def _pull(self, name: str) -> None:
        lines = self.engine.registry.get(name)
        if lines is None:
            self._json({"message": f"pull access denied for {name.partition(':')[0]}"}, False)
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")  # the client reads a chunk as a line
        self.end_headers()
        for line in lines:
            data = json.dumps(line).encode() + b"\r\n"
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def _create(self, body: Mapping[str, Any]) -> None:
        if body["Image"] not in self.engine.images:
            self._json({"message": f"No such image: {body['Image']}"}, False)
            return
        container = Container(f"{len(self.engine.created):064x}", body, self.engine.ending)
        self.engine.created.append(container)
        self.engine.containers[container.id] = container
        self._json({"Id": container.id, "Warnings": []})

    def _of_container(
        self, method: str, container: Container | None, action: list[str], query: Mapping[str, str]
    ) -> None:
        if container is None:
            self._json({"message": "No such container"}, False)
            return
        match method, action:
            case "POST", ["start"]:
                self._start(container)
            case "POST", ["wait"]:
                container.ended.wait()
                self._json({"StatusCode": container.code})
            case "POST", ["stop"]:
                container.code = 143
                container.ended.set()
                self._send(204, b"")
            case "GET", ["json"]:
                state = {"ExitCode": container.code, "OOMKilled": container.ending.oom, "Running": container.started}
                self._json({"Id": container.id, "Config": {"Tty": False}, "State": state})
            case "GET", ["logs"]:
                output = container.ending.output
                self._send(200, b"".join(struct.pack(">BxxxL", stream, len(data)) + data for stream, data in output))
            case "GET", ["archive"]:
                self._archive(container, query["path"])
            case "DELETE", []:
                container.ended.set()
                self.engine.containers.pop(container.id, None)
                self._send(204, b"")
            case _:
                self._json({"message": f"the stub has no {method} {'/'.join(action)} of a container"}, False)

    def _archive(self, container: Container, path: str) -> None:
        data = next((data for end, data in container.ending.files.items() if path.endswith(end)), None)
        if data is None:
            self._json({"message": f"Could not find the file {path} in container {container.id}"}, False)
            return
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo(path.rpartition("/")[2])
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        status = base64.b64encode(json.dumps({"name": entry.name, "size": len(data)}).encode()).decode()
        self._send(200, packed.getvalue(), "application/x-tar", {"X-Docker-Container-Path-Stat": status})

    def _start(self, container: Container) -> None:
        if container.ending.refused is not None:
            status, message = container.ending.refused
            container.code = 127
            self._send(status, json.dumps({"message": message}).encode(), "application/json")
            return
        container.started = True
        if not container.ending.waits:
            container.code = container.ending.code
            container.ended.set()
        self._send(204, b"")

    def _json(self, document: Any, found: bool = True) -> None:
        self._send(200 if found else 404, json.dumps(document).encode(), "application/json")

    def _send(
        self,
        status: int,
        data: bytes,
        kind: str = "application/octet-stream",
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        with contextlib.suppress(BrokenPipeError):  # who asked may be gone
            self.end_headers()
            self.wfile.write(data)
