"""The decorators of steps and flows: one table, which the compiler, `--with` and the functions below share.

A decorator only notes its name and what it was given: on a step in ``function.decorators``, on a flow in
``cls._flow_decorators``.  The compiler judges it, the plan carries it to the runner.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

D = TypeVar("D", bound=Callable[..., Any])
C = TypeVar("C", bound=type)


class Attribute(NamedTuple):
    """``type`` is ``int``, ``float``, ``bool``, ``str``, ``names`` (a dict of strings by name), ``pairs`` (the same, or
    text like ``a=b,c=d``), ``sources`` (a list of names, or a dict of names to where their content goes) or ``list``.

    ``choices`` are the values it may have, where it may not have all.  A ``default`` of None means that the target
    decides.
    """

    name: str
    type: str
    default: object = None
    choices: tuple[str, ...] = ()

    def read(self, text: str) -> object:
        """The value that ``text`` means in ``--with name:key=text``.

        Raises ValueError, saying what it should be.
        """
        value = _read(self.type, text)
        self.check(value)
        return value

    def check(self, value: object) -> None:
        """Raise ValueError, saying what it should be, where ``value`` is of another type.

        Numbers may be given as text, as Metaflow takes them.
        """
        if value is None:
            return
        expected, what = _TYPES[self.type]
        if isinstance(value, str) and self.type in ("int", "float"):
            value = _read(self.type, value)
        if not isinstance(value, expected) or (isinstance(value, bool) and self.type != "bool"):
            raise ValueError(what)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("a finite number")
        if self.choices and value not in self.choices:
            raise ValueError("one of " + ", ".join(f'"{choice}"' for choice in self.choices))


class DecoratorKind(NamedTuple):
    """A decorator there is: for steps, or with ``on_flow`` for the class; ``summary`` is one sentence."""

    name: str
    attributes: tuple[Attribute, ...]
    summary: str
    on_flow: bool = False

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name, None where there is none."""
        return next((attribute for attribute in self.attributes if attribute.name == name), None)

    def complete(self, given: Mapping[str, object]) -> dict[str, object]:
        """All attributes: those given, numbers as numbers, and the defaults of those that are missing or None."""
        return {
            known.name: known.default if given.get(known.name) is None else _as_number(known.type, given[known.name])
            for known in self.attributes
        }


_RESOURCES = (
    Attribute("cpu", "float"),
    Attribute("gpu", "int"),
    Attribute("memory", "int"),
    Attribute("shared_memory", "int"),
)

DECORATORS: Mapping[str, DecoratorKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            DecoratorKind(
                "retry",
                (
                    Attribute("times", "int", 3),
                    Attribute("minutes_between_retries", "float", 2),
                    Attribute("on", "str", "any", ("any", "platform")),
                ),
                'Try a task that failed again; with on="platform" only where its own code was not what failed.',
            ),
            DecoratorKind(
                "catch",
                (Attribute("var", "str"), Attribute("print_exception", "bool", True)),
                "Go on when a task has failed at its last try, with its exception in the artifact `var`.",
            ),
            DecoratorKind(
                "timeout",
                (Attribute("seconds", "int", 0), Attribute("minutes", "int", 0), Attribute("hours", "int", 0)),
                "Fail a task whose code runs longer, and end the processes that it has started.",
            ),
            DecoratorKind(
                "environment",
                (Attribute("vars", "names", MappingProxyType({})),),
                "Set environment variables for the code of a step.",
            ),
            DecoratorKind(
                "global_environment",
                (Attribute("vars", "names", MappingProxyType({})),),
                "Set environment variables for the code of every step; @environment of a step wins.",
                on_flow=True,
            ),
            DecoratorKind(
                "resources",
                _RESOURCES,
                "What a task needs where the target gives each its own: CPUs, GPUs, memory in MB.",
            ),
            DecoratorKind(
                "batch",
                (
                    *_RESOURCES,
                    Attribute("image", "str"),
                    Attribute("queue", "str"),
                    Attribute("iam_role", "str"),
                    Attribute("execution_role", "str"),
                    Attribute("max_swap", "int"),
                    Attribute("swappiness", "int"),
                ),
                "Where and as what a task runs on AWS Batch; its resources count before those of @resources.",
            ),
            DecoratorKind(
                "kubernetes",
                (
                    *_RESOURCES,
                    Attribute("disk", "int"),
                    Attribute("gpu_vendor", "str"),
                    Attribute("image", "str"),
                    Attribute("image_pull_policy", "str", None, ("Always", "IfNotPresent", "Never")),
                    Attribute("image_pull_secrets", "list"),
                    Attribute("secrets", "sources"),
                    Attribute("config_maps", "sources"),
                    Attribute("persistent_volume_claims", "names"),
                    Attribute("node_selector", "pairs"),
                    Attribute("tolerations", "list"),
                    Attribute("labels", "pairs"),
                    Attribute("annotations", "names"),
                    Attribute("service_account", "str"),
                    Attribute("namespace", "str"),
                ),
                "Where and as what a task runs on Kubernetes; its resources count before those of @resources.",
            ),
            DecoratorKind(
                "schedule",
                (
                    Attribute("cron", "str"),
                    Attribute("weekly", "bool", False),
                    Attribute("daily", "bool", True),
                    Attribute("hourly", "bool", False),
                    Attribute("timezone", "str"),
                ),
                "When a deployed flow starts by itself.",
                on_flow=True,
            ),
        )
    }
)
"""Every decorator by name."""
ALIASES: Mapping[str, str] = MappingProxyType({"kube": "kubernetes"})
"""Other names of decorators."""

