"""From what was written to the flow's graph."""

from __future__ import annotations

from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.frontend.written import (
    Ending,
    NextCall,
    WrittenDecorator,
    WrittenFlow,
    WrittenParameter,
    WrittenStep,
)
from penstock.compiler.steps import Decorator, Foreach, Goto, ParameterInfo, Split, Step, Stop, Switch, Transition


def graph_of(flow: WrittenFlow) -> FlowGraph:
    """The graph of a flow; of a step whose ``self.next`` is wrong it has the edges that can be made out."""
    return FlowGraph(
        flow.name,
        [_step(step, flow.added) for step in flow.steps.values()],
        [_parameter(parameter) for parameter in flow.parameters],
        span=flow.span,
        doc=flow.doc,
        decorators=tuple(map(_decorator, flow.decorators)),
    )


def _step(step: WrittenStep, added: tuple[WrittenDecorator, ...]) -> Step:
    own = {decorator.name for decorator in step.decorators}
    return Step(
        name=step.name,
        transition=_transition(step.ending),
        is_join=step.is_join,
        span=step.span,
        exit_span=step.ending.span,
        decorators=(
            *map(_decorator, step.decorators),
            *(_decorator(decorator) for decorator in added if decorator.name not in own),
        ),
        doc=step.doc,
    )


def _decorator(decorator: WrittenDecorator) -> Decorator:
    return Decorator(decorator.name, decorator.attributes, decorator.span)


def _transition(ending: Ending) -> Transition:
    if ending.call is not None:
        return _of_call(ending.call)
    cases = tuple((arm.text, target.step) for arm in ending.arms for target in arm.call.targets[:1])
    known = tuple((text, step) for text, step in cases if step is not None)
    distinct = {step for _, step in known}
    if len(distinct) == 1:
        return Goto(distinct.pop())
    return Switch(known, None) if known else Stop()


def _of_call(call: NextCall) -> Transition:
    if call.cases is not None:
        condition = call.keyword("condition")
        cases = tuple((case.key or "", case.target.step) for case in call.cases)
        known = tuple((key, step) for key, step in cases if step is not None)
        return Switch(known, (condition.text if condition else None) or "")
    steps = tuple(target.step for target in call.targets if target.step is not None)
    foreach = call.keyword("foreach")
    if foreach is not None and steps:
        return Foreach(steps[0], foreach.text or "")
    match steps:
        case ():
            return Stop()
        case (only,):
            return Goto(only)
        case _:
            return Split(steps)


def _parameter(parameter: WrittenParameter) -> ParameterInfo:
    value = parameter.value
    try:
        default = None if value.is_deferred else value.convert(value.default)
    except ValueError:
        default = None  # a lint rule names it
    return ParameterInfo(
        name=value.name,
        type=value.type_name,
        required=value.required,
        default=default,
        deferred=value.is_deferred,
        help=value.help,
        span=parameter.span,
    )
