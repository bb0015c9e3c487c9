"""The current namespace: whose runs the Client shows."""

from __future__ import annotations

from penstock.runtime_shim import identity

_chosen: list[str | None] = []
"""The namespace that was chosen, empty as long as none was."""


def namespace(ns: str | None) -> str | None:
    """Show only runs that are tagged with ``ns`` (``user:alice``, ``production:…``); None shows all.  Returns it."""
    _chosen[:] = [ns]
    return ns


def get_namespace() -> str | None:
    """The current namespace; the default one as long as none was chosen."""
    return _chosen[0] if _chosen else identity.default_namespace(configured=_configured_user())


def default_namespace() -> str:
    """Return to the default namespace, that of this user, and return it."""
    _chosen.clear()
    return identity.default_namespace(configured=_configured_user())


def _configured_user() -> str | None:
    from penstock.runtime_shim.configuration import Configuration

    return Configuration.load().get("METAFLOW_USER")
