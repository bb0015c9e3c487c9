"""What stands in the user's file, before anybody judges it.

These values hold right and wrong flows alike: the lint rules look at them, and only a flow that passes becomes a
program. Nothing here knows Python's ``ast``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from penstock.compiler.spans import Span
from penstock.runtime_shim.parameters import Parameter


@dataclass(frozen=True, slots=True)
class Target:
    """One target of a ``self.next``: ``step`` is the name in ``self.<name>``, None where it is anything else.

    ``text`` is the source, shortened to one line.
    """

    step: str | None
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Case:
    """``key: self.step`` in a switch; ``key`` is the text of ``value``, both None where it is not a literal."""

    key: str | None
    target: Target
    span: Span
    value: str | float | None = None


@dataclass(frozen=True, slots=True)
class Keyword:
    """``name=value`` in a ``self.next``; ``name`` is None for ``**something``, ``text`` None where the value is no
    string literal."""

    name: str | None
    text: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class NextCall:
    """A ``self.next(…)``; ``cases`` is None unless its one argument is a dict."""

    targets: tuple[Target, ...]
    cases: tuple[Case, ...] | None
    keywords: tuple[Keyword, ...]
    span: Span

    def keyword(self, name: str) -> Keyword | None:
        """The keyword of that name, if it is there."""
        return next((keyword for keyword in self.keywords if keyword.name == name), None)


@dataclass(frozen=True, slots=True)
class WrittenArm:
    """An arm of the ``if`` or ``match`` that a step ends with; ``text`` is the source of its condition."""

    text: str
    call: NextCall


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where such an ``if`` or ``match`` lets a step end without a ``self.next``; ``text`` says how."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How a step ends: with ``call``, or with an ``if`` or ``match`` of ``arms`` and ``gaps``, else with neither.

    ``span`` is the ``self.next``, or the ``if`` or ``match`` with its condition, else the last statement; ``strays``
    are the ``self.next`` that stand elsewhere.
    """

    span: Span
    call: NextCall | None = None
    arms: tuple[WrittenArm, ...] = ()
    gaps: tuple[Gap, ...] = ()
    strays: tuple[Span, ...] = ()

    @property
    def calls(self) -> tuple[NextCall, ...]:
        """The ``self.next`` that a step may end with."""
        return (self.call,) if self.call else tuple(arm.call for arm in self.arms)


@dataclass(frozen=True, slots=True)
class WrittenDecorator:
    """A decorator of a step or of the flow, or one that `--with` adds to every step.

    ``span`` is its expression, ``places`` are its keywords by name; of `--with` neither is known, and ``text`` is what
    was given.  ``malformed`` is what is not ``key=value`` in there.
    """

    name: str
    attributes: Mapping[str, object]
    span: Span | None = None
    places: Mapping[str, Span] = field(default_factory=lambda: MappingProxyType({}))
    text: str = ""
    malformed: str = ""


@dataclass(frozen=True, slots=True)
class WrittenStep:
    """A function decorated with ``@step``.

    ``arguments`` are all its arguments as written (``self``, ``*rest``), ``ending`` is where it goes on. ``unusual``
    says what it is if not a plain function (``a generator``).  ``earlier`` is
    the ``def`` of the same name in the same class that this one silently replaces.
    """

    name: str
    span: Span
    arguments: tuple[str, ...]
    ending: Ending
    unusual: str = ""
    earlier: Span | None = None
    decorators: tuple[WrittenDecorator, ...] = ()
    doc: str = ""

    @property
    def is_join(self) -> bool:
        """Whether it takes ``inputs``."""
        return sum(not argument.startswith("*") for argument in self.arguments) > 1


@dataclass(frozen=True, slots=True)
class WrittenParameter:
    """A parameter and the class attribute that holds it."""

    attribute: str
    value: Parameter
    span: Span | None


@dataclass(frozen=True, slots=True)
class WrittenFlow:
    """A flow class and everything its author wrote about steps, in declaration order, base classes first.

    ``added`` are the decorators that `--with` adds to every step that has none of that name, ``class_attributes`` the
    names of all that the class has: steps, parameters, constants, and what every flow has.
    """

    name: str
    span: Span
    doc: str
    steps: Mapping[str, WrittenStep]
    parameters: tuple[WrittenParameter, ...]
    decorators: tuple[WrittenDecorator, ...] = ()
    added: tuple[WrittenDecorator, ...] = ()
    class_attributes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", MappingProxyType(dict(self.steps)))
