"""From a program to manifests of Argo Workflows: pure, and safe for any depth and length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.backends.argo.cron import cron_text
from penstock.backends.argo.documents import Writer, template_of
from penstock.backends.argo.graphs import Graphs
from penstock.backends.argo.nesting import Nesting
from penstock.backends.argo.parameters import arguments
from penstock.backends.kubernetes.documents import dump
from penstock.backends.kubernetes.pods import asked_of, placement_of
from penstock.backends.protocol import Bundle
from penstock.compiler.starting import schedule_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.backends.argo.settings import ArgoSettings
    from penstock.compiler.program import Program

WORKFLOW_TEMPLATE, CRON_WORKFLOW = "workflow-template.yaml", "cron-workflow.yaml"
"""The files of a bundle: templates, a document each, the one that runs are made from first; what starts them."""


def lower(program: Program, settings: ArgoSettings) -> Bundle:
    """The workflow template, and the cron workflow of a flow that has a schedule."""
    return bundle_of(objects(program, settings))


def bundle_of(documents: Sequence[dict[str, Any]]) -> Bundle:
    """The files of these objects."""
    templates = [each for each in documents if each["kind"] == "WorkflowTemplate"]
    files = {WORKFLOW_TEMPLATE: dump(templates)}
    if len(templates) < len(documents):
        files[CRON_WORKFLOW] = dump(documents[len(templates) :])
    return Bundle(files=files, main=WORKFLOW_TEMPLATE)


def objects(program: Program, settings: ArgoSettings) -> list[dict[str, Any]]:
    """The objects of a flow: workflow templates, the one that runs are made from first, and the cron workflow."""
    writer = Writer(program.name, settings)
    graphs = Graphs(program, settings)
    nesting = Nesting(graphs.all, graphs.leaves.levels)
    leaves = graphs.leaves.templates(nesting.turns(graphs.loops))
    templates = [*map(template_of, graphs.all.values()), *leaves]
    secrets = dict.fromkeys(_pull_secrets(program, settings))
    found = [writer.workflow_template(templates, arguments(program.graph.parameters), secrets)]
    schedule = schedule_of(program)
    if schedule is not None:
        found.append(writer.cron_workflow(cron_text(schedule), schedule.timezone))
    return found


def _pull_secrets(program: Program, settings: ArgoSettings) -> Iterator[str]:
    """The secrets that images are pulled with, of all steps: only a whole workflow has them."""
    yield from settings.image_pull_secrets
    for step in program.graph.steps.values():
        if step.decorators:
            yield from placement_of(asked_of(step)[0], settings).pull_secrets
