"""Rules about ``self.next``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.frontend.written import Case, NextCall, Target, WrittenFlow, WrittenStep
from penstock.compiler.lint.spelling import did_you_mean

_KEYWORDS = ("foreach", "condition")


def ends_in_next(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P130: the last statement of every step but `end` is its ``self.next``."""
    for step in flow.steps.values():
        if step.name != "end" and not step.ending.calls:
            places = tuple(Label(span, "this one does not count") for span in step.ending.strays)
            yield Diagnostic(
                "P130",
                f"step `{step.name}` does not end in `self.next(…)`",
                Label(step.span),
                places,
                help="make `self.next(self.<step>)` its last statement, outside of every block",
            )


def only_one_next(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P131: a step has one ``self.next``, or one at the end of each arm of its last statement."""
    for step in flow.steps.values():
        if step.name != "end" and step.ending.calls:
            for span in step.ending.strays:
                yield Diagnostic(
                    "P131",
                    f"step `{step.name}` has more than one `self.next`",
                    Label(span, "this one does not count"),
                    (Label(step.ending.span, "the last statement is the step's transition"),),
                    help="keep the last one only",
                )


def arms_go_to_one_step(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P132: an arm of an ``if`` or ``match`` goes on to one step."""
    for step in flow.steps.values():
        for arm in step.ending.arms:
            call = arm.call
            if len(call.targets) > 1 or call.cases is not None or any(map(call.keyword, _KEYWORDS)):
                yield Diagnostic(
                    "P132",
                    f"an arm of step `{step.name}` does more than to go on to one step",
                    Label(call.span),
                    (Label(step.ending.span, "chooses the successor"),),
                    help="put a step in between: go to a new step here, and let that one split or choose",
                )


def arms_are_complete(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P141: whatever an ``if`` or ``match`` finds, the step goes on."""
    for step in flow.steps.values():
        for gap in step.ending.gaps if step.name != "end" else ():
            yield Diagnostic(
                "P141",
                f"step `{step.name}` may end without `self.next(…)`",
                Label(gap.span, gap.text),
                help="let every arm end in `self.next(self.<step>)`, or in `raise`",
            )


def has_a_target(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P133: ``self.next`` names a step."""
    for step, call in _exits(flow):
        if not call.targets and call.cases is None:
            yield Diagnostic(
                "P133",
                f"`self.next` of step `{step.name}` goes nowhere",
                Label(call.span),
                help="write `self.next(self.<step>)`",
            )


def targets_are_steps(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P134: the targets are written ``self.<step>``, so that they are known without running the flow."""
    for _, call in _exits(flow):
        for target in _targets(call):
            if target.step is None:
                yield Diagnostic(
                    "P134",
                    f"`{target.text}` is not a step",
                    Label(target.span),
                    help="every argument has the form `self.<step>`",
                )


def targets_exist(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P201: the flow has the steps that are gone to; a missing `end` has a rule of its own."""
    for step, call in _exits(flow):
        for target in _targets(call):
            if target.step is not None and target.step not in flow.steps and target.step not in ("start", "end"):
                hint = did_you_mean(target.step, flow.steps)
                yield Diagnostic(
                    "P201",
                    f"step `{step.name}` goes to `{target.step}`, which is no step of the flow",
                    Label(target.span),
                    help=hint or f"add a method `{target.step}` decorated with `@step`",
                )


def targets_differ(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P135: a split has every target once."""
    for step, call in _exits(flow):
        seen: dict[str, Target] = {}
        for target in call.targets:
            if target.step is None:
                continue
            first = seen.setdefault(target.step, target)
            if first is not target:
                yield Diagnostic(
                    "P135",
                    f"step `{step.name}` goes to `{target.step}` twice",
                    Label(target.span),
                    (Label(first.span),),
                    help="name it once; to run a step several times use a foreach",
                )


def known_keywords(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P136: ``self.next`` takes ``foreach`` or ``condition``."""
    for _, call in _exits(flow):
        for keyword in call.keywords:
            if keyword.name not in _KEYWORDS:
                name = f"argument `{keyword.name}`" if keyword.name else "`**` arguments"
                yield Diagnostic(
                    "P136",
                    f"`self.next` takes no {name}",
                    Label(keyword.span),
                    help=did_you_mean(keyword.name or "", _KEYWORDS) or 'use `foreach="<artifact>"`, or nothing',
                )


def foreach_is_a_name(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P137: ``foreach`` names an artifact by a string literal."""
    for _, call in _exits(flow):
        foreach = call.keyword("foreach")
        if foreach is not None and not (foreach.text or "").isidentifier():
            yield Diagnostic(
                "P137",
                "`foreach` is not the name of an artifact",
                Label(foreach.span),
                help='write `foreach="xs"` to run once for each item of `self.xs`',
            )


def foreach_has_one_target(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P138: a foreach runs one step per item."""
    for step, call in _exits(flow):
        if call.keyword("foreach") is not None and len(call.targets) > 1:
            yield Diagnostic(
                "P138",
                f"the foreach of step `{step.name}` has more than one target",
                Label(call.span),
                help="go to one step, and split there",
            )


def switch_is_complete(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P139: a switch has literal cases, at least two, and names its condition."""
    for step, call in _exits(flow):
        condition, foreach = call.keyword("condition"), call.keyword("foreach")
        if call.cases is None and condition is None:
            continue
        advice = 'write `self.next({"a": self.x, "b": self.y}, condition="<artifact>")`'
        if call.cases is None or len(call.cases) < 2:
            problem, span = "has fewer than two cases", call.span
        elif any(case.key is None for case in call.cases):
            problem, span = "has a case that is not a literal", next(c.span for c in call.cases if c.key is None)
        elif repeated := _repeated(call.cases):
            problem, span = "has a case twice", repeated.span
            advice = 'keep one of them; `1` is the same as `"1"`, `1.0` and `True`'
        elif condition is None or not (condition.text or "").isidentifier():
            problem, span = "does not name its condition", (condition or call).span
        elif foreach is not None:
            problem, span = "opens a foreach too", foreach.span
            advice = "choose here, and open the foreach in the step that is gone to"
        else:
            continue
        yield Diagnostic("P139", f"the switch of step `{step.name}` {problem}", Label(span), help=advice)


def join_does_not_split(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P140: a join goes on to one step."""
    for step in flow.steps.values():
        targets = {target.step for call in step.ending.calls for target in _targets(call)}
        foreach = any(call.keyword("foreach") is not None for call in step.ending.calls)
        if step.is_join and (len(targets) > 1 or foreach) and step.name not in ("start", "end"):
            yield Diagnostic(
                "P140",
                f"step `{step.name}` is both a join and a split",
                Label(step.ending.span, "splits"),
                (Label(step.span, "joins"),),
                help="let the join go on to a new step that splits",
            )


def _exits(flow: WrittenFlow) -> Iterator[tuple[WrittenStep, NextCall]]:
    """Every step that goes on, with each ``self.next`` it may end with; `end` has a rule of its own."""
    for step in flow.steps.values():
        if step.name != "end":
            for call in step.ending.calls:
                yield step, call


def _repeated(cases: Sequence[Case]) -> Case | None:
    """The first case whose value was there before: 1 and "1" are the same here, 1 and True in the dict itself."""
    seen: set[str | float | None] = set()
    for case in cases:
        if case.key in seen or case.value in seen:
            return case
        seen |= {case.key, case.value}
    return None


def _targets(call: NextCall) -> Iterator[Target]:
    yield from call.targets
    for case in call.cases or ():
        yield case.target
