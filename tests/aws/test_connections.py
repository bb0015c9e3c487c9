"""Connections are kept, told from dead ones, and led through proxies; answers are whole or none."""

from __future__ import annotations

import base64
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from raw_servers import RawServer

from penstock.runtime_shim.aws import connections
from penstock.runtime_shim.aws.connections import Answer, Connections, NoAnswer
from penstock.runtime_shim.aws.proxies import proxy_for

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer(RawServer):
    """A server that answers each request with the next bytes, and notes what it read; ``None`` hangs up unanswered."""

    def __init__(self, *answers: bytes | None, close: bool = False) -> None:
        self.answers = list(answers)
        self.close_after = close
        self.heads: list[str] = []
        self.connections = 0
        self.closed = threading.Event()
        super().__init__(self._answer)
        self.url = f"http://127.0.0.1:{self.port}"

    def _answer(self, peer: socket.socket) -> None:
        self.connections += 1
        with peer, peer.makefile("rb") as file:
            while self.answers and (head := self._head(file)):
                self.heads.append(head)
                answer = self.answers.pop(0)
                if answer is None:
                    break
                peer.sendall(answer)
                if self.close_after:
                    break
        self.closed.set()

    @staticmethod
    def _head(file: object) -> str:
        lines = []
        while (line := file.readline().decode()) not in ("\r\n", ""):  # type: ignore[attr-defined]  # a file
            lines.append(line.strip())
        length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length")), 0)
        file.read(length)  # type: ignore[attr-defined]  # a file
        return "\n".join(lines)


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    with ExitStack() as peers:
        yield lambda *answers, close=False: peers.enter_context(Peer(*answers, close=close))


def get(pool: Connections, url: str) -> Answer:
    return pool.request("GET", url, {}, ())


def test_a_connection_is_used_again(peer: Callable[..., Peer]) -> None:
    server, pool = peer(OK, OK, OK), Connections(4, None)
    assert [get(pool, f"{server.url}/{n}").body for n in range(3)] == [b"ok"] * 3
    assert server.connections == 1
    assert server.heads[2].startswith("GET /2 HTTP/1.1")


def test_a_connection_that_was_closed_while_idle_is_seen_before_it_is_used(peer: Callable[..., Peer]) -> None:
    server, pool = peer(OK, OK, close=True), Connections(4, None)
    get(pool, server.url)
    assert server.closed.wait(10)
    assert get(pool, server.url).body == b"ok"
    assert server.connections == 2


def test_a_connection_that_is_closed_when_the_request_comes_is_stale(peer: Callable[..., Peer]) -> None:
    server, pool = peer(OK, None), Connections(4, None)
    get(pool, server.url)
    with pytest.raises(NoAnswer) as caught:
        get(pool, server.url)
    assert caught.value.stale
    assert caught.value.again


def test_a_server_that_hangs_up_at_once_is_not_stale(peer: Callable[..., Peer]) -> None:
    server = peer(None)
    with pytest.raises(NoAnswer, match="it closed the connection") as caught:
        get(Connections(4, None), server.url)
    assert not caught.value.stale


def test_an_idle_connection_grows_old(peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch) -> None:
    server, pool = peer(OK, OK), Connections(4, None)
    get(pool, server.url)
    monkeypatch.setattr(connections, "_IDLE_SECONDS", 0)
    server.close_after = True
    get(pool, server.url)
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "it broke off after 4 bytes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", "it broke off after"),
        (b"SMTP ready\r\n", "it does not speak HTTP: BadStatusLine"),
    ],
)
def test_what_is_no_whole_answer_is_none(peer: Callable[..., Peer], answer: bytes, reason: str) -> None:
    server = peer(answer, close=True)
    with pytest.raises(NoAnswer, match=reason):
        get(Connections(4, None), server.url)


def test_a_long_body_is_left_alone_and_its_connection_not_used_again(peer: Callable[..., Peer]) -> None:
    server, pool = peer(OK, OK), Connections(4, None)
    assert pool.request("GET", server.url, {}, (), 1)[2] is None
    assert pool.request("GET", server.url, {}, (), 2).body == b"ok"
    assert server.connections == 2


