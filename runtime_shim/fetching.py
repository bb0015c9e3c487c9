"""A file from somewhere on the web, or from S3: whole, of a bounded size, or one sentence that says why not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from penstock.runtime_shim.aws.connections import Answer, Connections, NoAnswer
from penstock.runtime_shim.aws.given import LATER, TRIES, pause_after
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, EXIT_RETRY_ALLOWED, Failure

if TYPE_CHECKING:
    from penstock.runtime_shim.configuration import Configuration

MOST_BYTES = 10 * 1024 * 1024
"""Of a file: no flow that somebody wrote is larger."""
MOST_REDIRECTS = 5
_MOVED = (301, 302, 303, 307, 308)
_GONE = (404, 410)
_CLOSED = (401, 403)


class NotFetched(Failure):
    """A file could not be fetched; the exit code says whether another try may help."""

    code = "R196"


def fetch(url: str, configuration: Configuration) -> bytes:
    """The file at an http, https or s3 URL; what may pass is tried seven times.

    From S3 it comes with the datastore's own credentials.  Raises NotFetched, StorageFailure.
    """
    if urlsplit(url).scheme == "s3":
        return _from_s3(url, configuration)
    connections, at = Connections(1, None), url
    for _ in range(MOST_REDIRECTS + 1):
        answer = _patiently(connections, url, at)
        if answer.status not in _MOVED:
            return _content(url, answer)
        at = _led_to(url, at, answer)
    raise NotFetched(f"{url} leads from one address to another, more than {MOST_REDIRECTS} times", help=_CORRECT)


_CORRECT = "correct --code-url, and compile the pipeline again"
_REACH = "the containers must reach that address: see to it, or to their proxy (https_proxy, http_proxy)"


def _patiently(connections: Connections, url: str, at: str) -> Answer:
    """The answer to one request, which is asked again while a later answer may be another one."""
    tries = 1
    while True:
        try:
            answer = connections.request("GET", at, {}, (), MOST_BYTES)
            if answer.status not in LATER or tries == TRIES:
                return answer
        except NoAnswer as error:
            if error.stale:
                continue
            if not error.again or tries == TRIES:
                message = f"the flow file {url} can't be fetched: {error.origin} does not answer ({error.reason})"
                raise NotFetched(message, help=_REACH, exit_code=EXIT_RETRY_ALLOWED) from None
        time.sleep(pause_after(tries))
        tries += 1


def _content(url: str, answer: Answer) -> bytes:
    status = answer.status
    if status in _GONE:
        raise NotFetched(f"there is no flow file at {url} ({status})", help=f"put it there, or {_CORRECT}")
    if status in _CLOSED:
        help_text = (
            "put it where no password is needed, or at an s3:// URL, which is read with the containers' own role"
        )
        raise NotFetched(f"the flow file {url} may not be read from here ({status})", help=help_text)
    if status in LATER:
        message = f"the flow file {url} can't be fetched: the server kept answering {status}"
        raise NotFetched(message, help="try again later", exit_code=EXIT_RETRY_ALLOWED)
    if status != 200:
        raise NotFetched(f"the flow file {url} can't be fetched: the server answered {status}", help=_CORRECT)
    if answer.body is None:
        raise _too_large(url)
    return answer.body


def _led_to(url: str, at: str, answer: Answer) -> str:
    """The address that an answer leads to: one on the web, and none without encryption behind one that has it."""
    place = urljoin(at, answer.headers.get("Location") or "").partition("#")[0]
    try:
        parts = urlsplit(place)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or place == at:
        raise NotFetched(
            f"the flow file {url} can't be fetched: it leads to {place!r}, which is no other address", help=_CORRECT
        )
    if parts.scheme == "http" and urlsplit(at).scheme == "https":
        message = f"the flow file {url} is not fetched: it leads to {place}, where anybody on the way may change it"
        raise NotFetched(message, help=_CORRECT)
    return place


def _from_s3(url: str, configuration: Configuration) -> bytes:
    from penstock.runtime_shim.datastore.protocol import Missing
    from penstock.runtime_shim.datastore.s3 import open_s3

    folder, _, name = url.rpartition("/")
    try:
        data = open_s3(folder, configuration).get(name)
    except Missing:
        raise NotFetched(f"there is no flow file at {url}", help=f"put it there, or {_CORRECT}") from None
    if len(data) > MOST_BYTES:
        raise _too_large(url)
    return data


def _too_large(url: str) -> NotFetched:
    message = f"{url} holds more than {MOST_BYTES:,} bytes, which no flow file does"
    return NotFetched(message, help=_CORRECT, exit_code=EXIT_DO_NOT_RETRY)
