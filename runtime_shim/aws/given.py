"""Credentials that a job is given: in its environment, by its container's host, or for a token that it can read.

This module is part of the bootstrap's text too (``penstock.compiler.packaging.bootstrap``): no Penstock but the modules
that are embedded with it, and no syntax newer than 3.7.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import time
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from penstock.runtime_shim.aws.addresses import sts_url
from penstock.runtime_shim.aws.certificates import tls_context
from penstock.runtime_shim.aws.signing import NEVER, Keys, query_of, signed

TRIES = 7
"""How often a request is made in all: where one of five fails by chance, one of 78,000 then fails for good."""
PAUSE_SECONDS = 0.5
"""The longest first pause; the longest doubles each time, and a random part of it is waited ("full jitter")."""
LONGEST_PAUSE_SECONDS = 20
LATER = (429, 500, 502, 503, 504)
"""The statuses of answers that may be others a moment later."""
_LEAVES = re.compile(r"<(\w+)>([^<]+)<")
_HOST = "169.254.170.2"
_PLAIN_HOSTS = (_HOST, "169.254.170.23", "fd00:ec2::23", "localhost")
"""Who may be asked for credentials without encryption: the agents of ECS and EKS."""


class NoKeys(Exception):
    """Credentials of a kind that is configured could not be had; the text says why, without secrets."""


class RoleRefused(NoKeys):
    """The role that Penstock was told to assume can't be."""


def pause_after(tries: int) -> float:
    """Seconds to wait after so many tries."""
    longest = min(LONGEST_PAUSE_SECONDS, PAUSE_SECONDS * 2.0 ** (tries - 1))
    return longest * random.random()  # noqa: S311 - no secret


def ask(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    seconds: float = 60,
    direct: bool = False,
) -> tuple[int, Message, bytes]:
    """Status, headers and body of the answer to one request; again a few times where there is none or a 5xx.

    ``seconds`` is how long to wait for a byte; ``direct`` goes past proxies.  Raises OSError, HTTPException.
    """
    from urllib.error import HTTPError
    from urllib.request import Request

    opener = _opener(url, direct)
    for tries in range(1, TRIES + 1):
        try:
            request = Request(url, body, dict(headers), method=method)  # noqa: S310 - the callers make https or http
            with opener.open(request, timeout=seconds) as answer:
                # A head that breaks off looks like a whole one without a length.
                if answer.length is None and not answer.chunked:
                    raise OSError("the answer broke off")
                return answer.status, answer.headers, answer.read()
        except HTTPError as error:
            with error:
                if tries == TRIES or error.code not in LATER:
                    return error.code, error.headers, error.read()
        except (OSError, HTTPException):
            if tries == TRIES:
                raise
        time.sleep(pause_after(tries))
    raise AssertionError("the last try returns or raises")


def _opener(url: str, direct: bool) -> Any:
    from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, build_opener

    class Stay(HTTPRedirectHandler):
        # Whoever answers "ask there" must not lead the headers that were meant for somebody else.
        def redirect_request(self, *_: Any) -> None:
            pass

    handlers = [Stay(), *([ProxyHandler({})] if direct else [])]
    if url.startswith("https:"):
        handlers.append(HTTPSHandler(context=tls_context(os.environ.get("AWS_CA_BUNDLE"))))
    return build_opener(*handlers)


def texts_of(body: bytes) -> dict[str, str]:
    """The texts of a small XML document by the names of their elements."""
    return dict(_LEAVES.findall(body.decode("utf-8", "replace")))


def error_text(status: int, body: bytes) -> str:
    """What AWS says in an answer that is an error, in one line."""
    found = texts_of(body)
    return f"{found.get('Code', status)}: {found.get('Message', 'no reason given')}".rstrip(".")


def environment_keys(env: Mapping[str, str]) -> Keys | None:
    """Those of AWS_ACCESS_KEY_ID; None where it is not set.  Raises NoKeys where the secret is missing."""
    if not env.get("AWS_ACCESS_KEY_ID"):
        return None
    if not env.get("AWS_SECRET_ACCESS_KEY"):
        raise NoKeys("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not")
    token = env.get("AWS_SECURITY_TOKEN") or env.get("AWS_SESSION_TOKEN") or ""
    return Keys(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], token)


