"""Whether a state machine's definition is one that AWS takes: structure, paths, intrinsic functions, task parameters.

Written from the Amazon States Language specification and the Step Functions developer guide, never from our own
lowering. It finds what other validators leave out: task parameters that the service does not know, a path without
``.$``, an unreachable state, ``States.ALL`` before the last place, a misspelt name of the context object, more than
1 MB.
"""

from __future__ import annotations

import json

from penstock.backends.step_functions.validation.machine import machine_problems
from penstock.backends.step_functions.validation.problem import Problem

DEFINITION_BYTES = 1_048_576

__all__ = ["DEFINITION_BYTES", "Problem", "problems"]


def problems(definition: str | bytes) -> list[Problem]:
    """Everything that is wrong with a definition, in the order of the document; empty when it is well."""
    size = len(definition.encode() if isinstance(definition, str) else definition)
    found: list[Problem] = []
    if size > DEFINITION_BYTES:
        found.append(Problem("", f"the definition has {size:,} bytes, {DEFINITION_BYTES:,} are allowed"))
    try:
        document = json.loads(definition)
    except ValueError as error:
        return [*found, Problem("", f"not JSON: {error}")]
    except RecursionError:
        return [*found, Problem("", "nested too deeply to be read")]
    return [*found, *machine_problems(document)]
