"""What a flow asks of a target and what a target can do; the one place where a gap is decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

from penstock.compiler.cron import read_schedule
from penstock.compiler.diagnostics import Diagnostic, Label, Severity
from penstock.compiler.program import Branches, Choice, Each, Loop, Mesh, Nest, Program, Run, walk_within
from penstock.compiler.spans import Span
from penstock.compiler.steps import Decorator, Switch, targets
from penstock.runtime_shim.decorators import DECORATORS

_PLACES = 4
"""So many places of one gap are shown besides the first."""
_NOTHING_ELSE: Mapping[str, Capabilities] = MappingProxyType({})


class Feature(Enum):
    """What a program may demand.  Closed: a new one makes every backend's table incomplete, which a test tells."""

    LINEAR = "steps in a line"
    BRANCHES = "static branches"
    FOREACH = "foreach"
    NESTED_FOREACH = "foreach inside foreach"
    FOREACH_IN_BRANCH = "foreach inside a branch"
    BRANCH_IN_FOREACH = "branches inside a foreach"
    EMPTY_FOREACH = "foreach over nothing"
    PARAMETERS = "parameters"
    SWITCH = "switch"
    LOOP = "loops"
    CROSSING_BRANCHES = "crossing branches"
    RETRY = "@retry"
    CATCH = "@catch"
    TIMEOUT = "@timeout"
    ENVIRONMENT = "@environment"
    RESOURCES = "@resources"
    SCHEDULE = "@schedule"


_OF_DECORATORS: Mapping[str, Feature] = MappingProxyType(
    {
        "retry": Feature.RETRY,
        "catch": Feature.CATCH,
        "timeout": Feature.TIMEOUT,
        "environment": Feature.ENVIRONMENT,
        "global_environment": Feature.ENVIRONMENT,
        "resources": Feature.RESOURCES,
        "schedule": Feature.SCHEDULE,
    }
)
"""What a decorator asks of a target.  `@batch` is missing: it speaks to one target, and the others ignore it."""


class Level(Enum):
    """How well a target supports a feature."""

    NATIVE = "native"
    EMULATED = "emulated"
    NOT_YET = "not yet"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Support:
    """A level, with one sentence for the user."""

    level: Level
    sentence: str

    @property
    def usable(self) -> bool:
        """Whether a flow that demands the feature compiles."""
        return self.level in (Level.NATIVE, Level.EMULATED)


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers a target holds; None where it has no such limit.

    ``name_length`` in characters, ``document_bytes`` of the compiled document, ``fan_out`` tasks of one foreach,
    ``nesting`` levels of foreach.
    """

    name_length: int | None = None
    document_bytes: int | None = None
    fan_out: int | None = None
    nesting: int | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Support for every feature, the limits, and the decorators that the target ignores.

    ``ignored`` has a sentence for each by its name (`batch`), which says what happens instead: a flow that has one of
    them compiles, with a warning.  Decorators that are a feature are answered there.
    """

    support: Mapping[Feature, Support]
    limits: Limits = field(default_factory=Limits)
    ignored: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        missing = [feature.name for feature in Feature if feature not in self.support]
        if missing:
            raise ValueError(f"no answer for {', '.join(missing)}")
        unknown = [name for name in self.ignored if name not in DECORATORS]
        if unknown:
            raise ValueError(f"there is no decorator {', '.join(unknown)}")
        object.__setattr__(self, "support", MappingProxyType(dict(self.support)))
        object.__setattr__(self, "ignored", MappingProxyType(dict(self.ignored)))


@dataclass(frozen=True, slots=True)
class _Nesting:
    """How many foreaches an item stands in, whether it stands in a branch, and the headers of the loops around it."""

    foreaches: int = 0
    in_branch: bool = False
    loops: frozenset[str] = frozenset()

    def enter(self, item: Nest) -> _Nesting:
        match item:
            case Each():
                return replace(self, foreaches=self.foreaches + 1)
            case Branches() | Mesh():
                return replace(self, in_branch=True)
            case Loop(header=header):
                return replace(self, loops=self.loops | {header})
            case Choice():
                return self


def demands(program: Program) -> Iterator[tuple[Feature, Span]]:
    """What the flow asks of a target, with the places that ask, outer before inner."""
    graph = program.graph
    yield Feature.LINEAR, graph.span
    for parameter in graph.parameters:
        yield Feature.PARAMETERS, parameter.span or graph.span
    for item, nesting in walk_within(program.root, _Nesting(), _Nesting.enter):
        match item:
            case Run(step=step):
                transition = graph[step].transition
                if isinstance(transition, Switch):
                    yield Feature.SWITCH, graph[step].exit_span
                if not nesting.loops.isdisjoint(targets(transition)):
                    yield Feature.LOOP, graph[step].exit_span
            case Choice() | Loop():
                pass
            case Branches(split=split):
                yield Feature.BRANCHES, graph[split].exit_span
                if nesting.foreaches:
                    yield Feature.BRANCH_IN_FOREACH, graph[split].exit_span
            case Each(opener=opener):
                span = graph[opener].exit_span
                yield Feature.FOREACH, span
                yield Feature.EMPTY_FOREACH, span
                if nesting.foreaches:
                    yield Feature.NESTED_FOREACH, span
                if nesting.in_branch:
                    yield Feature.FOREACH_IN_BRANCH, span
            case Mesh(split=split):
                yield Feature.CROSSING_BRANCHES, graph[split].exit_span
                if nesting.foreaches:
                    yield Feature.BRANCH_IN_FOREACH, graph[split].exit_span
    for decorator, span in _decorators(program):
        feature = _OF_DECORATORS.get(decorator.name)
        if feature is not None and not _asks_nothing(decorator):
            yield feature, span


