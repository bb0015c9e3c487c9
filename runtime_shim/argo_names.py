"""The names that compiled Argo Workflows manifests and the containers of their tasks share."""

from __future__ import annotations

RUN_PREFIX = "argo-"
"""Before the name of the workflow in the id of its run."""
SPLITS, NEXT, PATH = "num-splits", "next", "path"
"""Outputs, each a file of that name: of openers the width of the foreach; of switches the step they chose; of switches
and of steps that go back in a loop the path of what follows, without the first turns at its end."""
OUTPUTS_ENV = "PENSTOCK_OUTPUTS"
"""Environment variable with the folder of these files."""
OUTPUTS_FOLDER = "/tmp/penstock/outputs"  # noqa: S108 - inside of a container, which has one task
"""The folder in a pod."""
TRY_ENV = "PENSTOCK_TRY"
"""Environment variable with the number of the pod, from 0, where there is a retry strategy."""
ARGUMENTS_ENV = "PENSTOCK_ARGUMENTS"
"""Environment variable of the start task: the workflow's parameters, a JSON list of ``{name, value}``, values as
texts."""
ENCODED = "penstock-json:"
"""What the value of a parameter begins with that is JSON in ASCII without ``{``: Argo would alter what it stands for.
``penstock-json:null`` says that there is no value; nothing behind it, that the flow's own default counts."""
TURNS_ENV = "PENSTOCK_TURNS"
"""Environment variable of steps that go back in loops: a JSON object with a list ``[room, levels]`` for each loop by
its header.  A turn nests templates ``levels`` deeper.  The turn at a path fits where, over all loops around, the
numbers of the turns times their levels are ``room`` of its own loop together at most."""
