"""Task states: the resource, and its parameters held against botocore's own model of the service."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from penstock.backends.step_functions.validation.problem import Problem

_RESOURCE = re.compile(
    r"arn:aws[a-z-]*:states:[a-z0-9-]*:\d*:(?P<sdk>aws-sdk:)?(?P<service>[A-Za-z0-9]+):(?P<action>[A-Za-z0-9]+)"
    r"(?P<pattern>\.sync(?::2)?|\.waitForTaskToken)?\Z"
)
_OTHER = re.compile(r"arn:aws[a-z-]*:(?:lambda|states):[a-z0-9-]+:\d{12}:(?:function|activity):[^:]+\Z")
_BOTOCORE_NAMES = {"states": "stepfunctions", "sfn": "stepfunctions", "cloudwatchlogs": "logs", "eventbridge": "events"}
_PATTERNS = {
    "batch": {"", ".sync", ".waitForTaskToken"},
    "dynamodb": {""},
    "states": {"", ".sync", ".sync:2", ".waitForTaskToken"},
    "sns": {"", ".waitForTaskToken"},
    "sqs": {"", ".waitForTaskToken"},
    "events": {"", ".waitForTaskToken"},
    "ecs": {"", ".sync", ".waitForTaskToken"},
}
_SDK_PATTERNS = {"", ".waitForTaskToken"}


def task_problems(where: str, state: dict[str, Any]) -> Iterator[Problem]:
    """What is wrong with a Task state's resource and parameters."""
    resource = state.get("Resource")
    if isinstance(resource, str) and _OTHER.match(resource):
        return
    match = _RESOURCE.match(resource) if isinstance(resource, str) else None
    if match is None:
        yield Problem(f"{where}/Resource", f"{resource!r} is no resource of a task")
        return
    service, action, pattern = match["service"], match["action"], match["pattern"] or ""
    patterns = _SDK_PATTERNS if match["sdk"] else _PATTERNS.get(service, {"", ".sync", ".waitForTaskToken"})
    if pattern not in patterns:
        yield Problem(f"{where}/Resource", f"{service} has no `{pattern}`")
    operation = _operation(service, action)
    if operation is None:
        yield Problem(f"{where}/Resource", f"{service} has no operation {action!r}")
        return
    if not action[0].islower():
        yield Problem(f"{where}/Resource", f"an operation begins with a small letter: {action!r}")
    given = state.get("Parameters", {})
    if operation.input_shape is not None:
        yield from _fields(f"{where}/Parameters", given, operation.input_shape)


@functools.cache
def _models() -> Any:
    import botocore.session

    return botocore.session.Session()


@functools.cache
def _operation(service: str, action: str) -> Any:
    from botocore.exceptions import DataNotFoundError, UnknownServiceError

    try:
        model = _models().get_service_model(_BOTOCORE_NAMES.get(service, service))
    except (UnknownServiceError, DataNotFoundError):
        return None
    name = action[:1].upper() + action[1:]
    return model.operation_model(name) if name in model.operation_names else None


def _fields(where: str, value: Any, shape: Any) -> Iterator[Problem]:
    """Problems of a value against a botocore shape; names are written with a capital, dynamic values are taken on
    trust.
    """
    pending: list[tuple[str, Any, Any]] = [(where, value, shape)]
    while pending:
        place, each, kind = pending.pop()
        match kind.type_name:
            case "structure" if isinstance(each, dict):
                yield from _structure(place, each, kind)
                members = {_capital(name): member for name, member in kind.members.items()}
                pending += [
                    (f"{place}/{name}", inner, members[name]) for name, inner in each.items() if name in members
                ]
            case "list" if isinstance(each, list):
                pending += [(f"{place}/{index}", inner, kind.member) for index, inner in enumerate(each)]
            case "map" if isinstance(each, dict):
                pending += [(f"{place}/{name}", inner, kind.value) for name, inner in each.items() if name[-2:] != ".$"]
            case "structure" | "list" | "map" as wanted:
                yield Problem(place, f"a {wanted} is needed, not {each!r}")
            case "blob":
                pass
            case _:
                yield from _scalar(place, each, kind)


def _structure(place: str, value: dict[str, Any], shape: Any) -> Iterator[Problem]:
    members = {_capital(name) for name in shape.members}
    names = {name.removesuffix(".$") for name in value}
    for name in sorted(names - members):
        yield Problem(f"{place}/{name}", f"not a field of {shape.name}")
    for name in sorted({_capital(each) for each in shape.required_members} - names):
        yield Problem(place, f"the field {name} is missing")


def _scalar(place: str, value: Any, shape: Any) -> Iterator[Problem]:
    from botocore.validate import ParamValidator

    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        yield Problem(place, str(report.generate_report()))
    choices = getattr(shape, "enum", None)
    if choices and isinstance(value, str) and value not in choices:
        yield Problem(place, f"{value!r} is none of {', '.join(choices)}")


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
