"""A state machine with all that belongs to it, described for a comparison.

A job definition is named by its content, and everything in it stands behind that name: so a state is described with
the content, and a step says itself that its image or its memory changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.backends.differences import Description, flattened, text_of
from penstock.backends.step_functions.aws_tags import FLOW_TAG, KEYS_TAG, SCHEDULE_TAG
from penstock.backends.step_functions.comparing.code import CodeFiles
from penstock.backends.step_functions.execution_logs import OFF
from penstock.backends.step_functions.lowering import JOB_DEFINITIONS, STATE_MACHINE
from penstock.backends.step_functions.schedules import SCHEDULE

if TYPE_CHECKING:
    from penstock.backends.protocol import Bundle

PACKAGE_VARIABLE = "PENSTOCK_PACKAGE"
MACHINE = "state machine"
_OWN_FILES = "penstock/"
_OWN_TAGS = (FLOW_TAG, SCHEDULE_TAG, KEYS_TAG)
_PLAIN_NAMES = {
    "Parameters.JobQueue": "queue",
    "Parameters.JobName": "job name",
    "Parameters.RetryStrategy.Attempts": "attempts",
    "Parameters.Timeout.AttemptDurationSeconds": "timeout",
    "MaxConcurrency": "max workers",
    "Next": "next",
    "StartAt": "starts at",
    "TimeoutSeconds": "time limit",
    "Type": "type",
    "Comment": "comment",
}
"""What people call fields of the state language; the others keep their ways."""


@dataclass(frozen=True)
class Parts:
    """What belongs to a deployed flow, or to one that could be: ``schedule`` as CreateSchedule takes it, ``code`` None
    where it can't be read.
    """

    definition: Mapping[str, Any]
    job_definitions: Mapping[str, Mapping[str, Any]]
    role: str
    logging: Mapping[str, Any]
    tags: Mapping[str, str]
    schedule: Mapping[str, Any] | None = None
    code: CodeFiles | None = None

    @property
    def package(self) -> str:
        """The sha of the code package; of several, should there be such, all."""
        shas = {_variables(each).get(PACKAGE_VARIABLE, "") for each in self.job_definitions.values()}
        return ", ".join(sorted(shas - {""}))


def describe(parts: Parts) -> Description:
    """The parts by sort: the machine itself, its states, what starts it, its parameters, its code."""
    schedule = {} if parts.schedule is None else {str(parts.schedule["Name"]): _schedule(parts.schedule)}
    described: dict[str, Mapping[str, Mapping[str, str]]] = {
        MACHINE: {"": _machine(parts)},
        "state": dict(_states(parts)),
        "schedule": schedule,
    }
    if parts.code is not None:
        described["parameter"] = {name: {"declared": text} for name, text in parts.code.parameters.items()}
        described["code file"] = dict(_code_files(parts.code.files))
    described["code package"] = {"": {"sha1": parts.package}} if parts.package else {}
    return described


def _code_files(files: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The files of the user by name.  Those of Penstock itself are one thing: another version of it is one change."""
    own = {name: sha for name, sha in files.items() if name.startswith(_OWN_FILES)}
    for name, sha in files.items():
        if name not in own:
            yield name, {"sha1": sha}
    if own:
        yield (
            f"{_OWN_FILES}…",
            {"sha1": hashlib.sha1(json.dumps(own, sort_keys=True).encode(), usedforsecurity=False).hexdigest()},
        )


def describe_bundle(bundle: Bundle) -> Description:
    """The files of a lowering, which know neither role nor tags nor the content of the code package.

    Raises ValueError where they are none.
    """
    try:
        definitions = json.loads(bundle.files[JOB_DEFINITIONS])
        parts = Parts(
            definition=json.loads(bundle.files[STATE_MACHINE]),
            job_definitions={each["jobDefinitionName"]: each for each in definitions},
            role="",
            logging={},
            tags={},
            schedule=json.loads(bundle.files[SCHEDULE]) if SCHEDULE in bundle.files else None,
        )
        return describe(parts)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no state machine of Penstock's: {type(error).__name__}: {error}") from error