def test_an_answer_before_the_body_was_read_is_the_answer(peer: Callable[..., Peer]) -> None:
    """A server that refuses a big body says so at once, and closes."""
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop"

    def refuse(conn: socket.socket) -> None:
        conn.recv(100)
        conn.sendall(refusal)
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(1 << 16):
            pass

    with RawServer(refuse) as server:
        body = [memoryview(bytes(1 << 20))]
        answer = Connections(4, None).request("PUT", f"http://127.0.0.1:{server.port}", {}, body)
    assert (answer.status, answer.body) == (403, b"stop")


def test_a_path_of_two_slashes_is_asked_as_it_is(peer: Callable[..., Peer]) -> None:
    server = peer(OK)
    get(Connections(4, None), f"{server.url}//a//b?x=1")
    assert server.heads[0].startswith("GET //a//b?x=1 HTTP/1.1")


def test_plain_requests_go_through_a_proxy_whole(peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = peer(OK)
    monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//ada:love%40lace@"))
    assert get(Connections(4, None), "http://s3.example:9000/b/k").body == b"ok"
    head = proxy.heads[0].splitlines()
    assert head[0] == "GET http://s3.example:9000/b/k HTTP/1.1"
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'ada:love@lace').decode()}" in head
    assert "Host: s3.example:9000" in head


def test_encrypted_requests_go_through_a_tunnel(peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = peer(b"HTTP/1.1 407 Who are you?\r\nContent-Length: 0\r\n\r\n")
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with pytest.raises(NoAnswer, match="Tunnel connection failed: 407"):
        get(Connections(4, None), "https://b.s3.eu-west-1.amazonaws.com/k")
    assert proxy.heads[0].splitlines()[0].startswith("CONNECT b.s3.eu-west-1.amazonaws.com:443 HTTP/1.")


@pytest.mark.parametrize(
    ("host", "through"),
    [("s3.example", True), ("s3.inside", False), ("b.s3.inside", False), ("127.0.0.1", False), ("localhost", False)],
)
def test_no_proxy_names_who_is_asked_directly(host: str, through: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "proxy:3128")
    monkeypatch.setenv("no_proxy", "s3.inside")
    found = proxy_for("https", host)
    assert (found is not None) is through
    if found is not None:
        assert (found.hostname, found.port) == ("proxy", 3128)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that nobody else has signed, and its key, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", f"{folder}/key", "-out", f"{folder}/cert"]
    subprocess.run([*made, *names], check=True, capture_output=True)
    file = folder / "both.pem"
    file.write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return file


@pytest.fixture
def secure(certificate: Path) -> Iterator[str]:
    """The URL of a server that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(conn: socket.socket) -> None:
        with context.wrap_socket(conn, server_side=True) as wrapped:
            while wrapped.recv(1 << 16):
                wrapped.sendall(OK)

    with RawServer(serve) as server:
        yield f"https://localhost:{server.port}"


def test_a_certificate_of_nobody_is_refused_and_not_asked_again(secure: str) -> None:
    with pytest.raises(NoAnswer, match=r"its certificate is not trusted: self.signed certificate") as caught:
        get(Connections(4, None), secure)
    assert not caught.value.again


def test_a_given_bundle_is_trusted_and_the_connection_kept(secure: str, certificate: Path) -> None:
    pool = Connections(4, str(certificate))
    assert [get(pool, secure).body for _ in range(3)] == [b"ok"] * 3


def test_the_system_s_certificates_may_be_named(
    secure: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert get(Connections(4, None), secure).body == b"ok"


def test_a_bundle_that_is_not_there_is_told(secure: str) -> None:
    with pytest.raises(NoAnswer, match="No such file or directory"):
        get(Connections(4, "/nowhere.pem"), secure)


def test_the_shim_keeps_what_requests_need_to_few_modules() -> None:
    """What a step loads for S3 beyond its own: no pool of threads, no XML tree, no urllib.request."""
    script = "import sys; import penstock.runtime_shim.aws.service; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.split())
    unwanted = {
        "urllib.request",
        "xml.etree",
        "configparser",
        "dataclasses",
        "tempfile",
        "asyncio",
        "botocore",
        "logging",
    }
    assert loaded & unwanted == set()


def test_a_url_with_a_password_is_not_shown(peer: Callable[..., Peer]) -> None:
    server = peer(None)
    port = urlsplit(server.url).port
    with pytest.raises(NoAnswer) as caught:
        get(Connections(4, None), f"http://ada:secret@127.0.0.1:{port}/")
    assert caught.value.origin == f"http://127.0.0.1:{port}"
