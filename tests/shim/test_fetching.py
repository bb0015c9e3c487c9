"""A flow file from the web: which answers are a file, which may pass, and what is said of the others."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from wire import Answer, Wire, error_answer

from penstock.runtime_shim import fetching
from penstock.runtime_shim.configuration import Configuration
from penstock.runtime_shim.datastore.protocol import StorageFailure
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, EXIT_RETRY_ALLOWED
from penstock.runtime_shim.fetching import MOST_BYTES, NotFetched, fetch

CORRECT = "correct --code-url, and compile the pipeline again"


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    wire = Wire()
    monkeypatch.setattr(fetching, "pause_after", lambda tries: 0)
    yield wire
    wire.close()


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    monkeypatch.setenv("METAFLOW_HOME", str(tmp_path))
    return Configuration.load()


Answering = Callable[..., None]


@pytest.fixture
def answering(wire: Wire) -> Answering:
    """Lets the wire give these answers in turn, the last one for ever."""

    def answer(*answers: Answer) -> None:
        left = list(answers)
        wire.answer = lambda method, headers: left.pop(0) if len(left) > 1 else left[0]

    return answer


def failure(url: str, configuration: Configuration) -> NotFetched:
    with pytest.raises(NotFetched) as caught:
        fetch(url, configuration)
    return caught.value


def test_a_file_comes_as_it_is(wire: Wire, answering: Answering, configuration: Configuration) -> None:
    answering((200, {}, b"\xef\xbb\xbfx = 1\r\n"))
    assert fetch(f"{wire.url}/a%20flow.py?version=3", configuration) == b"\xef\xbb\xbfx = 1\r\n"
    assert wire.asked == ["GET"]


def test_what_may_pass_is_asked_again(wire: Wire, answering: Answering, configuration: Configuration) -> None:
    answering((503, {}, b""), (429, {}, b""), (500, {}, b""), (200, {}, b"x"))
    assert fetch(f"{wire.url}/flow.py", configuration) == b"x"
    assert len(wire.asked) == 4


def test_a_server_that_keeps_failing_may_do_better_later(
    wire: Wire, answering: Answering, configuration: Configuration
) -> None:
    answering((503, {}, b""))
    found = failure(f"{wire.url}/flow.py", configuration)
    assert str(found) == (
        f"error[R196]: the flow file {wire.url}/flow.py can't be fetched: the server kept answering 503\n"
        "  = help: try again later"
    )
    assert found.exit_code == EXIT_RETRY_ALLOWED
    assert len(wire.asked) == 7


@pytest.mark.parametrize(
    ("status", "message", "help_text"),
    [
        (404, "there is no flow file at URL (404)", f"put it there, or {CORRECT}"),
        (410, "there is no flow file at URL (410)", f"put it there, or {CORRECT}"),
        (
            403,
            "the flow file URL may not be read from here (403)",
            "put it where no password is needed, or at an s3:// URL, which is read with the containers' own role",
        ),
        (400, "the flow file URL can't be fetched: the server answered 400", CORRECT),
        (204, "the flow file URL can't be fetched: the server answered 204", CORRECT),
    ],
)
def test_what_stays_is_asked_once(
    status: int, message: str, help_text: str, wire: Wire, answering: Answering, configuration: Configuration
) -> None:
    answering((status, {}, b""))
    url = f"{wire.url}/flow.py"
    found = failure(url, configuration)
    assert (found.message, found.help) == (message.replace("URL", url), help_text)
    assert found.exit_code == EXIT_DO_NOT_RETRY
    assert wire.asked == ["GET"]


def test_nobody_there(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "pause_after", lambda tries: 0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    found = failure(f"{url}/flow.py", configuration)
    assert str(found) == (
        f"error[R196]: the flow file {url}/flow.py can't be fetched: {url} does not answer (Connection refused)\n"
        "  = help: the containers must reach that address: see to it, or to their proxy (https_proxy, http_proxy)"
    )
    assert found.exit_code == EXIT_RETRY_ALLOWED


def test_an_answer_that_breaks_off_is_none(wire: Wire, answering: Answering, configuration: Configuration) -> None:
    answering((200, {"Content-Length": "10"}, b"class "), (200, {}, b"whole"))
    assert fetch(f"{wire.url}/flow.py", configuration) == b"whole"


def test_a_redirect_is_followed(wire: Wire, answering: Answering, configuration: Configuration) -> None:
    answering(
        (302, {"Location": "/raw/flow.py"}, b""), (301, {"Location": f"{wire.url}/there#x"}, b""), (200, {}, b"x")
    )
    assert fetch(f"{wire.url}/flow.py", configuration) == b"x"


def test_redirects_end(wire: Wire, configuration: Configuration) -> None:
    wire.answer = lambda method, headers: (302, {"Location": f"/{len(wire.asked)}"}, b"")
    url = f"{wire.url}/flow.py"
    assert failure(url, configuration).message == f"{url} leads from one address to another, more than 5 times"
    assert len(wire.asked) == 6


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://h/f.py", "http://h:0/", "http://h:x/", ""])
def test_a_redirect_leads_to_the_web_only(
    place: str, wire: Wire, answering: Answering, configuration: Configuration
) -> None:
    answering((302, {"Location": place}, b""))
    url = f"{wire.url}/flow.py"
    assert failure(url, configuration).message == (
        f"the flow file {url} can't be fetched: it leads to {place or url!r}, which is no other address"
    )


def test_a_redirect_keeps_the_encryption() -> None:
    from email.message import Message

    from penstock.runtime_shim.aws.connections import Answer as Answered

    headers = Message()
    headers["Location"] = "http://h/flow.py"
    with pytest.raises(NotFetched) as caught:
        fetching._led_to("https://h/f", "https://h/f", Answered(302, headers, b""))
    assert caught.value.message == (
        "the flow file https://h/f is not fetched: it leads to http://h/flow.py, where anybody on the way may change it"
    )


@pytest.mark.parametrize("told", [True, False], ids=["with its length", "in chunks"])
def test_more_than_a_flow_is_not_read(
    told: bool, wire: Wire, answering: Answering, configuration: Configuration
) -> None:
    size = MOST_BYTES + 1
    body = b"x" * size if told else b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
    answering((200, {} if told else {"Transfer-Encoding": "chunked"}, body))
    url = f"{wire.url}/flow.py"
    assert failure(url, configuration).message == f"{url} holds more than 10,485,760 bytes, which no flow file does"


@pytest.fixture
def on_s3(wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Configuration:
    """A configuration whose S3 is the wire."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("METAFLOW_S3_ENDPOINT_URL", wire.url)
    monkeypatch.setenv("METAFLOW_HOME", str(tmp_path))
    return Configuration.load()


