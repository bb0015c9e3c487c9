"""From a program to a pipeline in Kubeflow's intermediate representation: pure, and safe for any depth and length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.backends.kubeflow.executors import STRING, Kind, component, executor, executor_name
from penstock.backends.kubeflow.inputs import pipeline_inputs
from penstock.backends.kubeflow.platforms import platform_document
from penstock.backends.kubeflow.pods import Pod, Shape, plain_shape, pod_of
from penstock.backends.kubernetes.documents import dump
from penstock.backends.kubernetes.names import keys, label
from penstock.backends.protocol import Bundle
from penstock.compiler.dags import CHOICE, ROOT, Dag, Dags, Named
from penstock.compiler.dags import STEP as A_STEP
from penstock.compiler.steps import Foreach
from penstock.runtime_shim.initialize import START
from penstock.runtime_shim.kubeflow_names import NEXT, PARAMETER, PATH, RUN, SPLITS, STEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.backends.kubeflow.settings import KubeflowSettings
    from penstock.compiler.program import Program

PIPELINE = "pipeline.yaml"
SCHEMA_VERSION = "2.1.0"
KEY_LENGTH = 40
"""Characters of a task's key: the backend makes names of templates and pods with what stands before and after it."""
RUN_UUID = "{{$.pipeline_job_uuid}}"
"""The backend puts the run's id in its place where it is the whole of a constant that a task is given."""


def lower(program: Program, settings: KubeflowSettings) -> Bundle:
    """The pipeline, and in a second document what only Kubernetes knows of its executors, if there is any."""
    pipeline = _Pipeline(program, settings)
    documents = [pipeline.document(), *platform_document(pipeline.shapes)]
    return Bundle(files={PIPELINE: dump(documents)}, main=PIPELINE)


class _Pipeline:
    """One pipeline while it is written; ``shapes`` are those of its executors by name."""

    def __init__(self, program: Program, settings: KubeflowSettings) -> None:
        self._program = program
        self._settings = settings
        self._inputs = pipeline_inputs(program.graph.parameters)
        self._dags = Dags(program)
        self._keys = keys(self._dags.named(), KEY_LENGTH)
        self._plain = plain_shape(settings)
        self.shapes: dict[str, Shape] = {}
        self._components: dict[str, dict[str, Any]] = {}
        self._executors: dict[str, dict[str, Any]] = {}
        self._leaves = {name: self._leaf(name) for name in program.graph.steps}

    def document(self) -> dict[str, Any]:
        """The pipeline's specification."""
        from penstock import __version__

        root = self._dag(self._dags.all[ROOT])
        for switch in self._dags.arms:
            self._components[f"comp-{self._keys[CHOICE, switch]}"] = self._choice(switch)
        for named, dag in self._dags.all.items():
            if named != ROOT:
                self._components[f"comp-{self._keys[named]}"] = self._dag(dag)
        if self._inputs:
            root["inputDefinitions"] = {"parameters": self._inputs}
        information = {"name": label(self._settings.name)}
        if self._settings.description:
            information["description"] = self._settings.description
        return {
            "components": self._components,
            "deploymentSpec": {"executors": self._executors},
            "pipelineInfo": information,
            "root": root,
            "schemaVersion": SCHEMA_VERSION,
            "sdkVersion": f"penstock-{__version__}",
        }

    def _leaf(self, name: str) -> tuple[str, Pod]:
        """The component of a step, and its pod."""
        step = self._program.graph[name]
        pod = pod_of(step, self._settings)
        kind = Kind(name == START, isinstance(step.transition, Foreach), name in self._dags.arms)
        executor_of = executor_name(kind, pod.shape, self._plain)
        if executor_of not in self.shapes:
            self.shapes[executor_of] = pod.shape
            self._components[f"comp-{executor_of}"] = component(kind, executor_of, self._inputs)
            self._executors[f"exec-{executor_of}"] = executor(self._program.name, self._settings, pod.shape)
        return f"comp-{executor_of}", pod

    def _dag(self, dag: Dag) -> dict[str, Any]:
        """The component of a pipeline."""
        tasks = {self._keys[named]: self._task(dag, named, after) for named, after in dag.tasks.items()}
        definition: dict[str, Any] = {"dag": {"tasks": tasks}}
        match dag.named[0]:
            case "foreach":
                definition["inputDefinitions"] = {"parameters": {SPLITS: {"parameterType": "LIST"}, PATH: STRING}}
            case "arm":
                definition["inputDefinitions"] = {"parameters": {NEXT: STRING, PATH: STRING}}
            case _:
                pass
        return definition

    def _task(self, dag: Dag, named: Named, after: tuple[Named, ...]) -> dict[str, Any]:
        kind, step = named
        key = self._keys[named]
        task: dict[str, Any] = {"cachingOptions": {}, "taskInfo": {"name": key}}
        if after:
            task["dependentTasks"] = sorted(self._keys[each] for each in after)
        path: dict[str, Any] = _constant("") if dag.named == ROOT else {"componentInputParameter": PATH}
        before = self._keys[A_STEP, step]
        match kind:
            case "foreach":
                task["componentRef"] = {"name": f"comp-{key}"}
                task["inputs"] = {"parameters": {SPLITS: _output(before, SPLITS)}}
                task["parameterIterator"] = {"itemInput": PATH, "items": {"inputParameter": SPLITS}}
                task["iteratorPolicy"] = {"parallelismLimit": self._settings.max_workers}
            case "choice":
                task["componentRef"] = {"name": f"comp-{key}"}
                task["inputs"] = {"parameters": {NEXT: _output(before, NEXT), PATH: path}}
            case _:
                component_of, pod = self._leaves[step]
                task["componentRef"] = {"name": component_of}
                task["inputs"] = {"parameters": dict(self._given(step, path))}
                if pod.retries and not dag.in_foreach:
                    task["retryPolicy"] = {"maxRetryCount": pod.retries}
        return task

    def _given(self, step: str, path: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        yield RUN, _constant(RUN_UUID)
        yield STEP, _constant(step)
        yield PATH, path
        if step == START:
            for name in self._inputs:
                yield PARAMETER + name, {"componentInputParameter": name}

    def _choice(self, switch: str) -> dict[str, Any]:
        """A pipeline of the arms: each runs where the switch chose its step.  What follows waits for all of it, because
        a task that waits for one that was skipped is skipped too.
        """
        tasks = {}
        for target, named in self._dags.arms[switch].pipelines.items():
            key = self._keys[named]
            tasks[key] = {
                "cachingOptions": {},
                "componentRef": {"name": f"comp-{key}"},
                "inputs": {"parameters": {name: {"componentInputParameter": name} for name in (NEXT, PATH)}},
                "taskInfo": {"name": key},
                "triggerPolicy": {"condition": f"inputs.parameter_values['{NEXT}'] == '{target}'"},
            }
        return {"dag": {"tasks": tasks}, "inputDefinitions": {"parameters": {NEXT: STRING, PATH: STRING}}}


def _constant(text: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": text}}


def _output(task: str, key: str) -> dict[str, Any]:
    return {"taskOutputParameter": {"producerTask": task, "outputParameterKey": key}}
