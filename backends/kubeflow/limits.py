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
WORKFLOW_BYTES = 1024 * 1024
"""Bytes of a workflow in Argo, what it notes of every task included (its default ``MAX_WORKFLOW_SIZE``)."""
LARGE = 900_000
"""Bytes of a workflow that leave no room for what Argo notes of the tasks, which it packs."""
_OF_THE_BACKEND, _OF_A_TASK = 12_000, 1_100
"""Bytes that a workflow has besides the pipeline's own: the backend's templates, and of each task a driver and an
executor that name components by their SHA-256 (``argocompiler``, task and containerDriverTask).
"""
_A_TASK = b"cachingOptions: {}\n"

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
    """P415: a pipeline that Kubernetes cannot hold; a warning where Argo's workflow of it may be too large."""
    document = bundle.files[bundle.main]
    place, steps = Label(program.graph.span), f"{len(program.graph):,} steps"
    help_text = "split the flow in several, or turn steps that are alike into a foreach"
    if len(document) > MOST_BYTES:
        message = f"the pipeline has {len(document):,} bytes ({steps}), Kubernetes takes {MOST_BYTES:,}"
        yield Diagnostic("P415", message, place, help=help_text)
    elif (size := workflow_bytes(document)) > LARGE:
        message = (
            f"Kubeflow makes a workflow of about {size:,} bytes of the pipeline ({steps}), and Argo takes "
            f"{WORKFLOW_BYTES:,} with all that it notes of the tasks"
        )
        yield Diagnostic("P415", message, place, help=help_text, severity=Severity.WARNING)


def workflow_bytes(document: bytes) -> int:
    """How large about the workflow is that the backend makes of a pipeline."""
    return len(document) + _OF_THE_BACKEND + _OF_A_TASK * document.count(_A_TASK)


def _decorator_problems(decorator: Decorator, span: Span) -> Iterator[Diagnostic]:
    if decorator.name != "kubernetes":
        return
    for name, instead in _NOT_DONE.items():
        if decorator.attributes.get(name) is not None:
            message = f"`{name}` of `@kubernetes` has no effect in a pipeline"
            yield Diagnostic("P320", message, Label(span), help=instead, severity=Severity.WARNING)
