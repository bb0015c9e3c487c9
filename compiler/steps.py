"""What the user wrote, step by step: the values a flow's graph is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from penstock.compiler.spans import Span


@dataclass(frozen=True, slots=True)
class Goto:
    """``self.next(self.a)``."""

    target: str


@dataclass(frozen=True, slots=True)
class Split:
    """``self.next(self.a, self.b)``: every target runs."""

    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Foreach:
    """``self.next(self.a, foreach="xs")``: the target runs once per item of the artifact ``over``."""

    target: str
    over: str


@dataclass(frozen=True, slots=True)
class Switch:
    """``self.next({"a": self.x, …}, condition="v")``: one target runs, chosen by the artifact ``condition``.

    ``cases`` are (value, target) in declaration order.  ``condition`` is None for an ``if`` or ``match`` whose arms
    each end in a ``self.next``; the value of a case is then what stands before the arm in the source.
    """

    cases: tuple[tuple[str, str], ...]
    condition: str | None


@dataclass(frozen=True, slots=True)
class Stop:
    """No ``self.next``: the flow is over."""


Transition = Goto | Split | Foreach | Switch | Stop


def targets(transition: Transition) -> tuple[str, ...]:
    """The distinct successors, in declaration order."""
    match transition:
        case Goto(target=target) | Foreach(target=target):
            return (target,)
        case Split(targets=several):
            return tuple(dict.fromkeys(several))
        case Switch(cases=cases):
            return tuple(dict.fromkeys(target for _, target in cases))
        case Stop():
            return ()


@dataclass(frozen=True, slots=True)
class Decorator:
    """``@name(key=value, …)`` with literal values; ``span`` is None when it came from ``--with``."""

    name: str
    attributes: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: ``span`` is its ``def`` line, ``exit_span`` its ``self.next(…)`` (its last line where there is
    none)."""

    name: str
    transition: Transition
    is_join: bool
    span: Span
    exit_span: Span
    decorators: tuple[Decorator, ...] = ()
    doc: str = ""


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """A flow's parameter as targets need it: ``type`` is ``str``, ``int``, ``float``, ``bool`` or ``json``.

    ``default`` is the JSON-able value, None where there is none or where it is computed when deployed
    (``deferred``).
    """

    name: str
    type: str
    required: bool
    default: object = None
    deferred: bool = False
    help: str = ""
    span: Span | None = None
