"""kfp's own client without what it does besides: it writes no file, prints nothing to stdout, never waits in vain.

Imported only where a server is talked to: kfp takes a second.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable
from typing import Any

import kfp

TIMEOUTS = (10, 60)
"""Seconds for a connection, and for an answer."""


class Client(kfp.Client):  # type: ignore[misc]  # kfp has no types
    """Signs in as kfp does; the generated calls (``runs``, ``experiments``, ``recurring_runs``) are what is used."""

    _health: Any = None

    def __init__(self, **options: Any) -> None:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            # kfp says which servers it is for; and signing in with a browser says what to do.
            warnings.simplefilter("ignore")
            super().__init__(**options)
        self.user_namespace = str(self.get_user_namespace() or "")

    @property
    def address(self) -> str:
        """The URL of the server."""
        return str(self._existing_config.host)

    @property
    def last_content_type(self) -> str:
        """What the last answer says it is."""
        return str(self._healthz_api.api_client.last_response.getheader("content-type") or "")

    def get_kfp_healthz(self, sleep_duration: int = 0) -> Any:
        """Whether the server is there: asked once, where kfp would ask for half a minute."""
        if self._health is None:
            self._health = self.healthzs.healthz_service_get_healthz(_request_timeout=TIMEOUTS)
        return self._health

    def set_user_namespace(self, namespace: str) -> None:
        """Remember the namespace for this process; kfp would write it to the home folder."""
        self._context_setting["namespace"] = namespace.strip()

    def _load_config(self, *arguments: Any, **options: Any) -> Any:
        config = super()._load_config(*arguments, **options)
        # No request is repeated behind our back, nor sent to where an answer points, such as a page to sign in.
        config.retries = False
        config.refresh_api_key_hook = _keeping_the_host(config.refresh_api_key_hook, config.host)
        return config


def _keeping_the_host(refresh: Callable[[Any], object] | None, host: str) -> Callable[[Any], object] | None:
    """kubectl's tokens are refreshed by a function that puts back the address of the Kubernetes API as well.

    It lacks the path to the service, which kfp has added: every request would go astray.
    """
    if refresh is None:
        return None

    def refresh_token(config: Any) -> None:
        refresh(config)
        config.host, config.refresh_api_key_hook = host, refresh_token  # it puts back itself, too

    return refresh_token
