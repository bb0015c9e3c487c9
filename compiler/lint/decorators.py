"""Rules about decorators, of steps, of the flow and of `--with`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from keyword import iskeyword
from types import MappingProxyType
from typing import Any

from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.frontend.written import WrittenDecorator, WrittenFlow
from penstock.compiler.lint.spelling import did_you_mean, listed
from penstock.runtime_shim.decorators import DECORATORS, MAX_ATTEMPTS, UNNAMED, pairs_of

_MOST_RETRIES = MAX_ATTEMPTS - 2
"""As in Metaflow: one try comes before the retries, and one is left for @catch."""
_MOST = 2_000_000_000
"""Seconds, MB and the like: no scheduler counts further, and a time limit gets some seconds on top."""


def known(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P160: a decorator that would have no effect is refused, on a step and in `--with`."""
    for decorator, label in _all(flow):
        if decorator.name not in DECORATORS:
            yield Diagnostic(
                "P160",
                f"there is no decorator `{decorator.name}`",
                label,
                help=did_you_mean(decorator.name, DECORATORS) or f"there are {listed(DECORATORS)}",
            )


def attributes_are_known(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P161: a decorator is given what it takes."""
    for decorator, label in _all(flow):
        kind = DECORATORS.get(decorator.name)
        names = [attribute.name for attribute in kind.attributes] if kind else []
        for name, value in decorator.attributes.items() if kind else ():
            if name == UNNAMED:
                yield Diagnostic(
                    "P161",
                    f"`@{decorator.name}` takes its values by name",
                    label,
                    help=f"write `@{decorator.name}({names[0]}={_shown(value)})`, if that is what it is",
                )
            elif name not in names:
                yield Diagnostic(
                    "P161",
                    f"`@{decorator.name}` takes no `{name}`",
                    _at(decorator, name, label),
                    help=did_you_mean(name, names) or f"it takes {listed(names)}",
                )


def values_have_their_type(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P162: what a decorator is given is of the type that it takes."""
    for decorator, label in _all(flow):
        kind = DECORATORS.get(decorator.name)
        for name, value in decorator.attributes.items():
            attribute = kind.attribute(name) if kind else None
            try:
                if attribute is not None:
                    attribute.check(value)
            except ValueError as error:
                yield Diagnostic(
                    "P162",
                    f"`{name}` of `@{decorator.name}` cannot be {_shown(value)}",
                    _at(decorator, name, label),
                    help=f"it is {error}",
                )


def only_once(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P163: of two decorators of one name, which would count?"""
    for holder in (flow.decorators, flow.added, *(step.decorators for step in flow.steps.values())):
        seen: dict[str, WrittenDecorator] = {}
        for decorator in holder:
            first = seen.setdefault(decorator.name, decorator)
            if first is not decorator and decorator.name in DECORATORS:
                yield Diagnostic(
                    "P163",
                    f"`@{decorator.name}` is there twice",
                    Label(decorator.span) if decorator.span else None,
                    (Label(first.span, "the first one"),) if first.span else (),
                    help="keep one of them",
                )


def values_make_sense(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P164: numbers are in their range, names are names, and a time limit is longer than nothing."""
    for decorator, label in _all(flow):
        judge = _JUDGES.get(decorator.name)
        if judge is None or not _readable(decorator):
            continue
        for name, problem in judge(DECORATORS[decorator.name].complete(decorator.attributes)):
            yield Diagnostic("P164", problem, _at(decorator, name, label), help=_HELP[decorator.name])


def caught_has_a_free_name(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P164: what the class has already would hide the exception that @catch stores, or be hidden by it."""
    for decorator, label in _all(flow):
        var = decorator.attributes.get("var")
        if decorator.name == "catch" and isinstance(var, str) and var in flow.class_attributes:
            yield Diagnostic(
                "P164",
                f"`{var}` cannot be the name of an artifact: the flow's class has an attribute of that name",
                _at(decorator, "var", label),
                help=_HELP["catch"],
            )


def stands_where_it_belongs(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P166: a step's decorator stands on a step, a flow's on the class."""
    of_steps = [decorator for step in flow.steps.values() for decorator in step.decorators]
    for on_flow, decorators in ((True, flow.decorators), (False, [*of_steps, *flow.added])):
        for decorator in decorators:
            kind = DECORATORS.get(decorator.name)
            if kind is not None and kind.on_flow is not on_flow:
                yield Diagnostic(
                    "P166",
                    f"`@{decorator.name}` is a decorator of {'the flow' if kind.on_flow else 'steps'}",
                    Label(decorator.span) if decorator.span else None,
                    help="put it before the class" if kind.on_flow else "put it before `def`, or use `--with`",
                )


def added_is_readable(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P167: `--with` has the form ``name:key=value,key=value``."""
    for decorator in flow.added:
        if decorator.malformed:
            yield Diagnostic(
                "P167",
                f"`--with {decorator.text}` cannot be read: `{decorator.malformed}` is not `key=value`",
                help=f"write `--with {decorator.name}:key=value,key=value`",
            )


def _all(flow: WrittenFlow) -> Iterator[tuple[WrittenDecorator, Label | None]]:
    """Every decorator with its place; what `--with` adds has none."""
    for decorator in flow.decorators:
        yield decorator, Label(decorator.span or flow.span)
    for step in flow.steps.values():
        for decorator in step.decorators:
            yield decorator, Label(decorator.span or step.span)
    for decorator in flow.added:
        yield decorator, None


def _at(decorator: WrittenDecorator, name: str, label: Label | None) -> Label | None:
    place = decorator.places.get(name)
    return Label(place) if place else label


def _readable(decorator: WrittenDecorator) -> bool:
    """Whether other rules find nothing in it."""
    kind = DECORATORS[decorator.name]
    for name, value in decorator.attributes.items():
        attribute = kind.attribute(name)
        if attribute is None:
            return False
        try:
            attribute.check(value)
        except ValueError:
            return False
    return True


_Problems = Iterator[tuple[str, str]]
"""The attribute that is wrong, and what is."""


def _retry(values: Mapping[str, Any]) -> _Problems:
    if not 0 <= values["times"] <= _MOST_RETRIES:
        yield "times", f"a step cannot be retried {_shown(values['times'])} times"
    if values["minutes_between_retries"] < 0:
        yield "minutes_between_retries", "the time between retries is less than nothing"
    if values["minutes_between_retries"] * 60 > _MOST:
        yield "minutes_between_retries", f"the time between retries is longer than {_MOST:,} seconds"


def _catch(values: Mapping[str, Any]) -> _Problems:
    var = values["var"]
    if var is not None and (not var.isidentifier() or iskeyword(var) or var.startswith("_")):
        yield "var", f"`{var}` cannot be the name of an artifact"


def _timeout(values: Mapping[str, Any]) -> _Problems:
    seconds = {name: values[name] * unit for name, unit in (("seconds", 1), ("minutes", 60), ("hours", 3600))}
    below = next((name for name, value in seconds.items() if value < 0), None)
    if below or not any(seconds.values()):
        yield below or "seconds", "the time limit of the step is not longer than nothing"
    if sum(seconds.values()) > _MOST:
        yield max(seconds, key=seconds.__getitem__), f"the time limit of the step is longer than {_MOST:,} seconds"


def _variables(values: Mapping[str, Any]) -> _Problems:
    for name, value in values["vars"].items():
        if not _is_settable(name) or not name or "=" in name:
            yield "vars", f"an environment variable cannot have the name {_shown(name)}"
        elif not _is_settable(value):
            yield "vars", f"the environment variable {_shown(name)} cannot be {_shown(value)}"


def _is_settable(text: object) -> bool:
    """Whether a system's environment can hold it: text without NUL and without half a character."""
    return isinstance(text, str) and not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text)


def _kubernetes(values: Mapping[str, Any]) -> _Problems:
    yield from _amounts(values)
    for name in ("persistent_volume_claims", "node_selector", "labels", "annotations"):
        value = values[name]
        pairs = pairs_of(value) if isinstance(value, str) else value
        if (pairs is None and value) or any(
            not isinstance(text, str) for pair in (pairs or {}).items() for text in pair
        ):
            yield name, f"`{name}` cannot be {_shown(value)}"
    for name, type_of_each in (("image_pull_secrets", str), ("tolerations", Mapping)):
        if not all(isinstance(each, type_of_each) for each in values[name] or ()):
            yield name, f"`{name}` cannot be {_shown(values[name])}"
    for name in ("secrets", "config_maps"):
        value = values[name] or ()
        if not all(isinstance(each, str) for each in value) or not (
            not isinstance(value, Mapping) or all(map(_is_destination, value.values()))
        ):
            yield name, f"`{name}` cannot be {_shown(value)}"


def _is_destination(value: object) -> bool:
    """A folder, or the names of variables by key."""
    if isinstance(value, Mapping):
        return bool(value) and all(isinstance(text, str) and text for pair in value.items() for text in pair)
    return isinstance(value, str) and value.startswith("/")


def _amounts(values: Mapping[str, Any]) -> _Problems:
    for name in ("cpu", "gpu", "memory", "shared_memory", "max_swap", "swappiness", "disk"):
        value = values.get(name)
        most = 100 if name == "swappiness" else _MOST
        if value is not None and (not 0 <= value <= most or (value == 0 and name in ("cpu", "memory"))):
            yield name, f"`{name}` cannot be {_shown(value)}"


_JUDGES: Mapping[str, Callable[[Mapping[str, Any]], _Problems]] = MappingProxyType(
    {
        "retry": _retry,
        "catch": _catch,
        "timeout": _timeout,
        "environment": _variables,
        "global_environment": _variables,
        "resources": _amounts,
        "batch": _amounts,
        "kubernetes": _kubernetes,
    }
)
_HELP: Mapping[str, str] = MappingProxyType(
    {
        "retry": f"`times` is 0 to {_MOST_RETRIES}, `minutes_between_retries` 0 or more",
        "catch": "`var` is a name such as `failure`: the artifact that holds the exception",
        "timeout": "give `seconds`, `minutes` or `hours`, whole numbers of which none is below 0",
        "environment": "`vars` is a dict of strings by name",
        "global_environment": "`vars` is a dict of strings by name",
        "resources": "CPUs and MB of memory are more than 0",
        "batch": "CPUs and MB of memory are more than 0, `swappiness` is 0 to 100",
        "kubernetes": 'like `memory=4096`, `labels={"team": "growth"}`, `secrets={"db": {"password": "DB_PASSWORD"}}`, '
        '`config_maps={"settings": "/etc/settings"}`',
    }
)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
