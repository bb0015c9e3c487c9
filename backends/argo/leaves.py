"""Leaf templates: what stands once for all steps whose pods are alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.backends.argo.parameters import inert
from penstock.backends.argo.retries import deadline, retry_strategy
from penstock.backends.argo.volumes import PodFields, pod_fields
from penstock.backends.kubernetes.containers import compact, environment
from penstock.backends.kubernetes.pods import asked_of, needs_of, placement_of
from penstock.compiler.packaging import bootstrap
from penstock.runtime_shim.argo_names import (
    ARGUMENTS_ENV,
    NEXT,
    OUTPUTS_ENV,
    OUTPUTS_FOLDER,
    PATH,
    SPLITS,
    TRY_ENV,
    TURNS_ENV,
)

if TYPE_CHECKING:
    from penstock.backends.argo.settings import ArgoSettings
    from penstock.compiler.steps import Step
    from penstock.runtime_shim.policy import Policy

STEP = "step"
"""The input of every leaf besides the path."""
TARGET = "argo-workflows"
DEFAULTS: Mapping[str, str] = {SPLITS: "0", NEXT: "", PATH: ""}
"""What outputs and inputs are where nothing was put out, as in a task that was skipped."""

_LISTS = frozenset({"PENSTOCK_ENTRY", "PENSTOCK_TAGS"})
"""Variables that hold lists of texts as JSON."""


class Kind(NamedTuple):
    """What leaves of one shape differ in: only the start task takes the flow's parameters, only openers put out the
    number of splits, switches the step that they chose, and what goes back in a loop the path of what follows.
    """

    start: bool = False
    opener: bool = False
    switch: bool = False
    turn: bool = False

    @property
    def name(self) -> str:
        """A word or two for the name of the template."""
        words = [word for word, said in zip(self._fields, self, strict=True) if said]
        return "-".join(words) or "task"

    @property
    def outputs(self) -> Iterator[str]:
        """The names of what it puts out."""
        if self.opener:
            yield SPLITS
        if self.switch:
            yield NEXT
        if self.switch or self.turn:
            yield PATH


class _Shape(NamedTuple):
    """What leaves of one kind differ in."""

    image: str
    pod: PodFields
    strategy: Mapping[str, Any] | None
    deadline: str | None


class Leaves:
    """The leaf templates of a flow, found step by step."""

    def __init__(self, flow: str, settings: ArgoSettings) -> None:
        self._flow = flow
        self._settings = settings
        self._plain = self._shape({}, None)
        self._found: dict[str, tuple[Kind, _Shape]] = {}

    def name_of(self, step: Step, kind: Kind) -> str:
        """The name of a step's template: ``task`` for steps that ask for nothing, ``task-1a2b3c4d`` for a shape of its
        own, named by what it is.
        """
        shape = self._shape(*asked_of(step)) if step.decorators else self._plain
        name = kind.name
        if shape != self._plain:
            text = json.dumps(shape, sort_keys=True)
            name = f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        self._found[name] = (kind, shape)
        return name

    def levels(self, name: str) -> int:
        """How deep a leaf nests: Argo evaluates one that is tried again inside of itself."""
        return 1 if self._found[name][1].strategy is None else 2

    def templates(self, turns: Mapping[str, tuple[int, int]]) -> Iterator[dict[str, Any]]:
        """All of them; ``turns`` are room and levels of loops by header, for steps that go back in one."""
        text = compact({header: list(numbers) for header, numbers in turns.items()})
        for name, (kind, shape) in self._found.items():
            yield self._template(name, kind, shape, text)

    def _shape(self, asked: Mapping[str, Any], policy: Policy | None) -> _Shape:
        needs = needs_of(asked, self._settings)
        return _Shape(
            needs.image,
            pod_fields(placement_of(asked, self._settings), needs),
            retry_strategy(policy) if policy else None,
            deadline(policy) if policy else None,
        )

    def _template(self, name: str, kind: Kind, shape: _Shape, turns: str) -> dict[str, Any]:
        template: dict[str, Any] = {
            "name": name,
            "inputs": {"parameters": [{"name": STEP}, {"name": PATH, "value": DEFAULTS[PATH]}]},
            "container": self._container(kind, shape, turns),
            **shape.pod.template,
        }
        outputs = [
            {"name": each, "valueFrom": {"path": f"{OUTPUTS_FOLDER}/{each}", "default": DEFAULTS[each]}}
            for each in kind.outputs
        ]
        if outputs:
            template["outputs"] = {"parameters": outputs}
        if shape.strategy is not None:
            template["retryStrategy"] = shape.strategy
        if shape.deadline is not None:
            template["activeDeadlineSeconds"] = shape.deadline
        return template

    def _container(self, kind: Kind, shape: _Shape, turns: str) -> dict[str, Any]:
        return {
            "command": ["python", "-c", bootstrap()],
            "env": [*self._environment(kind, shape, turns), *shape.pod.variables],
            "image": shape.image,
            **shape.pod.container,
        }

    def _environment(self, kind: Kind, shape: _Shape, turns: str) -> Iterator[dict[str, str]]:
        """The arguments come first: Kubernetes finds only variables in them that stand before."""
        if kind.start:
            yield {"name": ARGUMENTS_ENV, "value": "{{workflow.parameters}}"}
        others = {
            OUTPUTS_ENV: OUTPUTS_FOLDER,
            "PENSTOCK_PATH": "{{inputs.parameters." + PATH + "}}",
            "PENSTOCK_RUN": "{{workflow.name}}",
            "PENSTOCK_STEP": "{{inputs.parameters." + STEP + "}}",
        }
        if shape.strategy is not None:
            others[TRY_ENV] = "{{retries}}"
        if kind.turn:
            others[TURNS_ENV] = turns
        for each in environment(self._flow, self._settings, shape.image, TARGET, others):
            yield {**each, "value": inert(each["value"])} if each["name"] in _LISTS else each
