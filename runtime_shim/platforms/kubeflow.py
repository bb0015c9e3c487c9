"""Kubeflow Pipelines: the launcher's executor input says what to run, and takes outputs as files.

The backend tries nothing again inside of loops, knows no exit codes, and has no wait of its own between tries of a
step: so the tries happen here, in one container.  What the backend starts again outside of loops is a pod that was
lost; the account of tries, kept beside the run, makes it go on where the last one was.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock.runtime_shim.initialize import LARGEST_INTEGER_ENV, PARAMETERS_ENV
from penstock.runtime_shim.jobs import Job, NotInContainer, Tried, read_job
from penstock.runtime_shim.kubeflow_names import NEXT, PARAMETER, PATH, RUN, SPLITS, STEP
from penstock.runtime_shim.platforms.tries import Account, read_account, wait, write_account
from penstock.runtime_shim.records import RECORD_FILE_ENV, read_record_file

if TYPE_CHECKING:
    from penstock.runtime_shim.policy import Policy
    from penstock.runtime_shim.records import Record

RUN_PREFIX = "kfp-"
RETRY_INDEX_ENV = "KFP_RETRY_INDEX"
"""Environment variable with the number of the pod, from 0: where there is a retry policy, from backend 2.16.1 on."""
LARGEST_INTEGER = 2**53
"""Parameters are doubles on their way: whole numbers beyond may have become others."""


class Kubeflow:
    """A container of a pipeline's task; its one argument is the executor input as JSON."""

    image_key = "METAFLOW_KUBERNETES_CONTAINER_IMAGE"

    def __init__(self, env: Mapping[str, str], argv: Sequence[str]) -> None:
        values, self._files = _read(argv)
        for name in (RUN, STEP, PATH):
            if not isinstance(values.get(name), str):
                raise NotInContainer(f"the executor input has no text for `{name}`")
        self.job = read_job(env, RUN_PREFIX + values[RUN], values[STEP], values[PATH])
        self._pod = env.get(RETRY_INDEX_ENV)
        self._record_file = os.path.join(tempfile.mkdtemp(prefix="penstock-"), "record")
        os.environ[RECORD_FILE_ENV] = self._record_file
        given = {name[len(PARAMETER) :]: value for name, value in values.items() if name.startswith(PARAMETER)}
        os.environ[PARAMETERS_ENV] = json.dumps(given)
        os.environ[LARGEST_INTEGER_ENV] = str(LARGEST_INTEGER)

    def run(self, attempt: Callable[[Job], Tried], policy: Policy) -> int:
        """Every try that the step has, with the waits between them.

        Raises StorageFailure.
        """
        job = self.job._replace(max_retries=policy.retries)
        # What runs in a loop is started once: no account is needed.
        account = self._account(job, policy) if policy.tries > 1 and not job.path.frames else None
        if account is not None and account.code is not None:
            sys.stderr.write(f"step `{job.step}` has failed for good before: exit code {account.code}\n")
            return account.code
        number: int | None = 0 if account is None else account.number
        code = 0
        while number is not None:
            if account is not None:
                account = account.at(number)
                write_account(job, account)
            tried = attempt(job._replace(tries=number))
            code = tried.code
            if tried.stopped:
                return code
            number = policy.next_try(number, code)
            if number is not None and number <= policy.retries:
                wait(policy.wait)
        if account is not None and code:
            write_account(job, account.failed(code))
        return code

    def finish(self, code: int) -> None:
        """Write every output that is declared: empty ones where the step failed."""
        texts = outputs_of(read_record_file(self._record_file) if code == 0 else None)
        for name, file in self._files.items():
            os.makedirs(os.path.dirname(file) or ".", exist_ok=True)
            with open(file, "w", encoding="utf-8") as output:
                output.write(texts.get(name, ""))

    def _account(self, job: Job, policy: Policy) -> Account:
        """The account of this task's pods, with this one in it."""
        before = None if self._pod == "0" else read_account(job)
        # Without an index, a pod after the last one that the backend starts again is somebody's who runs it anew.
        if before is None or (self._pod is None and before.pods >= policy.tries):
            return Account(pods=1)
        account = before.another_pod(policy.tries)
        if account.code is not None:
            write_account(job, account)
        return account


def outputs_of(record: Record | None) -> dict[str, str]:
    """What a task puts out, by name; empty values for one that has no record."""
    if record is None:
        return {SPLITS: "[]", NEXT: ""}
    splits = [f"{record.path}/{split}" for split in range(record.splits or 0)]
    return {SPLITS: json.dumps(splits), NEXT: record.next[0] if record.next else ""}


def _read(argv: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The inputs, and the files of the outputs, by name."""
    if len(argv) != 1:
        raise NotInContainer(f"the container got {len(argv)} arguments, where the executor input belongs")
    try:
        message = json.loads(argv[0])
        outputs = message.get("outputs", {}).get("parameters", {})
        files = {name: str(output["outputFile"]) for name, output in outputs.items()}
        return dict(message["inputs"].get("parameterValues", {})), files
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotInContainer(f"the executor input cannot be read: {type(error).__name__}: {error}") from None
