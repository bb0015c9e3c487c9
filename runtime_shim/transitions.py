"""What a step says by ``self.next(…)``, held against the plan."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.runtime_shim.failures import Failure

if TYPE_CHECKING:
    from penstock.runtime_shim.plan import PlannedStep


class InvalidNext(Failure):
    """A transition that is not the one the flow was compiled with."""

    code = "R122"


class NotIterable(Failure):
    """A foreach over something that is missing or can't be iterated over."""

    code = "R123"


class Taken(NamedTuple):
    """The transition a step took: its successors, the artifact a foreach runs over and its width.

    ``items`` is the list of a foreach over something that can't be indexed by position (a set, a dict), None otherwise.
    """

    next: tuple[str, ...]
    over: str | None = None
    splits: int | None = None
    items: list[object] | None = None


class NoSuchCase(Failure):
    """A switch whose condition has a value that no case is for."""

    code = "R133"


class Arguments(NamedTuple):
    """What a step gives ``self.next``: steps or one dict, and keywords."""

    targets: tuple[object, ...]
    foreach: object = None
    condition: object = None
    unknown: tuple[str, ...] = ()


def take(flow: Any, planned: PlannedStep, given: Arguments) -> Taken:
    """Read the arguments of ``self.next`` in the step ``planned`` of the flow object ``flow``.

    The plan is the truth: what differs from it can't be scheduled.  Raises InvalidNext, NotIterable, NoSuchCase.
    """
    step, targets, foreach = planned.name, given.targets, given.foreach
    if given.unknown:
        raise InvalidNext(f"step `{step}` gives self.next() the unknown argument `{given.unknown[0]}`")
    if len(targets) == 1 and isinstance(targets[0], dict):
        if foreach is not None:
            raise InvalidNext(f"step `{step}` gives self.next() a dict of cases and a foreach")
        return _switch(flow, planned, targets[0], given.condition)
    if given.condition is not None:
        raise InvalidNext(f"step `{step}` gives self.next() a condition, but no dict of cases")
    names = tuple(_step_name(step, number, target) for number, target in enumerate(targets, 1))
    if not names:
        raise InvalidNext(f"step `{step}` gives self.next() no step to go to")
    if planned.kind == "switch" and planned.condition is None and foreach is None:
        return _arm(planned, names)
    planned_over = planned.over if planned.kind == "foreach" else None
    if names != planned.next or foreach != planned_over:
        raise InvalidNext(
            f"step `{step}` takes the transition {_shown(names, foreach)}, but the flow was compiled with"
            f" {_planned(planned)}",
            help="a step has one self.next(), the same in every run: compile again after a change",
        )
    if planned_over is None:
        return Taken(names)
    return _open_foreach(flow, step, names, planned_over)


def _arm(planned: PlannedStep, names: tuple[str, ...]) -> Taken:
    """One arm of an `if` or `match`."""
    if len(names) != 1 or names[0] not in planned.next:
        raise InvalidNext(
            f"step `{planned.name}` takes the transition {_shown(names, None)}, but the flow was compiled with"
            f" {_planned(planned)}",
            help="compile again after a change",
        )
    return Taken(names)


def _switch(flow: Any, planned: PlannedStep, cases: dict[object, object], condition: object) -> Taken:
    step = planned.name
    names = {case: _step_name(step, number, target) for number, (case, target) in enumerate(cases.items(), 1)}
    shown = f"self.next({{{', '.join(f'{case!r}: self.{name}' for case, name in names.items())}}}, {condition=!r})"
    if (
        planned.kind != "switch"
        or condition != planned.condition
        or tuple(dict.fromkeys(names.values())) != planned.next
    ):
        raise InvalidNext(
            f"step `{step}` takes the transition {shown}, but the flow was compiled with {_planned(planned)}",
            help="a switch has the same cases in every run: compile again after a change",
        )
    try:
        value = getattr(flow, str(condition))
    except AttributeError:
        raise NoSuchCase(f"step `{step}` chooses by `self.{condition}`, which does not exist") from None
    try:
        return Taken((names[value],))
    except (KeyError, TypeError):
        known = ", ".join(map(repr, names))
        raise NoSuchCase(
            f"step `{step}` chooses by `self.{condition}`, which is {reprlib.repr(value)}: there is no such case",
            help=f"the cases are {known}",
        ) from None


def _open_foreach(flow: Any, step: str, names: tuple[str, ...], over: str) -> Taken:
    try:
        value = getattr(flow, over)
    except AttributeError:
        raise NotIterable(f"step `{step}` runs a foreach over `self.{over}`, which does not exist") from None
    if _has_positions(value):
        return Taken(names, over, len(value))
    try:
        iterator = iter(value)
    except TypeError:
        what = f"`self.{over}`, whose type `{type(value).__name__}` is not iterable"
        raise NotIterable(f"step `{step}` runs a foreach over {what}") from None
    items = list(iterator)
    if iterator is value:
        setattr(flow, over, items)  # an iterator is used up now, and could not be stored
        return Taken(names, over, len(items))
    return Taken(names, over, len(items), items)


def _has_positions(value: object) -> bool:
    """Whether ``value[i]`` is its i-th item: sequences and arrays, not sets, dicts or pandas' labelled series."""
    from collections.abc import Sequence

    if isinstance(value, Sequence):
        return True
    shape = getattr(value, "shape", None)
    return hasattr(value, "__array_interface__") and isinstance(shape, tuple) and len(shape) > 0


def _step_name(step: str, number: int, target: object) -> str:
    function = getattr(target, "__func__", None)
    if not getattr(function, "is_step", False):
        raise InvalidNext(f"argument {number} of self.next() in step `{step}` is not a step of the flow")
    return str(function.__name__)  # type: ignore[union-attr]  # is_step says that it is a function


def _planned(planned: PlannedStep) -> str:
    if planned.kind != "switch":
        return _shown(planned.next, planned.over if planned.kind == "foreach" else None)
    if planned.condition is None:
        return " or ".join(_shown((name,), None) for name in planned.next)
    cases = ", ".join(f"{case!r}: self.{name}" for case, name in planned.cases.items())
    return f"self.next({{{cases}}}, condition={planned.condition!r})"


def _shown(names: tuple[str, ...], over: object) -> str:
    arguments = [f"self.{name}" for name in names]
    if over is not None:
        arguments.append(f"foreach={over!r}")
    return f"self.next({', '.join(arguments)})" if arguments else "no self.next()"
