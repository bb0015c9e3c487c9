"""The names that a compiled Kubeflow pipeline and the containers of its tasks share."""

from __future__ import annotations

RUN, STEP, PATH = "run", "step", "path"
"""Inputs of every task."""
PARAMETER = "param_"
"""Before the name of a flow's parameter among the inputs of the start task: a flow may call one ``path``."""
SPLITS, NEXT = "splits", "next"
"""Outputs: of openers the paths of the body's tasks, a list; of switches the name of the step they chose."""
