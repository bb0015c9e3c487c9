"""From a program to manifests of Argo Workflows: pure, and safe for any depth and length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.backends.argo.cron import cron_text
from penstock.backends.argo.documents import Writer, as_json, template_of
from penstock.backends.argo.graphs import Graphs
from penstock.backends.argo.names import part_names
from penstock.backends.argo.nesting import Nesting
from penstock.backends.argo.parameters import arguments
from penstock.backends.argo.splitting import SPLIT_ABOVE, cut_graphs, shelves
from penstock.backends.kubernetes.documents import dump
from penstock.backends.kubernetes.pods import asked_of, placement_of
from penstock.backends.protocol import Bundle
from penstock.compiler.starting import schedule_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.backends.argo.graphs import Graph
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
    found = _workflow_templates(program, settings, writer)
    schedule = schedule_of(program)
    if schedule is not None:
        found.append(writer.cron_workflow(cron_text(schedule), schedule.timezone))
    return found


def _workflow_templates(program: Program, settings: ArgoSettings, writer: Writer) -> list[dict[str, Any]]:
    graphs = Graphs(program, settings)
    given = arguments(program.graph.parameters)
    secrets = tuple(dict.fromkeys(_pull_secrets(program, settings)))
    leaves = _leaves(graphs, graphs.all)
    whole = writer.workflow_template([*map(template_of, graphs.all.values()), *leaves.values()], given, secrets)
    if len(as_json(whole)) <= SPLIT_ABOVE:
        return [whole]
    parts = cut_graphs(graphs.all, leaves)
    main, *others = shelves(parts, _leaves(graphs, parts), part_names(settings.name, as_json(whole["spec"])))
    return [
        writer.workflow_template(main.templates, given, secrets),
        *(writer.part(name, templates) for name, templates in others),
    ]


def _leaves(graphs: Graphs, parts: Mapping[str, Graph]) -> dict[str, dict[str, Any]]:
    """The leaf templates by name, which are told how many turns of loops fit in these graphs."""
    nesting = Nesting(parts, graphs.leaves.levels)
    return {each["name"]: each for each in graphs.leaves.templates(nesting.turns(graphs.loops))}


def _pull_secrets(program: Program, settings: ArgoSettings) -> Iterator[str]:
    """The secrets that images are pulled with, of all steps: only a whole workflow has them."""
    yield from settings.image_pull_secrets
    for step in program.graph.steps.values():
        if step.decorators:
            yield from placement_of(asked_of(step)[0], settings).pull_secrets