def container_keys(env: Mapping[str, str]) -> Keys | None:
    """Those of the container's role on ECS, AWS Batch or EKS; None where this is no such container.  Raises NoKeys."""
    if "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" in env:
        url = "http://" + _HOST + env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
    elif "AWS_CONTAINER_CREDENTIALS_FULL_URI" in env:
        url = env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    else:
        return None
    host = urlsplit(url).hostname or ""
    if urlsplit(url).scheme != "https" and not _may_be_asked_plainly(host):
        raise NoKeys(f"{host} may not be asked for credentials: it is neither this machine nor the container's host")
    try:
        status, _, body = ask("GET", url, _container_headers(env), seconds=2, direct=True)
        if status != 200:
            raise NoKeys(f"the container's host answered {status}")
        found = json.loads(body)
        return Keys(found["AccessKeyId"], found["SecretAccessKey"], found["Token"], _seconds(found["Expiration"]))
    except (OSError, HTTPException) as error:
        raise NoKeys(f"the container's credentials can't be fetched: {error}") from None
    except (ValueError, KeyError, TypeError):
        raise NoKeys("what the container's host answered holds no credentials") from None


def web_identity_keys(token_file: str, role_arn: str, session: str, region: str, url: str = "") -> Keys:
    """Those of a role for the token that a cluster has put into a file (EKS).  Raises NoKeys."""
    try:
        with open(token_file, encoding="utf-8") as file:
            token = file.read()
    except (OSError, ValueError) as error:
        raise NoKeys(f"the token in AWS_WEB_IDENTITY_TOKEN_FILE can't be read: {error}") from None
    parameters = {"Action": "AssumeRoleWithWebIdentity", "RoleArn": role_arn, "WebIdentityToken": token}
    return _ask_sts({**parameters, "RoleSessionName": session or "penstock"}, None, region, url)


def role_keys(source: Keys, role_arn: str, region: str, url: str = "") -> Keys:
    """Those of a role that ``source`` may assume.  Raises RoleRefused, NoKeys."""
    return _ask_sts({"Action": "AssumeRole", "RoleArn": role_arn, "RoleSessionName": "penstock"}, source, region, url)


def _ask_sts(parameters: dict[str, str], signer: Keys | None, region: str, url: str) -> Keys:
    url = url or sts_url(region)
    body = query_of({**parameters, "Version": "2011-06-15"}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    if signer:
        headers = signed("POST", url, headers, hashlib.sha256(body).hexdigest(), signer, region, "sts")
    try:
        status, _, answer = ask("POST", url, headers, body)
    except (OSError, HTTPException) as error:
        raise NoKeys(f"{urlsplit(url).netloc} does not answer: {error}") from None
    found = texts_of(answer)
    if status != 200 or "SecretAccessKey" not in found:
        raise (RoleRefused if signer else NoKeys)(error_text(status, answer))
    return Keys(
        found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], _seconds(found.get("Expiration"))
    )


def _container_headers(env: Mapping[str, str]) -> dict[str, str]:
    token = env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    if "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" in env:
        with open(env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"], encoding="utf-8") as file:
            token = file.read()
    if token is not None and ("\r" in token or "\n" in token):
        raise NoKeys("the container's authorization token has more than one line")
    return {"Accept": "application/json", **({} if token is None else {"Authorization": token})}


def _may_be_asked_plainly(host: str) -> bool:
    import ipaddress

    try:
        return host in _PLAIN_HOSTS or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _seconds(stamp: str | None) -> float:
    """Since the epoch, of a time such as 2026-11-21T06:00:00Z."""
    if not stamp:
        return NEVER
    from calendar import timegm

    year, month, day, hour, minute, second = map(int, re.findall(r"\d+", stamp)[:6])
    return timegm((year, month, day, hour, minute, second))
