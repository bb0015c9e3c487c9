"""The structure of a state machine: its states, where they lead, retriers, catchers, and machines inside states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock.backends.step_functions.validation.problem import Problem
from penstock.backends.step_functions.validation.tasks import task_problems
from penstock.backends.step_functions.validation.templates import Scope, path_problems, template_problems

NAME_LENGTH = 80
_MACHINE_FIELDS = {"Comment", "StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage", "ProcessorConfig"}
_COMMON = {"Type", "Comment", "QueryLanguage", "InputPath", "OutputPath", "Assign"}
_FLOWING = _COMMON | {"Next", "End"}
_RESULT = {"ResultPath", "ResultSelector", "Parameters", "Retry", "Catch"}
_TIMEOUTS = {"TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"}
FIELDS: dict[str, set[str]] = {
    "Task": _FLOWING | _RESULT | _TIMEOUTS | {"Resource", "Credentials"},
    "Pass": _FLOWING | {"Result", "ResultPath", "Parameters"},
    "Choice": _COMMON | {"Choices", "Default"},
    "Wait": _FLOWING | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Succeed": _COMMON,
    "Fail": {"Type", "Comment", "QueryLanguage", "Error", "ErrorPath", "Cause", "CausePath"},
    "Parallel": _FLOWING | _RESULT | {"Branches"},
    "Map": _FLOWING
    | _RESULT
    | {"ItemProcessor", "Iterator", "ItemsPath", "ItemSelector", "MaxConcurrency", "MaxConcurrencyPath", "Label"}
    | {"ItemReader", "ItemBatcher", "ResultWriter", "ToleratedFailureCount", "ToleratedFailureCountPath"}
    | {"ToleratedFailurePercentage", "ToleratedFailurePercentagePath"},
}
"""The fields of each type of state."""
_ERROR_NAMES = """
ALL BranchFailed DataLimitExceeded ExceedToleratedFailureThreshold HeartbeatTimeout Http.Socket IntrinsicFailure
ItemReaderFailed NoChoiceMatched ParameterPathFailure Permissions QueryEvaluationError ResultPathMatchFailure
ResultWriterFailed Runtime TaskFailed Timeout
"""
_ERRORS = {f"States.{name}" for name in _ERROR_NAMES.split()}


def machine_problems(document: Any) -> list[Problem]:
    """Everything wrong with a parsed definition; machines inside states are walked without recursion."""
    found: list[Problem] = []
    names: dict[str, str] = {}
    pending: list[tuple[str, Any]] = [("", document)]
    while pending:
        where, machine = pending.pop()
        found.extend(_machine(where, machine, names))
        if isinstance(machine, dict) and isinstance(machine.get("States"), dict):
            for name, state in reversed(machine["States"].items()):
                pending.extend(reversed(list(_inner_machines(f"{where}States/{name}", state))))
    return found


def _inner_machines(where: str, state: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(state, dict):
        return
    if isinstance(state.get("Branches"), list):
        for index, branch in enumerate(state["Branches"]):
            yield f"{where}/Branches/{index}/", branch
    for field in ("ItemProcessor", "Iterator"):
        if field in state:
            yield f"{where}/{field}/", state[field]


def _machine(where: str, machine: Any, names: dict[str, str]) -> Iterator[Problem]:
    if not isinstance(machine, dict):
        yield Problem(where.rstrip("/"), "a state machine is a JSON object")
        return
    for field in machine.keys() - _MACHINE_FIELDS:
        yield Problem(where + field, "not a field of a state machine")
    if machine.get("QueryLanguage", "JSONPath") != "JSONPath":
        yield Problem(where + "QueryLanguage", "only JSONPath is checked here, and compiled")
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield Problem(where + "States", "an object with at least one state is needed")
        return
    if machine.get("StartAt") not in states:
        yield Problem(where + "StartAt", f"{machine.get('StartAt')!r} is not one of the states")
    for name, state in states.items():
        place = f"{where}States/{name}"
        if len(name) > NAME_LENGTH:
            yield Problem(place, f"the name has {len(name)} characters, {NAME_LENGTH} are allowed")
        if names.setdefault(name, place) != place:
            yield Problem(place, f"the name stands for another state too: {names[name]}")
        yield from _state(place, state, states)
    yield from _unreachable(where, machine.get("StartAt"), states)


def _unreachable(where: str, start: Any, states: dict[str, Any]) -> Iterator[Problem]:
    reached: set[str] = set()
    pending = [start]
    while pending:
        name = pending.pop()
        if isinstance(name, str) and name in states and name not in reached:
            reached.add(name)
            pending.extend(target for _, target in _targets(states[name]))
    for name in states:
        if name not in reached:
            yield Problem(f"{where}States/{name}", "no state leads here")


def _targets(state: Any) -> Iterator[tuple[str, Any]]:
    """Where a state may go on, with the field that says so."""
    if not isinstance(state, dict):
        return
    for field in ("Next", "Default"):
        if field in state:
            yield field, state[field]
    for field in ("Choices", "Catch"):
        entries = state.get(field)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict):
                yield f"{field}/{index}/Next", entry.get("Next")


def _state(where: str, state: Any, states: dict[str, Any]) -> Iterator[Problem]:
    kind = state.get("Type") if isinstance(state, dict) else None
    if not isinstance(kind, str) or kind not in FIELDS:
        yield Problem(f"{where}/Type", f"{kind!r} is no type of state")
        return
    for field in state:
        if field not in FIELDS[kind]:
            yield Problem(f"{where}/{field}", f"not a field of a {kind} state")
    if state.get("QueryLanguage", "JSONPath") != "JSONPath":
        yield Problem(f"{where}/QueryLanguage", "only JSONPath is checked here, and compiled")
    for field, target in _targets(state):
        if target not in states:
            yield Problem(f"{where}/{field}", f"{target!r} is not one of the states here")
    if "Next" in FIELDS[kind] and ("Next" in state) == (state.get("End") is True):
        yield Problem(where, 'either `Next` or `"End": true` is needed')
    yield from _retriers(where, state)
    yield from _paths(where, state)
    match kind:
        case "Task":
            yield from task_problems(where, state)
        case "Choice":
            yield from _choice(where, state)
        case "Map":
            yield from _map(where, state)
        case "Parallel":
            branches = state.get("Branches")
            if not isinstance(branches, list) or not branches:
                yield Problem(f"{where}/Branches", "a list with at least one branch is needed")
        case _:
            pass


def _paths(where: str, state: dict[str, Any]) -> Iterator[Problem]:
    for field in (
        "InputPath",
        "OutputPath",
        "ResultPath",
        "ItemsPath",
        "SecondsPath",
        "TimestampPath",
        "TimeoutSecondsPath",
    ):
        if state.get(field) is not None:
            yield from path_problems(
                f"{where}/{field}", state[field], Scope.RESULT if field == "ResultPath" else Scope.STATE
            )
    token = str(state.get("Resource", "")).endswith(".waitForTaskToken")
    of_map = state["Type"] == "Map" and "ItemSelector" not in state
    scope = Scope.WAITING_TASK if token else Scope.ITEM if of_map else Scope.STATE
    for field, seen in (("Parameters", scope), ("ResultSelector", Scope.STATE), ("ItemSelector", Scope.ITEM)):
        if field in state:
            yield from template_problems(f"{where}/{field}", state[field], seen)


def _choice(where: str, state: dict[str, Any]) -> Iterator[Problem]:
    rules = state.get("Choices")
    if not isinstance(rules, list) or not rules:
        yield Problem(f"{where}/Choices", "a list with at least one rule is needed")
        return
    pending = [(f"{where}/Choices/{index}", rule) for index, rule in enumerate(rules)]
    while pending:
        place, rule = pending.pop(0)
        rule = rule if isinstance(rule, dict) else {}
        nested = [(f"{place}/{name}", rule[name]) for name in ("And", "Or") if name in rule]
        pending += [(f"{spot}/{index}", each) for spot, several in nested for index, each in enumerate(several)]
        if "Not" in rule:
            pending.append((f"{place}/Not", rule["Not"]))
        elif not nested:
            comparisons = rule.keys() - {"Variable", "Next", "Comment", "Assign"}
            if len(comparisons) != 1:
                yield Problem(place, "a rule has exactly one comparison")
            yield from path_problems(f"{place}/Variable", rule.get("Variable"), Scope.STATE)


def _map(where: str, state: dict[str, Any]) -> Iterator[Problem]:
    processor = state.get("ItemProcessor", state.get("Iterator"))
    if ("ItemProcessor" in state) == ("Iterator" in state) or not isinstance(processor, dict):
        yield Problem(where, "a Map has one `ItemProcessor`")
        return
    settings = processor.get("ProcessorConfig", {})
    mode = settings.get("Mode", "INLINE")
    if mode not in ("INLINE", "DISTRIBUTED"):
        yield Problem(f"{where}/ItemProcessor/ProcessorConfig/Mode", f"{mode!r} is neither INLINE nor DISTRIBUTED")
    if mode == "DISTRIBUTED" and settings.get("ExecutionType") not in ("STANDARD", "EXPRESS"):
        yield Problem(f"{where}/ItemProcessor/ProcessorConfig", "a distributed Map needs an `ExecutionType`")
    if mode != "DISTRIBUTED":
        for field in (
            "ItemReader",
            "ItemBatcher",
            "ResultWriter",
            "ToleratedFailureCount",
            "ToleratedFailurePercentage",
            "Label",
        ):
            if field in state:
                yield Problem(f"{where}/{field}", "only a distributed Map has it")
    most = state.get("MaxConcurrency", 0)
    if not isinstance(most, int) or isinstance(most, bool) or most < 0:
        yield Problem(f"{where}/MaxConcurrency", "a number from 0 is needed")


def _retriers(where: str, state: dict[str, Any]) -> Iterator[Problem]:
    for field in ("Retry", "Catch"):
        entries = state.get(field, [])
        if not isinstance(entries, list):
            yield Problem(f"{where}/{field}", "a list is needed")
            continue
        for index, entry in enumerate(entries):
            place = f"{where}/{field}/{index}"
            errors = entry.get("ErrorEquals") if isinstance(entry, dict) else None
            if not isinstance(errors, list) or not errors:
                yield Problem(f"{place}/ErrorEquals", "a list with at least one error name is needed")
                continue
            for error in errors:
                if str(error).startswith("States.") and error not in _ERRORS:
                    yield Problem(f"{place}/ErrorEquals", f"{error!r} is no error of Step Functions")
            if "States.ALL" in errors and (len(errors) > 1 or index < len(entries) - 1):
                yield Problem(f"{place}/ErrorEquals", "`States.ALL` stands alone, and in the last entry")
            if field == "Retry":
                yield from _retry_numbers(place, entry)


def _retry_numbers(place: str, entry: dict[str, Any]) -> Iterator[Problem]:
    for name in entry.keys() - {
        "ErrorEquals",
        "Comment",
        "JitterStrategy",
        "IntervalSeconds",
        "MaxAttempts",
        "BackoffRate",
        "MaxDelaySeconds",
    }:
        yield Problem(f"{place}/{name}", "not a field of a retrier")
    for name, least in (("IntervalSeconds", 1), ("MaxAttempts", 0), ("BackoffRate", 1), ("MaxDelaySeconds", 1)):
        value = entry.get(name, least)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or value < least:
            yield Problem(f"{place}/{name}", f"a number from {least} is needed")
    if entry.get("JitterStrategy", "NONE") not in ("FULL", "NONE"):
        yield Problem(f"{place}/JitterStrategy", "either FULL or NONE")
