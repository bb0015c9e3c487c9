"""Who runs flows, and the namespace that follows from it."""

from __future__ import annotations

import os
from collections.abc import Mapping

_VARIABLES = ("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER")


def user_name(environ: Mapping[str, str] | None = None, configured: str | None = None) -> str:
    """The user's name: the first of METAFLOW_USER, ``configured`` (METAFLOW_USER of the profile), SUDO_USER,
    USERNAME, USER, the operating system's.

    ``root`` counts only where no other name is given; Metaflow refuses it, but it is what runs in containers.
    """
    env = os.environ if environ is None else environ
    names = [env.get(_VARIABLES[0]), configured, *(env.get(name) for name in _VARIABLES[1:])]
    for name in names:
        if name and name != "root":
            return name
    return "root" if "root" in names else _name_of_process()


def default_namespace(environ: Mapping[str, str] | None = None, configured: str | None = None) -> str:
    """``user:<name>``, or ``production:<token>`` where METAFLOW_PRODUCTION_TOKEN is set."""
    env = os.environ if environ is None else environ
    token = env.get("METAFLOW_PRODUCTION_TOKEN")
    return f"production:{token}" if token else f"user:{user_name(env, configured)}"


def _name_of_process() -> str:
    """The account's name; a container may run under a number without one."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"