MAX_ATTEMPTS = 6
"""Tries of a task in all: the first, retries, and those of the fallback, as in Metaflow."""
FALLBACK_TRIES = 3
"""Tries that @catch adds after the last retry, without the user's code, for a task that was killed each time."""
FLOW_DECORATORS = "_flow_decorators"
"""The class attribute that holds what a flow was decorated with: a list of ``(name, attributes)``."""
UNNAMED = "*"
"""The attribute under which a decorator notes what it was given without a name, which no decorator takes."""


def _step_decorator(name: str) -> Callable[..., Any]:
    def note(marked: D, attributes: Mapping[str, object]) -> D:
        noted: Any = marked
        if "decorators" not in vars(noted):
            noted.decorators = []
        noted.decorators.append((name, attributes))
        return marked

    return _described(_noting(note), name)


def _flow_decorator(name: str) -> Callable[..., Any]:
    def note(marked: C, attributes: Mapping[str, object]) -> C:
        # A list of its own: what stands on a subclass is nothing of its base's.
        setattr(marked, FLOW_DECORATORS, [*getattr(marked, FLOW_DECORATORS, ()), (name, attributes)])
        return marked

    return _described(_noting(note), name)


def _noting(note: Callable[[Any, Mapping[str, object]], Any]) -> Callable[..., Any]:
    """A decorator that may stand alone or be given attributes.

    Values without a name are noted too: the compiler refuses them with the user's line, and the file can be imported.
    """

    def decorate(*given: object, **attributes: object) -> Any:
        if len(given) == 1 and callable(given[0]):
            return note(given[0], attributes)
        if given:
            attributes = {UNNAMED: given[0], **attributes}
        return lambda marked: note(marked, attributes)

    return decorate


def _described(decorate: Callable[..., Any], name: str) -> Callable[..., Any]:
    kind = DECORATORS[name]
    defaults = (f"{known.name}={known.default!r}" for known in kind.attributes if known.type != "names")
    decorate.__name__ = decorate.__qualname__ = name
    decorate.__doc__ = (
        f"{kind.summary}\n\n    Attributes with their defaults: {', '.join(defaults) or 'vars={}'}.\n    "
    )
    return decorate


retry = _step_decorator("retry")
catch = _step_decorator("catch")
timeout = _step_decorator("timeout")
environment = _step_decorator("environment")
resources = _step_decorator("resources")
batch = _step_decorator("batch")
kubernetes = _step_decorator("kubernetes")
kube = kubernetes
global_environment = _flow_decorator("global_environment")
schedule = _flow_decorator("schedule")

_TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = MappingProxyType(
    {
        "int": (int, "a whole number"),
        "float": ((int, float), "a number"),
        "bool": (bool, "True or False"),
        "str": (str, "a string"),
        "names": (Mapping, "a dict of strings"),
        "pairs": ((Mapping, str), 'a dict of strings, or text like "a=b,c=d"'),
        "sources": ((Mapping, list, tuple), "a list of names, or a dict of names"),
        "list": ((list, tuple), "a list"),
    }
)


def _read(type_name: str, text: str) -> object:
    what = _TYPES[type_name][1]
    try:
        match type_name:
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "bool":
                return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
            case "names" | "list" | "sources":
                return json.loads(text)
            case "pairs" if text.startswith("{"):
                return json.loads(text)
            case _:
                return text
    except (ValueError, KeyError):
        raise ValueError(what) from None


def _as_number(type_name: str, value: object) -> object:
    return _read(type_name, value) if isinstance(value, str) and type_name in ("int", "float") else value


def pairs_of(text: str) -> dict[str, str] | None:
    """What a text like ``a=b,c=d`` means; None where it means nothing."""
    found = {}
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            return None
        found[key.strip()] = value.strip()
    return found
