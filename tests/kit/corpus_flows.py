"""The corpus of flows: one file a flow, smallest first, each saying what its run must leave behind.

A flow file states its truth in constants: ``EXPECTED`` maps ``step/task`` to artifacts (some, not all, of the task's),
``PARAMETERS`` are the values to run it with, ``FAILS_AT`` is the task whose code raises.  Task ids are a function of
where a task stands, so they are the same on every backend.  The constants are read without importing the flow.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "corpus"

ORDER = (
    "start_end", "linear", "class_constants", "parameters", "hostile_defaults", "hostile_parameters",
    "deploy_time_default", "inherited_steps", "self_mutation", "value_kinds", "many_artifacts", "artifact_sizes",
    "chatter", "failing_step",
    "branches", "nested_branches", "join_two_splits", "merges",
    "foreach", "foreach_chain", "foreach_iterables", "foreach_stack", "current_use", "failing_split",
    "foreach_in_branch", "branch_in_foreach", "nested_foreach", "empty_inner_foreach", "empty_outer_foreach",
    "everything_nested", "wide_foreach",
    "switch", "switch_to_end", "switch_shared_tail", "if_else", "match_arms", "switch_in_foreach", "foreach_in_switch",
    "switch_in_branch", "loop", "loop_to_itself", "loop_exits", "nested_loops", "loop_in_foreach", "foreach_in_loop",
    "crossing_branches", "join_in_part", "crossing_with_all", "foreach_parameter", "decorated",
    "scheduled",
)  # fmt: skip
"""Smallest first: the first one that fails says most."""


@dataclass(frozen=True)
class CorpusFlow:
    """One flow of the corpus and what running it must give."""

    name: str
    file: Path
    flow: str
    """The name of its class."""
    expected: Mapping[str, Mapping[str, Any]]
    """Artifacts by ``step/task``."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Values to run it with; without them, the defaults."""
    fails_at: str | None = None
    """The ``step/task`` whose code raises; None where the run succeeds."""

    @property
    def arguments(self) -> list[str]:
        """The parameters as options of `run`: one argument each, so that no value is taken for an option."""
        return [f"--{name}={_as_text(value)}" for name, value in self.parameters.items()]


def _as_text(value: object) -> str:
    return json.dumps(value) if value is None or isinstance(value, (dict, list)) else str(value)


def load(name: str) -> CorpusFlow:
    """The flow in ``tests/corpus/<name>.py``."""
    file = FOLDER / f"{name}.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    wanted = {"EXPECTED", "PARAMETERS", "FAILS_AT"}
    constants: list[ast.stmt] = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in wanted
    ]
    values: dict[str, Any] = {}
    exec(compile(ast.Module(constants, []), file, "exec"), values)
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name.endswith("Flow")]
    return CorpusFlow(
        name=name,
        file=file,
        flow=classes[-1],
        expected=values["EXPECTED"],
        parameters=values.get("PARAMETERS", {}),
        fails_at=values.get("FAILS_AT"),
    )


CORPUS: tuple[CorpusFlow, ...] = tuple(load(name) for name in ORDER)
"""Every flow, smallest first."""
