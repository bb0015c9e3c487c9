"""The shape of a flow: a text that is the same for two versions of its file exactly when one document serves both.

What steps do may change between them, and comments; what a compiled document says of the flow may not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from penstock.compiler.planning import completed, plan_of

if TYPE_CHECKING:
    from penstock.compiler.program import Program
    from penstock.compiler.steps import Decorator
    from penstock.runtime_shim.plan import Plan


def planned_shape(program: Program) -> tuple[Plan, str]:
    """The plan of ``program``, and its shape: ``<Penstock's version>/<sha256>``, the version for whoever finds that
    the second part is another one.

    Values of defaults that are functions are in neither.
    """
    from penstock import __version__

    plan, graph = plan_of(program), program.graph
    said = {
        "plan": plan.to_json().decode(),
        "parameters": [[each.name, each.type, each.required, each.default, each.deferred] for each in graph.parameters],
        "decorators": {name: _said(step.decorators) for name, step in graph.steps.items()},
        "flow": _said(graph.decorators),
    }
    text = json.dumps(said, sort_keys=True, default=repr)
    return plan, f"{__version__}/{hashlib.sha256(text.encode()).hexdigest()}"


def _said(decorators: Iterable[Decorator]) -> list[tuple[str, object]]:
    return [(each.name, completed(each)) for each in decorators]
