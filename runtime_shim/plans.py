"""Finding the plan of a run: a file named by the environment, the one stored with the run, or the compiler."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from penstock.runtime_shim.datastore.protocol import Datastore, Missing
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.plan import PLAN_ENV, Plan
from penstock.runtime_shim.records import plan_key

if TYPE_CHECKING:
    from penstock.runtime_shim.flowspec import FlowSpec
    from penstock.runtime_shim.plan import PlannedStep

_files: dict[tuple[str, int, int], Plan] = {}
"""Plans read from files, by path, time and size: a prepared process reads its plan once, its children none."""


class UnusablePlan(Failure):
    """A plan that can't be read, or belongs to another flow."""

    code = "R128"


class UnknownStep(Failure):
    """A step that the flow does not have."""

    code = "R129"


def find_plan(flow_class: type[FlowSpec], store: Datastore, run: str) -> tuple[Plan, bool]:
    """The plan, and whether it is stored with the run.

    Raises UnusablePlan; what compiling a refused flow raises.
    """
    flow = flow_class.__name__
    file = os.environ.get(PLAN_ENV)
    if file:
        return _checked(read_plan_file(file), flow, file), False
    key = plan_key(flow, run)
    try:
        data = store.get(key)
    except Missing:
        from penstock.runtime_shim.hooks import compile_plan

        return compile_plan(flow_class), False
    return _checked(_parsed(data, store.location(key)), flow, store.location(key)), True


def read_plan_file(path: str) -> Plan:
    """The plan in a file; the same file is read once per process.

    Raises UnusablePlan.
    """
    try:
        status = os.stat(path)
        key = (path, status.st_mtime_ns, status.st_size)
        if key not in _files:
            with open(path, "rb") as file:
                _files[key] = _parsed(file.read(), path)
        return _files[key]
    except OSError as error:
        raise UnusablePlan(f"the plan {path!r} can't be read: {error.strerror}") from None


def planned_step(plan: Plan, flow_class: type[FlowSpec], name: str) -> PlannedStep:
    """The step ``name``.

    Raises UnknownStep where the plan or the class does not have it.
    """
    if name not in plan:
        raise UnknownStep(f"flow `{plan.flow}` has no step `{name}`", help=_near(name, plan.names))
    if not getattr(getattr(flow_class, name, None), "is_step", False):
        raise UnknownStep(
            f"flow `{plan.flow}` was compiled with a step `{name}` that its file does not have",
            help="compile the flow again after a change",
        )
    return plan[name]


def _near(name: str, names: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, names, 1)
    return (
        f"do you mean `{near[0]}`?" if near else f"its first steps are {', '.join(f'`{known}`' for known in names[:5])}"
    )


def _parsed(data: bytes, where: str) -> Plan:
    try:
        return Plan.from_json(data)
    except (ValueError, KeyError, TypeError) as error:
        raise UnusablePlan(
            f"the plan {where} can't be read: {error}", help="compile the flow again with this version of penstock"
        ) from None


def _checked(plan: Plan, flow: str, where: str) -> Plan:
    if plan.flow != flow:
        raise UnusablePlan(f"the plan {where} is one of the flow `{plan.flow}`, not of `{flow}`")
    return plan
