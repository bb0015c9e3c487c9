"""`step`: one task, from its parents' artifacts to its own."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from penstock.runtime_shim.commit import Ending
from penstock.runtime_shim.current import current
from penstock.runtime_shim.descent import descend
from penstock.runtime_shim.execution import Try, execute
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.initialize import ensure_initialized, open_session, store_plan
from penstock.runtime_shim.options import Options, UsageError, texts
from penstock.runtime_shim.paths import Path, PathSpec, checked_name, parse_pathspec
from penstock.runtime_shim.place import Place, by_inputs, by_path, is_first
from penstock.runtime_shim.plans import find_plan, planned_step
from penstock.runtime_shim.task_logs import tell_attempt

if TYPE_CHECKING:
    from penstock.runtime_shim.flowspec import FlowSpec
    from penstock.runtime_shim.initialize import Session
    from penstock.runtime_shim.plan import Plan, PlannedStep


class StepCommand(NamedTuple):
    """The arguments of `step`, checked: either ``path``, or ``task`` with ``inputs`` and ``split_index`` (Metaflow's
    manual form).
    """

    run: str
    path: Path | None
    task: str
    inputs: tuple[PathSpec, ...]
    split_index: int | None
    retry_count: int
    max_user_code_retries: int
    namespace: str | None
    tags: tuple[str, ...]
    clone_only: PathSpec | None
    origin_run: str | None


def run_step(flow_class: type[FlowSpec], options: Options, step: str, values: Mapping[str, object]) -> int:
    """Run one task and return the exit code: 0, or 1 where the user's code failed.

    A task that is done already stores its record again and is not run.  Raises Failure.
    """
    command = read_command(values)
    session = open_session(flow_class, options)
    name = f"{flow_class.__name__}/{command.run}/{checked_name(step, 'step')}/{command.task}"
    try:
        return _run_step(session, command, step)
    except Failure as failure:
        raise failure.inside(name) from failure.__cause__


def _run_step(session: Session, command: StepCommand, step: str) -> int:
    plan, stored = find_plan(session.flow_class, session.store, command.run)
    planned = planned_step(plan, session.flow_class, step)
    if command.path is not None and is_first(plan, planned, command.path):
        if not stored:
            store_plan(session, command.run, plan)
        ensure_initialized(session, command.run, plan, command.tags)
    if command.clone_only is not None:
        from penstock.runtime_shim.cloning import clone

        return clone(session, plan, planned, command)
    place = _place(session, plan, planned, command)
    writer = session.tasks.begin(command.run, step, place.task, path=place.path, asked=command.path)
    if writer.already_done is not None:
        writer.rewrite()
        record = writer.already_done.record
        _announce(command, record.splits if record else None)
        return 0
    tell_attempt(place.task, writer.attempt)
    scope = descend(session.flow_class, plan, planned, place)
    _enter(session, command, step, place.task)
    try:
        ending = Ending(session.flow_class, plan, planned, command.run, place, scope, writer)
        code, taken = execute(ending, Try(command.retry_count, command.max_user_code_retries))
    finally:
        current.leave()
    _announce(command, taken.splits if taken else None)
    return code


def _place(session: Session, plan: Plan, planned: PlannedStep, command: StepCommand) -> Place:
    if command.path is not None:
        return by_path(session.tasks, plan, planned, command.run, command.path)
    return by_inputs(session.tasks, plan, planned, command.run, command.task, command.inputs, command.split_index)


def _enter(session: Session, command: StepCommand, step: str, task: str) -> None:
    from penstock.runtime_shim.identity import default_namespace, user_name
    from penstock.runtime_shim.parameters import attributes_of

    configured = session.configuration.get("METAFLOW_USER")
    current.enter(
        flow_name=session.flow_class.__name__,
        run_id=command.run,
        step_name=step,
        task_id=task,
        retry_count=command.retry_count,
        origin_run_id=command.origin_run,
        namespace=command.namespace or default_namespace(configured=configured),
        username=user_name(configured=configured),
        tags=frozenset(command.tags),
        parameter_names=list(attributes_of(session.flow_class)),
    )


def _announce(command: StepCommand, splits: int | None) -> None:
    """Tell whoever runs the steps by hand how many times the next one runs."""
    if command.path is None and splits is not None:
        sys.stdout.write(f"foreach-numsplits:  {splits}\n")


def read_command(values: Mapping[str, object]) -> StepCommand:
    """Check the arguments of `step`.

    Raises UsageError, InvalidName.
    """
    run = values.get("run_id")
    if run is None:
        raise UsageError("step: --run-id is required")
    clone_only = _origin(values.get("clone_only"))
    path, task, inputs = _address(values, clone_only is not None)
    return StepCommand(
        run=checked_name(str(run), "run id"),
        path=path,
        task=task,
        inputs=inputs,
        split_index=_count(values, "split_index", None),
        retry_count=_count(values, "retry_count", 0) or 0,
        max_user_code_retries=_count(values, "max_user_code_retries", 0) or 0,
        namespace=None if values.get("namespace") is None else str(values["namespace"]),
        tags=texts(values.get("tags")),
        clone_only=clone_only,
        origin_run=None if values.get("clone_run_id") is None else checked_name(str(values["clone_run_id"]), "run id"),
    )


def _address(values: Mapping[str, object], cloned: bool) -> tuple[Path | None, str, tuple[PathSpec, ...]]:
    manual = [field for field in ("task_id", "input_paths", "input_paths_filename", "split_index") if field in values]
    if "split_path" in values:
        if manual:
            raise UsageError(f"step: --split-path and --{manual[0].replace('_', '-')} exclude each other")
        path = Path.parse(str(values["split_path"]))
        return path, path.task_id, ()
    if "task_id" not in values:
        raise UsageError("step: give --split-path, or --task-id with --input-paths")
    task = checked_name(str(values["task_id"]), "task id")
    if cloned:
        return None, task, ()
    return None, task, tuple(_input_paths(values))


def _input_paths(values: Mapping[str, object]) -> Iterable[PathSpec]:
    from penstock.runtime_shim.input_paths import read_input_paths

    text, filename = values.get("input_paths"), values.get("input_paths_filename")
    return read_input_paths(None if text is None else str(text), None if filename is None else str(filename))


def _origin(text: object) -> PathSpec | None:
    if text is None:
        return None
    spec = parse_pathspec(str(text))
    if spec.task is None:
        raise UsageError(f"step: --clone-only takes run/step/task, not {text!r}")
    return spec


def _count(values: Mapping[str, object], field: str, default: int | None) -> int | None:
    text = values.get(field)
    if text is None:
        return default
    if not str(text).isdecimal() or len(str(text)) > 18:
        raise UsageError(f"step: --{field.replace('_', '-')} takes a number from 0 on, not {text!r}")
    return int(str(text))
