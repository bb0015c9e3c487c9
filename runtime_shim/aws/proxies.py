"""Which proxy stands between this machine and a host, as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say."""

from __future__ import annotations

import os
import sys
from urllib.parse import SplitResult, unquote, urlsplit


def proxy_for(scheme: str, host: str) -> SplitResult | None:
    """The proxy for requests to ``scheme://host``, None for the direct way.

    This machine itself is never asked through a proxy.  The proxy is spoken to in plain HTTP, whatever its URL says;
    what goes through it to an https host is encrypted end to end.
    """
    named = any(name.lower().endswith("_proxy") for name in os.environ)
    if not named and sys.platform not in ("darwin", "win32"):
        return None
    from urllib.request import getproxies, proxy_bypass

    url = getproxies().get(scheme)
    if not url or host == "localhost" or host.startswith("127.") or host == "::1" or proxy_bypass(host):
        return None
    return urlsplit(url if "://" in url else f"http://{url}")


def proxy_authorization(proxy: SplitResult) -> dict[str, str]:
    """The header with the user and password of a proxy's URL; none where it has none."""
    if not proxy.username:
        return {}
    import base64

    who = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(who.encode()).decode()}"}
