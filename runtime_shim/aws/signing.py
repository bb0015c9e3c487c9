"""AWS Signature Version 4: the headers that say who asks.

The rules are in "Authenticating Requests (AWS Signature Version 4)" of the Amazon S3 API Reference.  This module is
part of the bootstrap's text too (``penstock.compiler.packaging.bootstrap``): no Penstock, and no syntax newer than 3.7.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit

NEVER = float("inf")


class Keys(NamedTuple):
    """Who asks: key id, secret, session token ("" for none), and when they expire, in seconds since the epoch."""

    access: str
    secret: str
    token: str = ""
    expires: float = NEVER

    def __repr__(self) -> str:
        # Not the secret: a repr ends up in tracebacks and logs.
        return f"Keys({self.access})"


def quoted(text: str, safe: str = "") -> str:
    """Percent-encoded as signatures want it: everything but letters, digits, ``-._~`` and what is ``safe``."""
    return quote(text, safe="-._~" + safe)


def query_of(parameters: Mapping[str, str]) -> str:
    """A query string in the order in which it is signed."""
    # By name, then by value: sorted as whole texts "a=" would come after "a0=".
    pairs = sorted((quoted(name), quoted(value)) for name, value in parameters.items())
    return "&".join(name + "=" + value for name, value in pairs)


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body_sha: str,
    keys: Keys,
    region: str,
    service: str = "s3",
    now: float | None = None,
) -> dict[str, str]:
    """``headers`` with those that prove who asks for ``url``, whose query is as :func:`query_of` makes it.

    ``body_sha`` is the hexadecimal SHA-256 of the body; ``now`` is in seconds since the epoch.
    """
    parts = urlsplit(url)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    added = {"Host": parts.netloc.rpartition("@")[2], "X-Amz-Date": stamp}
    if service == "s3":
        added["X-Amz-Content-SHA256"] = body_sha
    if keys.token:
        added["X-Amz-Security-Token"] = keys.token
    sent = {**headers, **added}
    lower = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
    names = ";".join(sorted(lower))
    lines = [method, parts.path or "/", parts.query, *(name + ":" + lower[name] for name in sorted(lower))]
    canonical = "\n".join([*lines, "", names, body_sha])
    scope = "/".join([stamp[:8], region, service, "aws4_request"])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + keys.secret).encode()
    for part in [*scope.split("/"), to_sign]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    proof = f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    return {**sent, "Authorization": proof}
