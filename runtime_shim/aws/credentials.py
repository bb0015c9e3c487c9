"""Whose requests these are: the chain of places in which AWS's tools look, in their order, and keys renewed in time.

What the standard library can do is done here.  The rest (SSO, processes, roles of profiles, the machine's role) is
botocore's, which is imported then only.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from penstock.runtime_shim.aws.addresses import sts_url
from penstock.runtime_shim.aws.given import NoKeys, container_keys, environment_keys, role_keys, web_identity_keys
from penstock.runtime_shim.aws.profiles import AwsProfile
from penstock.runtime_shim.aws.signing import Keys

RENEW_SECONDS = 600
"""How long before they expire keys are renewed, as botocore does it at the latest."""
_ASK_AGAIN_SECONDS = 60
"""How long keys of botocore's are used before it is asked again; it renews them where they need it."""
_SSO = ("sso_account_id", "sso_role_name")


class NoKeysAtAll(NoKeys):
    """There are no credentials anywhere."""


class BotocoreMissing(NoKeys):
    """Credentials of this kind need botocore, which is not installed; the text says which kind."""


class Credentials:
    """Keys, fetched when they are first asked for and again before they expire; safe in threads."""

    def __init__(self, fetch: Callable[[], Keys], known: Keys | None = None) -> None:
        self._fetch = fetch
        self._known = known
        self._lock = threading.Lock()

    @property
    def known(self) -> Keys | None:
        """What was fetched last."""
        return self._known

    def keys(self) -> Keys:
        """Keys that hold for a while.

        Raises NoKeys.
        """
        keys = self._known
        if keys is not None and time.time() < keys.expires - RENEW_SECONDS:
            return keys
        with self._lock:
            keys = self._known
            if keys is not None and time.time() < keys.expires - RENEW_SECONDS:
                return keys
            try:
                self._known = self._fetch()
            except NoKeys:
                # Those there are may still do: it is tried again with the next request.
                if keys is None or time.time() >= keys.expires:
                    raise
                return keys
            return self._known


def find_credentials(profile: AwsProfile, region: str, role_arn: str | None, known: Keys | None = None) -> Credentials:
    """The credentials that botocore would find, or those of the role that they may assume; asks nobody yet.

    ``known`` is what another process has fetched with the same arguments.
    """
    usual = _Usual(profile, region)
    if not role_arn:
        return Credentials(usual.fetch, known)
    source = Credentials(usual.fetch)
    arn, url = role_arn, usual.sts
    return Credentials(lambda: role_keys(source.keys(), arn, region, url), known)


class _Usual:
    """botocore's chain."""

    def __init__(self, profile: AwsProfile, region: str) -> None:
        self._profile = profile
        self._region = region
        self._botocore: Any = None

    @property
    def sts(self) -> str:
        """The URL of the token service."""
        return sts_url(self._region, self._profile.endpoint("sts"), *self._profile.variants)

    def fetch(self) -> Keys:
        """Raises NoKeys."""
        env, profile = self._profile.env, self._profile
        settings = profile.settings
        if keys := environment_keys(env):
            return keys
        token_file = env.get("AWS_WEB_IDENTITY_TOKEN_FILE") or settings.get("web_identity_token_file")
        if "role_arn" in settings and "web_identity_token_file" not in settings:
            return self._ask_botocore(f"the profile {profile.name} assumes a role")
        if token_file:
            return self._web_identity(token_file)
        if any(name in settings for name in _SSO):
            return self._ask_botocore(f"the profile {profile.name} signs on with SSO")
        if "aws_access_key_id" in profile.shared:
            return _static(profile.shared)
        if "login_session" in settings:
            return self._ask_botocore(f"the profile {profile.name} signs in with `aws login`")
        if "credential_process" in settings:
            return self._ask_botocore(f"the profile {profile.name} starts a process for them")
        if "aws_access_key_id" in profile.config:
            return _static(profile.config)
        if _boto_files(env):
            return self._ask_botocore("they are in boto's own file")
        if keys := container_keys(env):
            return keys
        if env.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            raise NoKeysAtAll("there are no AWS credentials here")
        return self._ask_botocore("they can only be those of the machine's role")

    def _web_identity(self, token_file: str) -> Keys:
        env, settings = self._profile.env, self._profile.settings
        role = env.get("AWS_ROLE_ARN") or settings.get("role_arn")
        if not role:
            raise NoKeys("AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not")
        session = env.get("AWS_ROLE_SESSION_NAME") or settings.get("role_session_name") or ""
        return web_identity_keys(token_file, role, session, self._region, self.sts)

    def _ask_botocore(self, kind: str) -> Keys:
        if self._botocore is None:
            try:
                from botocore.session import get_session
            except ImportError:
                raise BotocoreMissing(kind) from None
            with _botocore_errors():
                self._botocore = get_session().get_credentials()
            if self._botocore is None:
                raise NoKeysAtAll("there are no AWS credentials here")
        with _botocore_errors():
            found = self._botocore.get_frozen_credentials()
        return Keys(found.access_key, found.secret_key, found.token or "", _until_asked_again())


def _until_asked_again() -> float:
    return time.time() + RENEW_SECONDS + _ASK_AGAIN_SECONDS


@contextmanager
def _botocore_errors() -> Iterator[None]:
    """What botocore raises, as NoKeys."""
    from botocore import exceptions as known

    try:
        yield
    except (known.NoCredentialsError, known.PartialCredentialsError) as error:
        raise NoKeysAtAll("there are no AWS credentials here") from error
    except (known.BotoCoreError, known.ClientError) as error:
        raise NoKeys(str(error)) from error


def _static(section: dict[str, Any]) -> Keys:
    secret = section.get("aws_secret_access_key")
    if not secret:
        raise NoKeys("aws_access_key_id stands without aws_secret_access_key")
    token = section.get("aws_security_token") or section.get("aws_session_token") or ""
    return Keys(section["aws_access_key_id"], secret, token)


def _boto_files(env: Mapping[str, str]) -> bool:
    """Whether there are files of the tools before botocore, which it reads too."""
    names = [env.get("AWS_CREDENTIAL_FILE"), env.get("BOTO_CONFIG")]
    return any(names) or any(os.path.exists(os.path.expanduser(name)) for name in ("/etc/boto.cfg", "~/.boto"))
