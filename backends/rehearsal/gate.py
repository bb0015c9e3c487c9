"""Who may speak to the embedded AWS: requests that carry the rehearsal's secret, and nobody else.

moto's server accepts any credentials, offers an unauthenticated administration interface under ``/moto-api`` and allows
every web origin.  A page in the user's browser could submit a job to it, which means running any command.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable
from typing import Any

_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/")
_REFUSAL = (
    b"<?xml version='1.0'?><Error><Code>InvalidAccessKeyId</Code>"
    b"<Message>This rehearsal belongs to somebody else: the access key id is not its own.</Message></Error>"
)

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Gate:
    """A WSGI application in front of another one that answers 403 unless the request is signed with ``secret`` as its
    access key id, and that lets no permission for other web origins through.
    """

    def __init__(self, application: WsgiApplication, secret: str) -> None:
        self._application = application
        self._secret = secret.encode()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if not self._admits(environ):
            start_response("403 Forbidden", [("Content-Type", "text/xml"), ("Content-Length", str(len(_REFUSAL)))])
            return [_REFUSAL]

        def without_origins(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            kept = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
            return start_response(status, kept, *rest)

        return self._application(environ, without_origins)

    def _admits(self, environ: dict[str, Any]) -> bool:
        match = _CREDENTIAL.match(environ.get("HTTP_AUTHORIZATION", ""))
        if match is None or not hmac.compare_digest(match.group(1).encode(), self._secret):
            return False
        return not str(environ.get("PATH_INFO", "")).startswith("/moto-api")
