"""What is asked again and for how long, and what is learnt from an answer."""

from __future__ import annotations

import calendar
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate

import pytest
from wire import Answer, Wire, error_answer

from penstock.runtime_shim.aws import given, service
from penstock.runtime_shim.aws.connections import Connections, NoAnswer
from penstock.runtime_shim.aws.credentials import Credentials
from penstock.runtime_shim.aws.service import AwsError, Service
from penstock.runtime_shim.aws.signing import Keys

KEYS = Keys("AKIA1", "secret")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited; nothing is."""
    waited: list[float] = []
    monkeypatch.setattr(service.time, "sleep", waited.append)
    return waited


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


@pytest.fixture
def asking(wire: Wire) -> Callable[..., Service]:
    def make(tries: int | None = None) -> Service:
        return Service(
            lambda region: f"{wire.url}/{region}", "us-east-1", Credentials(lambda: KEYS), Connections(4, None), tries
        )

    return make


def answering(wire: Wire, *answers: Answer) -> list[dict[str, str]]:
    """Let the wire give these answers, the last one for ever; the headers it is asked with."""
    left, headers = list(answers), []

    def answer(_: str, asked: dict[str, str]) -> Answer:
        headers.append(asked)
        return left.pop(0) if len(left) > 1 else left[0]

    wire.answer = answer
    return headers


@pytest.mark.parametrize(
    "answer",
    [
        *(error_answer(status, "") for status in (429, 500, 502, 503, 504)),
        error_answer(503, "SlowDown"),
        error_answer(400, "RequestTimeout"),
        error_answer(400, "ThrottlingException"),
        (200, {"Content-Length": "10"}, b"half"),
    ],
)
def test_what_may_pass_is_asked_again(
    wire: Wire, asking: Callable[..., Service], pauses: list[float], answer: Answer
) -> None:
    answering(wire, answer, answer, (200, {}, b"value"))
    assert asking().call("GET", "k").body == b"value"
    assert len(pauses) == 2


@pytest.mark.parametrize(
    ("status", "code"), [(400, "InvalidArgument"), (403, "AccessDenied"), (404, ""), (501, "NotImplemented")]
)
def test_what_will_not_pass_is_asked_once(
    wire: Wire, asking: Callable[..., Service], pauses: list[float], status: int, code: str
) -> None:
    answering(wire, error_answer(status, code, "so it is"))
    with pytest.raises(AwsError) as caught:
        asking().call("PUT", "k", body=[memoryview(b"x")])
    assert (caught.value.status, caught.value.code, caught.value.message) == (status, code, "so it is")
    assert wire.asked == ["PUT"]
    assert not caught.value.repeated


def test_pauses_double_and_are_a_random_part(
    wire: Wire, asking: Callable[..., Service], pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given.random, "random", lambda: 1.0)
    answering(wire, error_answer(503, "SlowDown"))
    with pytest.raises(AwsError):
        asking(10).call("GET", "k")
    assert pauses == [0.5, 1, 2, 4, 8, 16, 20, 20, 20]
    assert len(wire.asked) == 10


def test_usual_tries_wait_half_a_minute_at_most(
    wire: Wire, asking: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    monkeypatch.setattr(given.random, "random", lambda: 1.0)
    answering(wire, error_answer(503, "SlowDown"))
    with pytest.raises(AwsError, match="503 SlowDown"):
        asking().call("GET", "k")
    assert len(wire.asked) == 7
    assert sum(pauses) == 31.5


def test_no_try_begins_when_patience_is_over(
    wire: Wire, asking: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    monkeypatch.setattr(service, "PATIENCE_SECONDS", 0.2)

    def slowly(method: str, headers: dict[str, str]) -> Answer:
        threading.Event().wait(0.15)
        return error_answer(503, "SlowDown")

    wire.answer = slowly
    began = time.monotonic()
    with pytest.raises(AwsError):
        asking(100).call("GET", "k")
    assert time.monotonic() - began < 2
    assert len(wire.asked) <= 2


def test_a_request_whose_end_is_unknown_is_marked(
    wire: Wire, asking: Callable[..., Service], pauses: list[float]
) -> None:
    answering(wire, (200, {"Content-Length": "10"}, b"half"), error_answer(412, "PreconditionFailed"))
    with pytest.raises(AwsError) as caught:
        asking().call("PUT", "k", headers={"If-None-Match": "*"})
    assert caught.value.repeated


def test_a_200_that_is_an_error_is_one(wire: Wire, asking: Callable[..., Service], pauses: list[float]) -> None:
    """S3 begins its answer to CompleteMultipartUpload before it knows how it ends."""
    answering(wire, (200, {}, error_answer(0, "InternalError")[2]), (200, {}, b"<CompleteMultipartUploadResult/>"))
    assert asking().call("POST", "k").status == 200
    assert wire.asked == ["POST", "POST"]
    answering(wire, (200, {}, error_answer(0, "InternalError")[2]))
    with pytest.raises(AwsError, match="500 InternalError"):
        asking(2).call("POST", "k")


@pytest.mark.parametrize(
    "answer",
    [
        (301, {"x-amz-bucket-region": "eu-west-1"}, b""),
        (307, {"x-amz-bucket-region": "eu-west-1"}, error_answer(307, "TemporaryRedirect")[2]),
        (400, {"x-amz-bucket-region": "eu-west-1"}, b""),
        (400, {}, b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>"),
    ],
)
def test_the_region_that_s3_names_is_used_from_then_on(
    wire: Wire, asking: Callable[..., Service], pauses: list[float], answer: Answer
) -> None:
    headers = answering(wire, answer, (200, {}, b"value"))
    asked = asking()
    assert asked.call("GET", "k").body == b"value"
    assert asked.call("GET", "k").body == b"value"
    regions = [each["Authorization"].split("/")[2] for each in headers]
    assert regions == ["us-east-1", "eu-west-1", "eu-west-1"]
    assert pauses == []


def test_regions_that_point_at_each_other_are_left(wire: Wire, asking: Callable[..., Service]) -> None:
    turns = iter(range(100))
    wire.answer = lambda method, headers: (301, {"x-amz-bucket-region": f"r-{next(turns)}"}, b"")
    with pytest.raises(AwsError, match="301"):
        asking().call("GET", "k")
    assert len(wire.asked) == 3


@pytest.mark.parametrize("region", ["evil.example/", "a", "", "x" * 50, "eu west"])
def test_a_region_that_is_none_leads_nowhere(wire: Wire, asking: Callable[..., Service], region: str) -> None:
    answering(wire, (301, {"x-amz-bucket-region": region}, b""))
    with pytest.raises(AwsError):
        asking().call("GET", "k")
    assert len(wire.asked) == 1


def test_the_server_s_clock_is_taken_when_ours_is_wrong(
    wire: Wire, asking: Callable[..., Service], pauses: list[float]
) -> None:
    ahead = time.time() + 3600
    skewed = (403, {"Date": formatdate(ahead, usegmt=True)}, error_answer(403, "RequestTimeTooSkewed")[2])
    headers = answering(wire, skewed, (200, {}, b"value"))
    wire.dated = False
    assert asking().call("GET", "k").body == b"value"
    sent = headers[1]["X-Amz-Date"]
    assert abs(_seconds(sent) - ahead) < 60
    assert pauses == []


def test_a_clock_that_is_never_right_is_told(wire: Wire, asking: Callable[..., Service]) -> None:
    wire.dated = False
    answering(wire, error_answer(403, "RequestTimeTooSkewed"))
    with pytest.raises(AwsError, match="RequestTimeTooSkewed"):
        asking().call("GET", "k")
    assert len(wire.asked) == 1


def test_a_server_that_is_not_there_is_asked_as_often_as_any(pauses: list[float]) -> None:
    gone = Service(lambda region: "http://127.0.0.1:1", "r", Credentials(lambda: KEYS), Connections(1, None))
    with pytest.raises(NoAnswer, match="Connection refused"):
        gone.call("GET", "k")
    assert len(pauses) == service.TRIES - 1


def _seconds(stamp: str) -> float:
    return calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
