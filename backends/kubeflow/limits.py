"""What Kubeflow cannot do of what a flow asks, and the numbers it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from penstock.backends.kubernetes.copies import copy_problems
from penstock.compiler.diagnostics import Diagnostic, Label, Severity
from penstock.compiler.program import Loop, walk

if TYPE_CHECKING:
    from penstock.backends.protocol import Bundle
    from penstock.compiler.program import Program
    from penstock.compiler.spans import Span
    from penstock.compiler.steps import Decorator

MOST_BYTES = 1_500_000
"""Bytes of one object in Kubernetes: a request to etcd takes no more (its default ``--max-request-bytes``)."""
LARGE = 500_000
"""Bytes of a document above which the object that the backend makes of it, about three times as large, may be too
large.
"""

_NOT_DONE: Mapping[str, str] = {
    "service_account": "a run has one service account: give --service-account when you start it",
    "namespace": "a run has one namespace: give --namespace when you start it",
    "disk": "a pipeline cannot ask for disk space",
}
"""What of @kubernetes has no place in a pipeline."""


def program_problems(program: Program) -> Iterator[Diagnostic]:
    """P320, a warning, for what of a decorator has no effect; P322 for switches whose arms share too much."""
    for step in program.graph.steps.values():
        for decorator in step.decorators:
            yield from _decorator_problems(decorator, decorator.span or step.span)
    if not any(isinstance(item, Loop) for item in walk(program.root)):
        yield from copy_problems(program, "P322", "pipeline")


def document_problems(program: Program, bundle: Bundle) -> Iterator[Diagnostic]:
    """P415: a pipeline that Kubernetes cannot hold; a warning where it may be too large."""
    size = len(bundle.files[bundle.main])
    if size <= LARGE:
        return
    message = f"the pipeline has {size:,} bytes ({len(program.graph):,} steps)"
    help_text = "split the flow in several, or turn steps that are alike into a foreach"
    if size > MOST_BYTES:
        message += f", Kubernetes takes {MOST_BYTES:,}"
        yield Diagnostic("P415", message, Label(program.graph.span), help=help_text)
    else:
        message += f", and what Kubeflow makes of it may be above the {MOST_BYTES:,} that Kubernetes takes"
        yield Diagnostic("P415", message, Label(program.graph.span), help=help_text, severity=Severity.WARNING)


def _decorator_problems(decorator: Decorator, span: Span) -> Iterator[Diagnostic]:
    if decorator.name != "kubernetes":
        return
    for name, instead in _NOT_DONE.items():
        if decorator.attributes.get(name) is not None:
            message = f"`{name}` of `@kubernetes` has no effect in a pipeline"
            yield Diagnostic("P320", message, Label(span), help=instead, severity=Severity.WARNING)
