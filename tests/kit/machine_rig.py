"""State machines written by hand, run on the rehearsal's engine: `rig.run({...})` gives how the execution ended."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.backends.step_functions.rehearsal.engine import ACCOUNT, QUEUE, Engine
from penstock.backends.step_functions.rehearsal.messages import Event, ExecutionEnded, JobEnded, JobStarted

ROLE = f"arn:aws:iam::{ACCOUNT}:role/test"
BUCKET = "penstock-test-rig"
SUBMIT = "arn:aws:states:::batch:submitJob.sync"
_SECONDS = 120
_names = itertools.count()


@dataclass(frozen=True)
class Ended:
    """How an execution ended."""

    arn: str
    status: str
    output: Any
    error: str | None
    cause: str | None


class Rig:
    """One engine and what its tests need; jobs are of ``image``, where the engine starts images."""

    def __init__(self, engine: Engine, image: str = "python:3") -> None:
        self.engine = engine
        self.image = image
        self.events: list[Event] = []
        self._changed = threading.Condition()
        engine.listen(self._note)
        engine.client("s3").create_bucket(Bucket=BUCKET)

    def _note(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait_for(self, wanted: Any) -> Any:
        """The first event for which ``wanted`` holds."""
        with self._changed:
            found = self._changed.wait_for(lambda: next((e for e in self.events if wanted(e)), None), _SECONDS)
        if found is None:
            raise self.engine.failed("sent no such event")
        return found

    def job_definition(self, script: str, **more: Any) -> str:
        """A definition whose jobs run ``python -c script``; its name."""
        return self.command(["python", "-c", script], **more)

    def command(self, command: Sequence[str], properties: Mapping[str, Any] | None = None, **more: Any) -> str:
        """A definition whose jobs run ``command``, with further ``properties`` of its container; its name."""
        name = f"rig-{next(_names)}"
        container = {
            "image": self.image,
            "command": list(command),
            "environment": [{"name": "FROM", "value": "definition"}],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "1024"}],
            **(properties or {}),
        }
        self.engine.client("batch").register_job_definition(
            jobDefinitionName=name, type="container", containerProperties=container, **more
        )
        return name

    def start(self, machine: Mapping[str, Any], given: Any = None, **more: Any) -> str:
        """Create the machine and start it; the execution's ARN."""
        client = self.engine.client("stepfunctions")
        created = client.create_state_machine(name=f"rig-{next(_names)}", definition=json.dumps(machine), roleArn=ROLE)
        started = client.start_execution(
            stateMachineArn=created["stateMachineArn"], input=json.dumps({} if given is None else given), **more
        )
        return str(started["executionArn"])

    def ended(self, arn: str) -> Ended:
        """Wait for an execution."""
        event = self.wait_for(lambda each: isinstance(each, ExecutionEnded) and each.execution == arn)
        described = self.engine.client("stepfunctions").describe_execution(executionArn=arn)
        output = json.loads(described["output"]) if "output" in described else None
        return Ended(arn, event.status, output, event.error, event.cause)

    def run(self, machine: Mapping[str, Any], given: Any = None, **more: Any) -> Ended:
        """Create, start and wait."""
        return self.ended(self.start(machine, given, **more))

    def run_states(self, states: Mapping[str, Any], given: Any = None) -> Ended:
        """Run a machine that starts at the first of these states."""
        return self.run({"StartAt": next(iter(states)), "States": states}, given)

    def run_job(self, definition: str, parameters: Mapping[str, Any] | None = None, **state: Any) -> Ended:
        """Run a machine of one job."""
        return self.run_states({"job": self.task(definition, parameters, End=True, **state)})

    def task(self, definition: str, parameters: Mapping[str, Any] | None = None, **state: Any) -> dict[str, Any]:
        """A state that submits a job and waits for it."""
        given = {"JobName": "rig", "JobDefinition": definition, "JobQueue": QUEUE, **(parameters or {})}
        return {"Type": "Task", "Resource": SUBMIT, "Parameters": given, **state}

    def attempts(self, name: str) -> list[JobEnded]:
        """The attempts of jobs of this name that ended, in order."""
        return [each for each in self.events if isinstance(each, JobEnded) and each.name == name]

    def started(self, name: str) -> JobStarted:
        """Wait until a job of this name runs."""
        event: JobStarted = self.wait_for(lambda each: isinstance(each, JobStarted) and each.name == name)
        return event

    def log(self, event: JobEnded | JobStarted) -> str:
        """What an attempt wrote."""
        return Path(event.log).read_text(encoding="utf-8")

    def get(self, key: str) -> str:
        """An object of the rig's bucket."""
        body: bytes = self.engine.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body.decode()

    def put(self, key: str, text: str) -> None:
        """Store an object in the rig's bucket."""
        self.engine.client("s3").put_object(Bucket=BUCKET, Key=key, Body=text.encode())


def is_running(pid: int) -> bool:
    """Whether the process does anything; a dead one that nobody has asked about does not."""
    try:
        return not Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].startswith(" Z")
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int, seconds: float = 20) -> bool:
    """Whether the process ends in time."""
    end = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_running(pid)
