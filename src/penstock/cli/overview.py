"""What `show` tells about a flow, gathered once for the terminal and the page."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.compiler.steps import Foreach, Goto, Split, Step, Stop, Switch

if TYPE_CHECKING:
    from penstock.backends.protocol import Backend
    from penstock.cli.state import CliState
    from penstock.compiler.diagnostics import Diagnostic
    from penstock.compiler.program import Program
    from penstock.compiler.steps import ParameterInfo


@dataclass(frozen=True, slots=True)
class StepView:
    """A step: ``after`` says in words what comes next, ``targets`` names it; ``place`` is ``flow.py:12``."""

    name: str
    role: str
    doc: str
    after: str
    targets: tuple[str, ...]
    code: str
    place: str


@dataclass(frozen=True, slots=True)
class ParameterView:
    """A parameter, as people read it."""

    name: str
    type: str
    default: str
    help: str


@dataclass(frozen=True, slots=True)
class SupportView:
    """What one target says about one feature; ``level`` is ``native``, ``emulated``, ``not yet`` or ``never``."""

    level: str
    sentence: str


@dataclass(frozen=True, slots=True)
class FeatureView:
    """A feature, whether this flow uses it, and what each target says, in the targets' order."""

    name: str
    used: bool
    support: tuple[SupportView, ...]


@dataclass(frozen=True, slots=True)
class TargetView:
    """A target, and what it has to say about this flow: ``gaps`` keep it from taking it, ``remarks`` do not."""

    name: str
    title: str
    gaps: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything."""

    name: str
    doc: str
    file: str
    program: Program
    steps: tuple[StepView, ...]
    parameters: tuple[ParameterView, ...]
    targets: tuple[TargetView, ...]
    features: tuple[FeatureView, ...]
    warnings: tuple[Diagnostic, ...]


def overview(state: CliState) -> Overview:
    """What there is to tell about a flow.

    Raises Refused when it has errors.
    """
    from penstock.backends.registry import backends
    from penstock.compiler.capabilities import Feature, demands

    program = state.program()
    graph = program.graph
    sources = _Sources()
    targets = backends()
    used = {feature for feature, _ in demands(program)}
    return Overview(
        name=graph.name,
        doc=graph.doc,
        file=Path(graph.span.path).name,
        program=program,
        steps=tuple(_step(step, sources) for step in graph.steps.values()),
        parameters=tuple(map(_parameter, graph.parameters)),
        targets=tuple(_target(program, target) for target in targets.values()),
        features=tuple(
            FeatureView(
                feature.value,
                feature in used,
                tuple(
                    SupportView(support.level.value, support.sentence)
                    for support in (target.info.capabilities.support[feature] for target in targets.values())
                ),
            )
            for feature in Feature
        ),
        warnings=state.compiled().diagnostics,
    )


def _target(program: Program, target: Backend[Any]) -> TargetView:
    from penstock.backends.protocol import gaps
    from penstock.compiler.diagnostics import Severity

    found = gaps(program, target)
    errors = tuple(gap.message for gap in found if gap.severity is Severity.ERROR)
    remarks = tuple(gap.message for gap in found if gap.severity is Severity.WARNING)
    return TargetView(target.info.name, target.info.title, errors, remarks)


def _step(step: Step, sources: _Sources) -> StepView:
    after, targets = _after(step)
    return StepView(
        name=step.name,
        role="join" if step.is_join else _ROLES.get(type(step.transition), ""),
        doc=step.doc,
        after=after,
        targets=targets,
        code=sources.function(step),
        place=f"{Path(step.span.path).name}:{step.span.line}",
    )


_ROLES: Mapping[type, str] = {Split: "split", Foreach: "foreach", Switch: "switch"}


def _after(step: Step) -> tuple[str, tuple[str, ...]]:
    match step.transition:
        case Goto(target=target):
            return "", (target,)
        case Split(targets=targets):
            return "side by side", targets
        case Foreach(target=target, over=over):
            return f"for each item of {over}", (target,)
        case Switch(cases=cases, condition=condition):
            return f"chosen by {condition}", tuple(dict.fromkeys(target for _, target in cases))
        case Stop():
            return "the flow is over", ()


def _parameter(parameter: ParameterInfo) -> ParameterView:
    if parameter.required:
        default = "required"
    elif parameter.deferred:
        default = "computed"
    else:
        default = "none" if parameter.default is None else repr(parameter.default)
    return ParameterView(parameter.name, parameter.type, default, parameter.help)


class _Sources:
    """The source of functions, each file read and parsed once."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[list[str], dict[int, tuple[int, int]]]] = {}

    def function(self, step: Step) -> str:
        """The text of a step's function with its decorators, unindented; empty where the file has changed."""
        lines, extents = self._file(step.span.path)
        first, last = extents.get(step.span.line, (1, 0))
        text = lines[first - 1 : last]
        indent = min((len(line) - len(line.lstrip()) for line in text if line.strip()), default=0)
        return "\n".join(line[indent:] for line in text)

    def _file(self, path: str) -> tuple[list[str], dict[int, tuple[int, int]]]:
        if path not in self._files:
            source = Path(path).read_text(encoding="utf-8", errors="replace")
            extents = {
                node.lineno: (min((d.lineno for d in node.decorator_list), default=node.lineno), node.end_lineno or 0)
                for node in ast.walk(ast.parse(source))
                if isinstance(node, ast.FunctionDef)
            }
            self._files[path] = source.splitlines(), extents
        return self._files[path]
