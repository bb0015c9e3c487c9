"""The command `step-functions simulate`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from penstock.backends.step_functions.options import COMPILED_WITH

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.step_functions.resolution import Chosen
    from penstock.backends.step_functions.simulation.assumptions import Assumptions
    from penstock.backends.step_functions.simulation.reporting import Report
    from penstock.compiler.flowgraph import FlowGraph

V = TypeVar("V")


def _each(name: str, metavar: str, help_text: str) -> Callable[..., Any]:
    return click.option(f"--{name}", multiple=True, metavar=metavar, help=f"{help_text}; repeatable.")


@click.command(short_help="Say what a run would need, without running it.")
@_each("width", "STEP=N", "Splits of the foreach that STEP opens")
@_each("turns", "STEP=N", "How often the loop with the header STEP runs")
@_each("choose", "STEP=CASE", "The case, or the step, that the switch STEP goes to")
@_each("seconds", "STEP=SECONDS", "How long a task of STEP takes, from its submission to its end")
@click.option("--default-width", type=click.IntRange(0), default=10, show_default=True, help="Of other foreaches.")
@click.option("--default-turns", type=click.IntRange(1), default=2, show_default=True, help="Of other loops.")
@click.option("--default-seconds", type=click.FloatRange(0), default=60, show_default=True, help="Of other steps.")
@click.option("--from-run", metavar="RUN_ID", help="Take all of these from a stored run, where they are not given.")
@click.option("--price-transitions", type=float, metavar="DOLLARS", help="Of a thousand state transitions.")
@click.option("--price-vcpu-hour", type=float, metavar="DOLLARS", help="Of a vCPU for an hour.")
@click.option("--price-gb-hour", type=float, metavar="DOLLARS", help="Of a gigabyte of memory for an hour.")
@COMPILED_WITH
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How it is printed.",
)
@click.pass_context
def simulate(ctx: click.Context, /, chosen: Chosen, from_run: str | None, form: str, **given: Any) -> None:
    """Walk the compiled state machine without AWS: tasks, critical path, state transitions, limits, a rough cost.

    Nothing is run or asked, and no account is needed.  What cannot be known is given, read from a stored run, or
    assumed; the output says which.  Of a choice that is left open the longest way is gone.

    \b
    Examples:
      python flow.py step-functions simulate --width start=10000 --seconds fit=300
      python flow.py step-functions simulate --from-run 1712345678901234
    """
    from penstock.backends.step_functions.simulation import reporting

    report = _report(ctx.obj, chosen, from_run, given)
    if form == "json":
        click.echo(json.dumps(reporting.document(report), indent=1, ensure_ascii=True))
    else:
        for line in reporting.text(report):
            click.echo(line)


def _report(state: State, chosen: Chosen, past: str | None, given: dict[str, Any]) -> Report:
    from penstock.backends.step_functions.compilation import compile_for_step_functions
    from penstock.backends.step_functions.resolution import with_placeholders
    from penstock.backends.step_functions.simulation.costs import Prices, cost_of
    from penstock.backends.step_functions.simulation.limits import limits
    from penstock.backends.step_functions.simulation.machines import take_apart
    from penstock.backends.step_functions.simulation.past_runs import assumptions_of
    from penstock.backends.step_functions.simulation.reporting import Report
    from penstock.backends.step_functions.simulation.simulating import simulate as walk_machine

    graph = state.program().graph
    assumed = _assumptions(graph, given)
    compiled = compile_for_step_functions(
        state, chosen, amend=lambda settings: with_placeholders(settings, "s3://penstock-simulation/metaflow")
    )
    if past is not None:
        assumed = assumptions_of(state.datastore(), graph, past, assumed)
    machine = json.loads(compiled.deployment.definition)
    simulation = walk_machine(machine, assumed)
    prices = Prices()._replace(
        **{name: given[f"price_{name}"] for name in Prices._fields if given[f"price_{name}"] is not None}
    )
    definitions = {each["jobDefinitionName"]: each for each in compiled.deployment.job_definitions}
    return Report(
        name=compiled.settings.name,
        states=sum(len(each.states) for each in take_apart(machine)),
        simulation=simulation,
        limits=tuple(limits(simulation, len(compiled.deployment.definition.encode()))),
        cost=cost_of(simulation, machine, definitions, assumed, prices),
        prices=prices,
        assumed=assumed,
        past=past,
    )


def _assumptions(graph: FlowGraph, given: dict[str, Any]) -> Assumptions:
    """What the command line says, checked against the flow.

    Raises click.UsageError with a sentence for each step that is not there, or is not what the option is for.
    """
    from penstock.backends.step_functions.simulation.assumptions import Assumptions
    from penstock.compiler.steps import Foreach, Switch, targets

    steps = graph.steps
    openers = [name for name, step in steps.items() if isinstance(step.transition, Foreach)]
    switches = [name for name, step in steps.items() if isinstance(step.transition, Switch)]
    wrong: list[str] = []
    widths = _pairs("width", given["width"], openers, _at_least(0), wrong)
    turns = _pairs("turns", given["turns"], steps, _at_least(1), wrong)
    seconds = _pairs("seconds", given["seconds"], steps, _duration, wrong)
    choices: dict[str, str] = {}
    for name, case in _pairs("choose", given["choose"], switches, str, wrong).items():
        transition = steps[name].transition
        cases = dict(transition.cases) if isinstance(transition, Switch) else {}
        choices[name] = cases.get(case, case)
        if choices[name] not in targets(transition):
            wrong.append(f"--choose {name}={case}: it is none of {', '.join([*cases, *targets(transition)])}")
    if wrong:
        raise click.UsageError("\n       ".join(wrong))
    return Assumptions(
        widths=widths,
        turns=turns,
        choices=choices,
        seconds=seconds,
        default_width=given["default_width"],
        default_turns=given["default_turns"],
        default_seconds=given["default_seconds"],
    )


def _at_least(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if value < least:
            raise ValueError(f"{value} is less than {least}")
        return value

    return read


def _duration(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{text} is no time that a task takes")
    return seconds


def _pairs(
    option: str, given: Iterable[str], known: Iterable[str], read: Callable[[str], V], wrong: list[str]
) -> dict[str, V]:
    """The ``STEP=VALUE`` of an option; what cannot be read goes to ``wrong``."""
    names = list(known)
    found: dict[str, V] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            wrong.append(f"--{option} {text}: write it as STEP=VALUE")
        elif name not in names:
            wrong.append(f"--{option} {text}: the flow has no such step for it; it has: {', '.join(names) or 'none'}")
        else:
            try:
                found[name] = read(value)
            except ValueError:
                wrong.append(f"--{option} {text}: {value!r} is no value for it")
    return found