@pytest.mark.parametrize("url", ["s3://bucket/flow.py", "s3://bucket/deep/er/flow.py"])
def test_a_file_comes_from_s3_with_the_datastore_s_credentials(url: str, wire: Wire, on_s3: Configuration) -> None:
    asked: list[dict[str, str]] = []

    def answer(method: str, headers: dict[str, str]) -> Answer:
        asked.append(headers)
        return 200, {}, b"from S3"

    wire.answer = answer
    assert fetch(url, on_s3) == b"from S3"
    assert "Credential=x/" in asked[0]["Authorization"]


def test_no_such_object_is_told_as_no_such_file(answering: Answering, on_s3: Configuration) -> None:
    answering(error_answer(404, "NoSuchKey"))
    assert failure("s3://bucket/flow.py", on_s3).message == "there is no flow file at s3://bucket/flow.py"


def test_an_object_that_may_not_be_read_is_told_with_what_to_allow(answering: Answering, on_s3: Configuration) -> None:
    answering(error_answer(403, "AccessDenied"))
    with pytest.raises(StorageFailure, match=r"cannot read `flow.py` in s3://bucket/flows: access denied"):
        fetch("s3://bucket/flows/flow.py", on_s3)


def test_an_object_that_is_no_flow_is_too_large(answering: Answering, on_s3: Configuration) -> None:
    answering((200, {}, b"x" * (MOST_BYTES + 1)))
    assert failure("s3://bucket/f.py", on_s3).message.startswith("s3://bucket/f.py holds more than 10,485,760 bytes")
