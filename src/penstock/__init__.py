"""Penstock: a flow carried to somebody else's scheduler.

The names a flow file imports are loaded when they are first used, so that ``import penstock`` costs a few milliseconds
and a container that runs one step never loads the Client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.runtime_shim.client import (
        DataArtifact,
        Flow,
        Metaflow,
        Run,
        Step,
        Task,
        default_namespace,
        get_namespace,
        namespace,
    )
    from penstock.runtime_shim.current import current
    from penstock.runtime_shim.decorators import (
        batch,
        catch,
        environment,
        global_environment,
        kube,
        kubernetes,
        resources,
        retry,
        schedule,
        timeout,
    )
    from penstock.runtime_shim.flowspec import FlowSpec, step
    from penstock.runtime_shim.parameters import JSONType, Parameter

__version__ = "0.1.0"

__all__ = [
    "DataArtifact",
    "Flow",
    "FlowSpec",
    "JSONType",
    "Metaflow",
    "Parameter",
    "Run",
    "Step",
    "Task",
    "__version__",
    "batch",
    "catch",
    "current",
    "default_namespace",
    "environment",
    "get_namespace",
    "global_environment",
    "kube",
    "kubernetes",
    "namespace",
    "resources",
    "retry",
    "schedule",
    "step",
    "timeout",
]

_HOMES = {
    "FlowSpec": "flowspec",
    "step": "flowspec",
    "Parameter": "parameters",
    "JSONType": "parameters",
    "current": "current",
    **dict.fromkeys(
        (
            *("batch", "catch", "environment", "global_environment", "kube", "kubernetes"),
            *("resources", "retry", "schedule", "timeout"),
        ),
        "decorators",
    ),
} | dict.fromkeys(
    (
        "DataArtifact",
        "Flow",
        "Metaflow",
        "Run",
        "Step",
        "Task",
        "default_namespace",
        "get_namespace",
        "namespace",
    ),
    "client",
)


def __getattr__(name: str) -> Any:
    """Load a public name from where it lives, once."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    # By our own full name, not __name__: `python -m penstock` also lists this module as `metaflow`.
    value = getattr(import_module(f"penstock.runtime_shim.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
