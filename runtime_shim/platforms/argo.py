"""Argo Workflows: the environment says what to run, outputs are files, and Argo tries again by itself.

A value in an environment variable passes through Argo's substitution and Kubernetes' own: what either would alter is
written encoded (:data:`~penstock.runtime_shim.argo_names.ENCODED`), and read here.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from penstock.runtime_shim.argo_names import (
    ARGUMENTS_ENV,
    ENCODED,
    NEXT,
    OUTPUTS_ENV,
    PATH,
    RUN_PREFIX,
    SPLITS,
    TRY_ENV,
)
from penstock.runtime_shim.initialize import PARAMETERS_ENV
from penstock.runtime_shim.jobs import Job, NotInContainer, Tried, number, read_job, variable
from penstock.runtime_shim.paths import Frame, Path
from penstock.runtime_shim.records import RECORD_FILE_ENV, Record, read_record_file

if TYPE_CHECKING:
    from penstock.runtime_shim.policy import Policy


class Argo:
    """A container of a pod: PENSTOCK_STEP and _PATH come from the task, _RUN is the workflow's name."""

    image_key = "METAFLOW_KUBERNETES_CONTAINER_IMAGE"

    def __init__(self, env: Mapping[str, str]) -> None:
        run, step, path = (variable(env, f"PENSTOCK_{name}") for name in ("RUN", "STEP", "PATH"))
        self.job = read_job(env, RUN_PREFIX + run, step, path, number(env, TRY_ENV, 0))
        self._folder = env.get(OUTPUTS_ENV)
        self._record_file = os.path.join(tempfile.mkdtemp(prefix="penstock-"), "record")
        os.environ[RECORD_FILE_ENV] = self._record_file
        if ARGUMENTS_ENV in env:
            os.environ[PARAMETERS_ENV] = json.dumps(_parameters(env[ARGUMENTS_ENV]))

    def run(self, attempt: Callable[[Job], Tried], policy: Policy) -> int:
        """One try, and what :meth:`~penstock.runtime_shim.policy.Policy.at_once` adds to it."""
        return policy.at_once(self.job.tries, lambda tries: self._try(attempt, tries, policy))

    def _try(self, attempt: Callable[[Job], Tried], tries: int, policy: Policy) -> int:
        return attempt(self.job._replace(tries=tries, max_retries=policy.retries)).code

    def finish(self, code: int) -> None:
        """Write every output that a template may declare; those of a step that failed mean nothing."""
        if self._folder is None:
            return
        record = read_record_file(self._record_file) if code == 0 else None
        os.makedirs(self._folder, exist_ok=True)
        for name, text in outputs_of(record).items():
            with open(os.path.join(self._folder, name), "w", encoding="utf-8") as output:
                output.write(text)


def outputs_of(record: Record | None) -> dict[str, str]:
    """Everything that a template may declare, as the record of the task says it; without one, what means nothing."""
    if record is None:
        return {SPLITS: "0", NEXT: "", PATH: ""}
    return {
        SPLITS: str(record.splits or 0),
        NEXT: record.next[0] if record.next else "",
        PATH: str(_entering(record.path)),
    }


def _entering(path: Path) -> Path:
    """A path without the first turns at its end: a task that begins a loop completes it, and one that the same arm of a
    switch has behind the loop must not have them.
    """
    frames = path.frames
    while frames and frames[-1] == Frame(0, turn=True):
        frames = frames[:-1]
    return Path(frames)


def _parameters(text: str) -> dict[str, Any]:
    """The values of the flow's parameters: texts as they would be typed, and what stands for itself as JSON.

    Raises NotInContainer.
    """
    try:
        given = [each for each in json.loads(text) or () if each.get("value", ENCODED) != ENCODED]
        return {str(each["name"]): _decoded(each["value"]) for each in given}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotInContainer(
            f"the parameters of the workflow cannot be read: {type(error).__name__}: {error}",
            help=f"a value with control characters is given as {ENCODED} and JSON in ASCII",
        ) from None


def _decoded(value: str) -> Any:
    return json.loads(value[len(ENCODED) :]) if value.startswith(ENCODED) else value
