"""Signed requests to a bucket, made again where that helps, for a bounded time."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from penstock.runtime_shim.aws.connections import Answer, Body, Connections, NoAnswer
from penstock.runtime_shim.aws.credentials import Credentials
from penstock.runtime_shim.aws.documents import NoDocument, leaves
from penstock.runtime_shim.aws.given import LATER, TRIES, pause_after
from penstock.runtime_shim.aws.signing import query_of, quoted, signed

PATIENCE_SECONDS = 240.0
"""How long after the first try another one may begin."""

_LATER_CODES = (
    "SlowDown",
    "RequestTimeout",
    "InternalError",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
)
_SKEWED = ("RequestTimeTooSkewed", "RequestExpired")
_ELSEWHERE = (
    "AuthorizationHeaderMalformed",
    "PermanentRedirect",
    "TemporaryRedirect",
    "IllegalLocationConstraintException",
)
_REGION = re.compile(r"[a-z0-9-]{3,40}\Z")
_CORRECTIONS = 2
"""How often a request is made anew because region or clock were wrong: once each."""


class AwsError(Exception):
    """The service answered with an error: its HTTP ``status``, ``code`` ("" where there was no document), ``message``.

    ``region`` is the one that the service names instead; ``repeated`` is whether the request had been made before
    without an answer that says how it ended.
    """

    def __init__(self, status: int, code: str, message: str, region: str = "", *, repeated: bool = False) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.region = region
        self.repeated = repeated


class _Tries:
    """How often and for how long a request has been tried."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._began = time.monotonic()
        self._made = 0

    def wait(self, failure: AwsError | NoAnswer) -> None:
        """Wait until it is time for another try; raises ``failure`` where there is to be none."""
        self._made += 1
        pause = pause_after(self._made)
        if self._made >= self._most or time.monotonic() + pause > self._began + PATIENCE_SECONDS:
            raise failure
        time.sleep(pause)


class Service:
    """Requests to one bucket of S3; safe in threads.

    ``url_in`` gives the bucket's URL in a region: S3 says where a bucket is when the region is not its own.
    """

    def __init__(
        self,
        url_in: Callable[[str], str],
        region: str,
        credentials: Credentials,
        connections: Connections,
        tries: int | None = None,
    ) -> None:
        self._url_in = url_in
        self._region = region
        self._credentials = credentials
        self._connections = connections
        self._tries = tries or TRIES
        self._skew = 0.0

    def call(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body = (),
        at_most: int | None = None,
    ) -> Answer:
        """The answer to a request about ``key`` ("" for the bucket), which is not an error.

        A body of more than ``at_most`` bytes is not read.  Raises AwsError for an error that asking again does not
        mend, NoAnswer where nothing came of any try, NoKeys.
        """
        sha = _sha256(body)
        tries, corrections, repeated = _Tries(self._tries), 0, False
        while True:
            try:
                answer = self._once(method, key, query or {}, headers or {}, body, sha, at_most)
            except NoAnswer as failure:
                repeated = True
                if not failure.again:
                    raise
                if not failure.stale:
                    tries.wait(failure)
                continue
            error = _error(method, answer, repeated)
            if error is None:
                return answer
            if corrections < _CORRECTIONS and self._correct(error, answer):
                corrections += 1
                continue
            if error.status not in LATER and error.code not in _LATER_CODES:
                raise error
            repeated = True
            tries.wait(error)

    def _once(
        self,
        method: str,
        key: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: Body,
        sha: str,
        at_most: int | None,
    ) -> Answer:
        region = self._region
        url = self._url_in(region) + ("/" + quoted(key, "/") if key else "")
        if query:
            url += "?" + query_of(query)
        sent = signed(method, url, headers, sha, self._credentials.keys(), region, now=time.time() + self._skew)
        return self._connections.request(method, url, sent, body, at_most)

    def _correct(self, error: AwsError, answer: Answer) -> bool:
        """Learn from the answer; whether that made a difference."""
        if error.code in _SKEWED:
            stamp = answer.headers.get("Date")
            try:
                skew = parsedate_to_datetime(stamp or "").timestamp() - time.time()
            except (ValueError, TypeError):
                return False
            self._skew, before = skew, self._skew
            return abs(skew - before) > 1
        elsewhere = error.status in (301, 307) or error.code in _ELSEWHERE or (error.status == 400 and not error.code)
        if elsewhere and _REGION.match(error.region) and error.region != self._region:
            self._region = error.region
            return True
        return False


def _error(method: str, answer: Answer, repeated: bool) -> AwsError | None:
    """The error that an answer is.  One to a POST may say 200, since S3 begins it before it knows."""
    body = answer.body or b""
    if answer.status < 300 and not (method == "POST" and b"<Error>" in body):
        return None
    try:
        root, found = leaves(body)
    except NoDocument:
        root, found = "", {}
    texts = {name: values[0] for name, values in found.items()} if root == "Error" else {}
    region = answer.headers.get("x-amz-bucket-region") or texts.get("Region", "")
    status = answer.status if answer.status >= 300 else 500
    return AwsError(status, texts.get("Code", ""), texts.get("Message", ""), region, repeated=repeated)


def _sha256(body: Body) -> str:
    digest = hashlib.sha256()
    for piece in body:
        digest.update(piece)
    return digest.hexdigest()
