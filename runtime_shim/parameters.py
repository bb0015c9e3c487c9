"""A flow's parameters: what they may be, how a value is read from text or JSON, and the values of one run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.parameter_types import JSONType, from_json, from_text, name_of_type

__all__ = [
    "InvalidParameters",
    "JSONType",
    "Parameter",
    "ParameterContext",
    "attributes_of",
    "parameters_of",
    "resolve",
    "stored_input",
]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
RESERVED = frozenset(
    name
    for option in (
        *("params", "with", "tag", "tags", "namespace", "user-namespace", "obj", "decospecs", "run-id", "run-id-file"),
        *("task-id", "max-num-splits", "max-workers", "max-log-size", "runner-attribute-file"),
    )
    for name in (option, option.replace("-", "_"))
)
"""Names that the command line needs for itself, as in Metaflow."""


class InvalidParameters(Failure):
    """Parameters that are unknown, missing, or of a wrong type: all of a run's in one failure."""

    code = "R120"


class ParameterContext(NamedTuple):
    """What a default that is a function gets as its argument, evaluated when the flow is deployed or run."""

    flow_name: str
    user_name: str
    parameter_name: str


class Parameter:
    """A value given when a run starts, read-only in every step.

    ``name`` is what the command line and schedulers call it; the attribute it is assigned to is the artifact.
    ``type`` is one of ``str``, ``int``, ``float``, ``bool`` and :data:`JSONType`; left out, it follows from
    ``default``.  ``default`` may be a function of a :class:`ParameterContext`.  ``separator`` splits a string value
    into a list.  Without a default and not ``required``, the value is None.

    Nothing is refused here: :meth:`problems` says what is wrong, so that `check` can show it with the line.
    """

    def __init__(
        self,
        name: str,
        default: object = None,
        type: object = None,
        required: bool = False,
        help: str = "",
        show_default: bool = True,
        separator: str | None = None,
        **unknown: object,
    ) -> None:
        self.name = name
        self.default = default
        self.type = type
        self.has_default = default is not None
        self.required = bool(required) and not self.has_default
        self.required_in_vain = bool(required) and self.has_default
        self.help = help or ""
        self.show_default = show_default
        self.separator = separator
        self.attribute = ""
        self._unknown = tuple(unknown)

    def __set_name__(self, owner: type, name: str) -> None:
        self.attribute = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        return instance.__getattr__(self.attribute)

    def __set__(self, instance: object, value: object) -> None:
        raise AttributeError(f"the parameter `{self.attribute}` can't be assigned: parameters are read-only in steps")

    def __repr__(self) -> str:
        return f"Parameter({self.name!r}, type={self.type_name})"

    @property
    def is_deferred(self) -> bool:
        """Whether the default is a function, evaluated when the flow is deployed or run."""
        return callable(self.default)

    @property
    def type_name(self) -> str:
        """``str``, ``int``, ``float``, ``bool`` or ``json``."""
        return name_of_type(self.type, self.default) or "str"

    def problems(self) -> list[str]:
        """What is wrong with the definition, a sentence each; empty when it can be used."""
        found = []
        if not isinstance(self.name, str) or not _NAME.match(self.name):
            found.append(f"{self.name!r} cannot be the name of a parameter: use letters, digits, `_` and `-`")
        elif self.name in RESERVED:
            found.append(f"the name `{self.name}` is reserved: it is an option of Penstock's own")
        if self._unknown:
            found.append(f"parameter `{self.name}` has no setting {', '.join(f'`{name}`' for name in self._unknown)}")
        if self.type is not None and name_of_type(self.type, None) is None:
            found.append(f"parameter `{self.name}` has the type {self.type!r}: use str, int, float, bool or JSONType")
        if self.separator is not None and (not isinstance(self.separator, str) or not self.separator):
            found.append(f"the separator of parameter `{self.name}` is not a text of at least one character")
        elif self.separator and self.type_name != "str":
            found.append(f"parameter `{self.name}` has a separator, which only a string can have")
        if not found and self.has_default and not self.is_deferred:
            try:
                self.convert(self.default)
            except ValueError as error:
                found.append(f"the default of {error}")
        return found

    def convert(self, value: object) -> object:
        """The parameter's value from the text of a command line or from a JSON value.

        Text is read by the type (``"5"``, ``"true"``, JSON text for JSONType); other values must have it.  None stays
        None. Raises ValueError with a sentence about the parameter.
        """
        if value is None:
            return None
        kind = self.type_name
        if self.separator is not None and _is_text_list(value):
            return value
        try:
            return from_text(kind, value) if isinstance(value, str) else from_json(kind, value)
        except ValueError as error:
            raise ValueError(f"parameter `{self.name}` {error}") from None

    def stored(self, value: object) -> object:
        """A JSON-able form of a converted value which :meth:`convert` reads back as the same value."""
        return json.dumps(value) if self.type_name == "json" and isinstance(value, str) else value

    def final(self, value: object) -> object:
        """The value that steps see: text with a ``separator`` becomes a list."""
        return value.split(self.separator) if value and self.separator and isinstance(value, str) else value

    def deployed_default(self, context: ParameterContext) -> object:
        """The default as a JSON-able value; a function is called with ``context`` (its ``parameter_name`` filled in).

        Raises InvalidParameters where the function fails or gives a value of another type.
        """
        if not self.is_deferred:
            return None if self.default is None else self.stored(self.convert(self.default))
        function = cast(Callable[[ParameterContext], object], self.default)
        context = context._replace(parameter_name=self.name)
        try:
            value = function(context)
        except Exception as error:
            raise InvalidParameters(
                f"the default of parameter `{self.name}` could not be computed: {type(error).__name__}: {error}",
                help=f"the function `{getattr(function, '__name__', function)}` raised it",
            ) from error
        try:
            return self.stored(self.convert(value))
        except ValueError as error:
            raise InvalidParameters(f"the computed default of {error}") from error


