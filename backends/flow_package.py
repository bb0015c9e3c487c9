"""The code package of a command line's flow, the same for every target and for `package`; and what a target's settings
are resolved from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from penstock.compiler.packaging import build_package, suffixes_of
from penstock.compiler.planning import plan_of
from penstock.runtime_shim.identity import user_name
from penstock.runtime_shim.parameters import ParameterContext, parameters_of

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.compiler.diagnostics import Diagnostic
    from penstock.compiler.packaging import CodePackage
    from penstock.runtime_shim.configuration import Configuration

C = TypeVar("C")
S = TypeVar("S")


def package_of(state: State, output: str | None = None) -> CodePackage:
    """The package, its plan with the computed defaults of parameters included.

    ``output`` is what the command writes, which the package leaves out.  Raises Refused for a flow with errors and for
    files that can't be packed, Failure for a parameter whose default function fails.
    """
    plan = plan_of(state.program(), deployed_defaults(state.flow_class, deploying_user(state)))
    return build_package(state.entry[-1], plan.to_json(), suffixes_of(state.options.package_suffixes), output)


def upload_code(state: State, package: CodePackage, root: str) -> str:
    """Store the code package where the containers of a compiled flow look for it; a line that says what was done.

    Raises StorageFailure.
    """
    from penstock.compiler.packaging import STORED_RAW
    from penstock.runtime_shim.datastore.opening import open_datastore
    from penstock.runtime_shim.records import blob_key

    store = open_datastore("s3", root, state.configuration)
    key = blob_key(state.flow_class.__name__, package.sha)
    stored = store.put_if_absent(key, package.data, STORED_RAW)
    return f"code package   {store.location(key)}  {'uploaded' if stored else 'unchanged'}"


def packed_entry(state: State) -> tuple[str, ...]:
    """How the flow file is run where the package is unpacked, as arguments after the interpreter."""
    *alias, script = state.entry
    return (*alias, os.path.basename(script))


def deploying_user(state: State) -> str:
    """Who deploys: the user that runs of the deployed flow count as."""
    return user_name(configured=state.configuration.get("METAFLOW_USER"))


def deployed_defaults(flow_class: type, user: str) -> dict[str, object]:
    """The values of parameters whose default is a function, by name: the functions run now, once for all runs.

    Raises Failure naming the parameter whose function failed.
    """
    return {
        name: parameter.deployed_default(ParameterContext(flow_class.__name__, user, name))
        for name, parameter in parameters_of(flow_class).items()
        if parameter.is_deferred
    }


def resolved(
    state: State,
    chosen: C,
    resolve: Callable[[str, tuple[str, ...], str, Configuration, C], tuple[S, Iterable[Diagnostic]]],
    problems: Callable[[str, S], Iterable[Diagnostic]],
    amend: Callable[[S], S] | None,
) -> tuple[S, tuple[Diagnostic, ...]]:
    """A target's settings for the flow, what was ``chosen`` among them, and what is wrong with them; ``amend`` may fill
    gaps before they are checked.

    Raises Failure for a profile that can't be read.
    """
    flow = state.program().name
    settings, found = resolve(flow, packed_entry(state), deploying_user(state), state.configuration, chosen)
    if amend is None:
        return settings, tuple(found)
    settings = amend(settings)
    return settings, tuple(problems(flow, settings))
