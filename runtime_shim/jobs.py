"""What a container is to run, however its scheduler says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.paths import Path, checked_name

CODE_URL_ENV = "PENSTOCK_CODE_URL"
"""Environment variable with the URL of the flow file, where it is fetched from there and not from a code package."""


class NotInContainer(Failure):
    """What a container is told does not say which step to run."""

    code = "R194"


class Job(NamedTuple):
    """One task, as its scheduler names it; ``tries`` is how often it was tried before."""

    flow: str
    run: str
    step: str
    path: Path
    root: str
    entry: tuple[str, ...]
    tries: int
    tags: tuple[str, ...]
    namespace: str
    image: str
    max_retries: int

    @property
    def arguments(self) -> list[str]:
        """The command line after the flow file."""
        argv = ["--quiet", "--datastore=s3", f"--datastore-root={self.root}", "step", self.step, f"--run-id={self.run}"]
        argv += [f"--split-path={self.path}", f"--retry-count={self.tries}"]
        argv += [f"--max-user-code-retries={self.max_retries}", *(f"--tag={tag}" for tag in self.tags)]
        return [*argv, f"--namespace={self.namespace}"] if self.namespace else argv


class Tried(NamedTuple):
    """How a try ended: ``code`` is 128 + N where signal N ended it; ``stopped`` says that the scheduler ended it."""

    code: int
    stopped: bool = False


def read_job(env: Mapping[str, str], run: str, step: str, path: str, tries: int = 0) -> Job:
    """The job of a task that is told apart; what all tasks of a flow share is in the environment.

    Raises NotInContainer, InvalidName.
    """
    try:
        entry, tags = json.loads(env["PENSTOCK_ENTRY"]), json.loads(env.get("PENSTOCK_TAGS", "[]"))
        return Job(
            flow=checked_name(env["PENSTOCK_FLOW"], "flow"),
            run=checked_name(run, "run id"),
            step=checked_name(step, "step"),
            path=Path.parse(path),
            root=env["PENSTOCK_ROOT"],
            entry=tuple(map(str, entry)),
            tries=tries,
            tags=tuple(map(str, tags)),
            namespace=env.get("PENSTOCK_NAMESPACE", ""),
            image=env.get("PENSTOCK_IMAGE", ""),
            max_retries=int(env.get("PENSTOCK_MAX_USER_CODE_RETRIES", "0")),
        )
    except KeyError as error:
        raise _unset(error.args[0]) from None
    except (ValueError, TypeError) as error:
        raise NotInContainer(f"the environment describes no job: {error}") from None


def variable(env: Mapping[str, str], name: str) -> str:
    """A variable that must be there.

    Raises NotInContainer.
    """
    try:
        return env[name]
    except KeyError:
        raise _unset(name) from None


def number(env: Mapping[str, str], name: str, default: int) -> int:
    """A variable that holds a number.

    Raises NotInContainer.
    """
    text = env.get(name, str(default))
    try:
        return int(text)
    except ValueError:
        raise NotInContainer(f"the environment describes no job: {name} is {text!r}, which is no number") from None


def _unset(name: str) -> NotInContainer:
    message = f"the environment variable {name} is not set"
    return NotInContainer(message, help="a job is started by a compiled flow, not by hand")