def attributes_of(flow_class: type) -> dict[str, Parameter]:
    """The parameters of a flow by attribute, base classes first, in the order of their definition."""
    found: dict[str, Parameter] = {}
    for owner in reversed(flow_class.__mro__):
        for attribute, value in vars(owner).items():
            if isinstance(value, Parameter):
                found[attribute] = value
            else:
                found.pop(attribute, None)
    return found


def parameters_of(flow_class: type) -> dict[str, Parameter]:
    """The parameters of a flow by name, base classes first, in the order of their definition."""
    return {parameter.name: parameter for parameter in attributes_of(flow_class).values()}


def resolve(flow_class: type, given: Mapping[str, object], defaults: Mapping[str, object]) -> dict[str, object]:
    """Every parameter's value as steps see it, by name.

    ``given`` holds what the user gave, ``defaults`` the computed defaults of the deployed flow; both as text or JSON
    values. Names are compared without regard to case and to ``-`` or ``_``, as a command line does.  Raises
    InvalidParameters naming everything that is unknown, missing or of a wrong type.
    """
    parameters = parameters_of(flow_class)
    return {name: parameters[name].final(value) for name, value in _converted(flow_class, given, defaults).items()}


def stored_input(flow_class: type, given: Mapping[str, object], defaults: Mapping[str, object]) -> dict[str, object]:
    """Like :func:`resolve`, as JSON-able values: stored with a run, :func:`resolve` reads them back as the same
    values.
    """
    parameters = parameters_of(flow_class)
    return {name: parameters[name].stored(value) for name, value in _converted(flow_class, given, defaults).items()}


def _converted(flow_class: type, given: Mapping[str, object], defaults: Mapping[str, object]) -> dict[str, object]:
    parameters = parameters_of(flow_class)
    problems = [problem for parameter in parameters.values() for problem in parameter.problems()]
    by_plain_name = {_plain(name): name for name in parameters}
    values: dict[str, object] = {}
    for raw_name, value in given.items():
        name = by_plain_name.get(_plain(raw_name))
        if name is None:
            problems.append(f"the flow has no parameter `{raw_name}`")
        elif name in values:
            problems.append(f"parameter `{name}` is given twice")
        else:
            values[name] = value
    result: dict[str, object] = {}
    for name, parameter in parameters.items():
        if parameter.required and values.get(name) is None and not (name in values and parameter.type_name == "json"):
            problems.append(f"parameter `{name}` is required and has no value")
        elif not problems:
            result[name] = _value(flow_class, parameter, values, defaults, problems)
        elif name in values:
            _value(flow_class, parameter, values, defaults, problems)
    if problems:
        raise InvalidParameters("; ".join(problems), help=_known(parameters))
    return result


def _value(
    flow_class: type,
    parameter: Parameter,
    given: Mapping[str, object],
    defaults: Mapping[str, object],
    problems: list[str],
) -> object:
    name = parameter.name
    if name in given or name in defaults:
        raw = given[name] if name in given else defaults[name]
    elif parameter.is_deferred:
        from penstock.runtime_shim.identity import user_name

        raw = parameter.deployed_default(ParameterContext(flow_class.__name__, user_name(), name))
    else:
        raw = parameter.default
    try:
        return parameter.convert(raw)
    except ValueError as error:
        problems.append(str(error))
        return None


def _known(parameters: Mapping[str, Parameter]) -> str:
    if not parameters:
        return "the flow has no parameters"
    return "parameters: " + ", ".join(f"{name} ({parameter.type_name})" for name, parameter in parameters.items())


def _plain(name: str) -> str:
    return name.replace("-", "_").lower()


def _is_text_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