def _machine(parts: Parts) -> dict[str, str]:
    fields = dict(_named({key: value for key, value in parts.definition.items() if key != "States"}))
    fields["role"] = parts.role
    if parts.logging.get("level", OFF) != OFF:
        fields.update(flattened(parts.logging, "logs"))
    for key, value in sorted(parts.tags.items()):
        if key not in _OWN_TAGS:
            fields[f"tag {key}"] = value
    return fields


def _states(parts: Parts) -> Iterator[tuple[str, dict[str, str]]]:
    """Every state with its way through those around it, in the order of the document; iterative."""
    jobs = {name: dict(_job(definition)) for name, definition in parts.job_definitions.items()}
    pending: list[tuple[str, str, Mapping[str, Any]]] = [
        ("", name, state) for name, state in reversed(parts.definition["States"].items())
    ]
    while pending:
        around, name, state = pending.pop()
        path = f"{around} / {name}" if around else name
        yield path, _state(state, jobs)
        for label, machine in reversed(list(_inside(state))):
            inside = f"{path}{label}"
            pending += [(inside, inner, each) for inner, each in reversed(machine["States"].items())]


def _inside(state: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The machines in a state, each with what is added to the state's name: branches have no names but their starts."""
    for branch in state.get("Branches", ()):
        yield f" [{branch['StartAt']}]", branch
    if "ItemProcessor" in state:
        yield "", state["ItemProcessor"]


def _state(state: Mapping[str, Any], jobs: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    plain = {key: value for key, value in state.items() if key not in ("Branches", "ItemProcessor", "End", "Choices")}
    plain.setdefault("Next", "(end)" if state["Type"] != "Choice" else None)
    fields = dict(_named({key: value for key, value in plain.items() if value is not None or key != "Next"}))
    name = fields.pop("Parameters.JobDefinition", None)
    if name is not None:
        fields.update(jobs.get(name, {"job definition": name}))
    for rule in state.get("Choices", ()):
        fields[f"case {rule.get('StringEquals', text_of(rule))}"] = str(rule.get("Next", ""))
    for index, (_, machine) in enumerate(_inside(state)):
        fields[f"starts at [{index}]" if "Branches" in state else "starts at"] = machine["StartAt"]
        fields.update(_named(machine.get("ProcessorConfig", {})))
    return fields


def _named(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields of a state, variables of its job by their names."""
    variables: list[Mapping[str, str]] = []
    parameters = document.get("Parameters")
    if isinstance(parameters, Mapping) and "ContainerOverrides" in parameters:
        overrides = dict(parameters["ContainerOverrides"])
        variables = overrides.pop("Environment", [])
        document = {**document, "Parameters": {**parameters, "ContainerOverrides": overrides}}
    for path, text in flattened(document):
        yield _PLAIN_NAMES.get(path, path), text
    for variable in variables:
        yield f"variable {variable['Name']}", variable.get("Value", variable.get("Value.$", ""))


def _job(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a job definition says, whatever AWS adds to it when it answers."""
    properties = definition["containerProperties"]
    yield "image", properties["image"]
    units = {"VCPU": "vCPUs", "MEMORY": "memory (MiB)", "GPU": "GPUs"}
    for each in sorted(properties.get("resourceRequirements", ()), key=lambda each: str(each["type"])):
        yield units.get(each["type"], each["type"]), each["value"]
    yield "job role", properties.get("jobRoleArn", "")
    if properties.get("executionRoleArn"):
        yield "execution role", properties["executionRoleArn"]
    for name, value in sorted((properties.get("linuxParameters") or {}).items()):
        if value not in ([], None):
            yield name, text_of(value)
    for name, value in sorted(_variables(definition).items()):
        if name not in (PACKAGE_VARIABLE, "PENSTOCK_IMAGE"):
            yield f"variable {name}", value
    yield "command", text_of(properties["command"])
    for key, value in sorted((definition.get("tags") or {}).items()):
        yield f"job tag {key}", value


def _variables(definition: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in definition["containerProperties"].get("environment", ())}


def _schedule(schedule: Mapping[str, Any]) -> dict[str, str]:
    target = schedule["Target"]
    given = json.loads(target.get("Input") or "{}")
    return {
        "expression": str(schedule["ScheduleExpression"]),
        "time zone": str(schedule.get("ScheduleExpressionTimezone", "UTC")),
        "state": str(schedule.get("State", "ENABLED")),
        "role": str(target["RoleArn"]),
        "input": text_of(given),
    }
