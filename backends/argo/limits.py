"""What Argo cannot do of what a flow asks, and the numbers it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock.backends.argo.capabilities import MOST_LEVELS
from penstock.backends.argo.cron import schedule_problems
from penstock.backends.argo.documents import as_json
from penstock.backends.argo.graphs import Graphs
from penstock.backends.argo.nesting import Nesting
from penstock.backends.argo.settings import ArgoSettings
from penstock.backends.kubernetes.copies import copy_problems
from penstock.compiler.diagnostics import Diagnostic, Label, Severity
from penstock.compiler.starting import unattended_problems

if TYPE_CHECKING:
    from penstock.compiler.program import Program

LARGE = 700_000
"""Bytes of all objects of a flow above which its runs come near to what Kubernetes takes."""
MOST_BYTES = 1_400_000
"""Bytes of all objects of a flow: a run keeps them beside its state in one object, and a request to etcd takes 1.5 MB
(its default ``--max-request-bytes``).
"""


def program_problems(program: Program) -> Iterator[Diagnostic]:
    """P330, a warning, for what of a decorator has no effect; P331 for schedules that five fields cannot say; P332 for
    switches whose arms share too much; P333 for what nests too deep; P304 for schedules without values.
    """
    yield from _without_effect(program)
    yield from schedule_problems(program)
    yield from unattended_problems(program)
    copies = list(copy_problems(program, "P332", "workflow"))
    yield from copies or _too_deep(program)


def _without_effect(program: Program) -> Iterator[Diagnostic]:
    for step in program.graph.steps.values():
        for decorator in step.decorators:
            if decorator.name == "kubernetes" and decorator.attributes.get("namespace") is not None:
                message = "`namespace` of `@kubernetes` has no effect in a workflow"
                help_text = "all pods of a workflow are in its namespace: give --namespace when you deploy it"
                place = Label(decorator.span or step.span)
                yield Diagnostic("P330", message, place, help=help_text, severity=Severity.WARNING)


def _too_deep(program: Program) -> Iterator[Diagnostic]:
    # How deep templates nest depends on the flow alone.
    graphs = Graphs(program, ArgoSettings(datastore_root="", name="", entry=()))
    deepest = Nesting(graphs.all, graphs.leaves.levels).deepest
    if deepest > MOST_LEVELS:
        yield Diagnostic(
            "P333",
            f"the flow nests {deepest} templates inside each other, Argo Workflows takes at most {MOST_LEVELS}",
            Label(program.graph.span),
            help="a foreach takes two levels, a switch that something follows one or two: loop over the inner items "
            "inside of one step, or give the flow to another target",
        )


def object_problems(program: Program, objects: Sequence[Mapping[str, Any]]) -> Iterator[Diagnostic]:
    """P430, a warning, for objects that are large; P431 for a flow that Kubernetes cannot hold a run of."""
    size = sum(len(as_json(each)) for each in objects)
    if size <= LARGE:
        return
    help_text = "split the flow in several, or turn steps that are alike into a foreach"
    message = f"the workflow template has {size:,} bytes ({len(program.graph):,} steps)"
    place = Label(program.graph.span)
    if size > MOST_BYTES:
        message += f", and of what a run keeps of it Kubernetes takes {MOST_BYTES:,}"
        yield Diagnostic("P431", message, place, help=help_text)
    else:
        message += f", and a run keeps all of it in one object, for which Kubernetes has room for {MOST_BYTES:,}"
        yield Diagnostic("P430", message, place, help=help_text, severity=Severity.WARNING)
