"""When Argo tries a task again, and when it ends a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.backends.kubernetes.pods import BACKSTOP
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, EXIT_USER_FAILED

if TYPE_CHECKING:
    from penstock.runtime_shim.policy import Policy


def retry_strategy(policy: Policy) -> dict[str, Any] | None:
    """The strategy of a step that is tried more than once: as often, and after the same exit codes, as everywhere.

    What Argo says of a pod that was lost before it had an exit code, ``-1``, is a reason to try again.  Its wait grows
    only where a factor says so.
    """
    if policy.tries <= 1:
        return None
    final = [EXIT_DO_NOT_RETRY, *([EXIT_USER_FAILED] if policy.platform_only else [])]
    strategy: dict[str, Any] = {
        "limit": str(policy.tries - 1),
        "retryPolicy": "Always",
        "expression": " && ".join(f"lastRetry.exitCode != '{code}'" for code in final),
    }
    if policy.wait:
        strategy["backoff"] = {"duration": _duration(policy.wait)}
    return strategy


def deadline(policy: Policy) -> str | None:
    """Seconds after which Kubernetes ends a pod that should have ended itself; of each try, as Argo starts a pod for
    each.
    """
    return None if policy.timeout is None else str(policy.timeout + BACKSTOP)


def _duration(seconds: float) -> str:
    return f"{int(seconds)}s" if seconds == int(seconds) else f"{max(1, round(seconds * 1000))}ms"