def _decorators(program: Program) -> Iterator[tuple[Decorator, Span]]:
    """Every decorator with its place, the flow's first; what `--with` adds stands where its step does."""
    graph = program.graph
    for decorator in graph.decorators:
        yield decorator, decorator.span or graph.span
    for step in graph.steps.values():
        for decorator in step.decorators:
            yield decorator, decorator.span or step.span


def _asks_nothing(decorator: Decorator) -> bool:
    """Whether it says that it does not want what others of its name want."""
    match decorator.name:
        case "retry":
            return DECORATORS["retry"].complete(decorator.attributes)["times"] == 0
        case "schedule":
            return read_schedule(decorator.attributes) is None
        case _:
            return False


def check(
    program: Program, title: str, capabilities: Capabilities, others: Mapping[str, Capabilities] = _NOTHING_ELSE
) -> tuple[Diagnostic, ...]:
    """Every gap between what ``program`` demands and what a target can do, sorted by place.

    ``title`` is what people call the target; ``others`` are the targets by name that a message may recommend instead.
    A foreach may turn out to be empty only when it runs, so that gap is a warning; so is a decorator that the target
    ignores.  All others are errors.
    """
    places: dict[Feature, list[Span]] = {}
    for feature, span in demands(program):
        places.setdefault(feature, []).append(span)
    gaps = [
        _gap(feature, spans, title, capabilities, others)
        for feature, spans in places.items()
        if not capabilities.support[feature].usable
    ]
    gaps += _ignored(program, title, capabilities)
    gaps += _long_names(program, title, capabilities.limits)
    gaps += _deep_nesting(program, title, capabilities.limits)
    return tuple(sorted(gaps, key=lambda gap: gap.sort_key))


def _gap(
    feature: Feature, spans: list[Span], title: str, capabilities: Capabilities, others: Mapping[str, Capabilities]
) -> Diagnostic:
    support = capabilities.support[feature]
    never = support.level is Level.NEVER
    message = f"{title} cannot run {feature.value}" if never else f"{title} cannot run {feature.value} yet"
    return Diagnostic(
        "P301" if never else "P302",
        message,
        Label(spans[0], support.sentence),
        further_places(spans),
        help=_advice(feature, others),
        severity=Severity.WARNING if feature is Feature.EMPTY_FOREACH else Severity.ERROR,
    )


def further_places(spans: Sequence[Span]) -> tuple[Label, ...]:
    """Labels for the places after the first, where many have one diagnostic; of very many the last has their number."""
    shown = spans[1 : _PLACES + 1]
    more = len(spans) - 1 - len(shown)
    return tuple(Label(span, f"and {more} more" if more and span is shown[-1] else "") for span in shown)


def _ignored(program: Program, title: str, capabilities: Capabilities) -> Iterator[Diagnostic]:
    places: dict[str, list[Span]] = {}
    for decorator, span in _decorators(program):
        if decorator.name in capabilities.ignored:
            places.setdefault(decorator.name, []).append(span)
    for name, spans in places.items():
        yield Diagnostic(
            "P303",
            f"{title} does nothing with `@{name}`",
            Label(spans[0], capabilities.ignored[name]),
            further_places(spans),
            help="leave it where the flow is for other targets too",
            severity=Severity.WARNING,
        )


def _advice(feature: Feature, others: Mapping[str, Capabilities]) -> str:
    able = [f"`{name}`" for name, other in sorted(others.items()) if other.support[feature].usable]
    if able:
        return f"compile with {' or '.join(able)}"
    return "no target can run it so far" if others else "the command `show` lists which targets can"


def _long_names(program: Program, title: str, limits: Limits) -> Iterator[Diagnostic]:
    if limits.name_length is None:
        return
    for step in program.graph.steps.values():
        if len(step.name) > limits.name_length:
            yield Diagnostic(
                "P401",
                f"the name of this step has {len(step.name)} characters, {title} takes at most {limits.name_length}",
                Label(step.span),
                help="choose a shorter name",
            )


def _deep_nesting(program: Program, title: str, limits: Limits) -> Iterator[Diagnostic]:
    if limits.nesting is None:
        return
    for item, nesting in walk_within(program.root, _Nesting(), _Nesting.enter):
        # What is deeper still is said by the first foreach that is too deep.
        if isinstance(item, Each) and nesting.foreaches == limits.nesting:
            yield Diagnostic(
                "P402",
                f"foreach number {limits.nesting + 1} inside each other, {title} takes at most {limits.nesting}",
                Label(program.graph[item.opener].exit_span),
                help="loop over the inner items inside of one step",
            )
