"""Tries inside of one container, and the account of them that outlives it."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, NamedTuple

from penstock.runtime_shim.datastore.protocol import Missing
from penstock.runtime_shim.records import tries_key

if TYPE_CHECKING:
    from types import FrameType

    from penstock.runtime_shim.datastore.protocol import Datastore
    from penstock.runtime_shim.jobs import Job


class Account(NamedTuple):
    """How far a task is: ``number`` of the try that is under way or comes next, from 0; ``pods`` that have begun; and
    the exit ``code`` once it has failed for good.
    """

    pods: int
    number: int = 0
    code: int | None = None

    def at(self, number: int) -> Account:
        """This account when try ``number`` begins."""
        return self._replace(number=number)

    def failed(self, code: int) -> Account:
        """This account of a task that is not tried again."""
        return self._replace(code=code)

    def another_pod(self, tries: int) -> Account:
        """This account when one more pod begins, the last one having been lost in the midst of its try; it has failed
        for good where there are ``tries`` in all, and that was the last.
        """
        number = self.number + 1
        lost = self._replace(pods=self.pods + 1)
        if self.code is None and number >= tries:
            return lost.failed(_LOST)
        return lost.at(number)


_LOST = 137
"""The exit code of a container that was killed."""


def read_account(job: Job) -> Account | None:
    """The account of a task, None where there is none that can be read.

    Raises StorageFailure.
    """
    try:
        document = json.loads(_store(job).get(_key(job)))
        code = document["code"]
        return Account(int(document["pods"]), int(document["number"]), None if code is None else int(code))
    except (Missing, ValueError, KeyError, TypeError):
        return None


def write_account(job: Job, account: Account) -> None:
    """Store the account of a task.

    Raises StorageFailure.
    """
    _store(job).put(_key(job), json.dumps(account._asdict()).encode())


def wait(seconds: float) -> None:
    """Wait before the next try; raises SystemExit at once where the container is to end."""
    if not seconds:
        return
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        time.sleep(seconds)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _key(job: Job) -> str:
    return tries_key(job.flow, job.run, job.step, job.path.task_id)


def _store(job: Job) -> Datastore:
    from penstock.runtime_shim.configuration import Configuration
    from penstock.runtime_shim.datastore.opening import open_datastore

    return open_datastore("s3", job.root, Configuration.load())
