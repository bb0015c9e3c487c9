"""Who starts a container: how each scheduler says what to run, what it wants to know, and who tries again.

A module each, chosen by PENSTOCK_TARGET; AWS Batch where nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from penstock.runtime_shim.jobs import NotInContainer

if TYPE_CHECKING:
    from penstock.runtime_shim.jobs import Job, Tried
    from penstock.runtime_shim.policy import Policy

TARGET_ENV = "PENSTOCK_TARGET"
"""Environment variable with the name of the target that the flow was compiled for."""


class Platform(Protocol):
    """One container of one scheduler; all of it runs in the parent of the process that runs the step."""

    image_key: str
    """The configuration key of the containers' image, for advice."""

    @property
    def job(self) -> Job:
        """The task."""
        ...

    def run(self, attempt: Callable[[Job], Tried], policy: Policy) -> int:
        """Try the step as often as it is tried inside of this container; the exit code of the last try.

        Raises Failure.
        """
        ...

    def finish(self, code: int) -> None:
        """Tell the scheduler what it wants to know, however the step ended."""
        ...


def platform_of(env: Mapping[str, str], argv: Sequence[str]) -> Platform:
    """The platform of this container; ``argv`` are the arguments after the program.

    Raises NotInContainer, InvalidName.
    """
    target = env.get(TARGET_ENV, "step-functions")
    if target not in _PLATFORMS:
        raise NotInContainer(f"{TARGET_ENV} is {target!r}: this penstock knows {', '.join(_PLATFORMS)}")
    return _PLATFORMS[target](env, argv)


def _batch(env: Mapping[str, str], _argv: Sequence[str]) -> Platform:
    from penstock.runtime_shim.platforms.batch import Batch

    return Batch(env)


def _kubeflow(env: Mapping[str, str], argv: Sequence[str]) -> Platform:
    from penstock.runtime_shim.platforms.kubeflow import Kubeflow

    return Kubeflow(env, argv)


def _argo(env: Mapping[str, str], _argv: Sequence[str]) -> Platform:
    from penstock.runtime_shim.platforms.argo import Argo

    return Argo(env)


_PLATFORMS: Mapping[str, Callable[[Mapping[str, str], Sequence[str]], Platform]] = {
    "step-functions": _batch,
    "kfp": _kubeflow,
    "argo-workflows": _argo,
}
