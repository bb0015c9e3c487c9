"""From a flow's command line to manifests: compiled, packed, checked; nothing is asked of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from penstock.backends.argo import BACKEND
from penstock.backends.argo.limits import object_problems
from penstock.backends.argo.lowering import bundle_of, objects
from penstock.backends.argo.resolution import problems, resolve_settings
from penstock.backends.flow_package import package_of, resolved
from penstock.backends.protocol import Compilation, gaps
from penstock.compiler.diagnostics import Diagnostic, stop_at_errors

if TYPE_CHECKING:
    from penstock.backends.argo.resolution import Chosen
    from penstock.backends.argo.settings import ArgoSettings
    from penstock.backends.commandline import State
    from penstock.backends.protocol import Bundle
    from penstock.compiler.packaging import CodePackage


@dataclass(frozen=True)
class CompiledFlow:
    """A flow compiled for Argo Workflows: ``documents`` are the objects, the workflow template that runs are made from
    first; ``warnings`` is what there is to say about it.
    """

    settings: ArgoSettings
    documents: list[dict[str, Any]]
    package: CodePackage
    warnings: tuple[Diagnostic, ...]

    @cached_property
    def bundle(self) -> Bundle:
        """The objects as files."""
        return bundle_of(self.documents)

    @property
    def compilation(self) -> Compilation:
        """The same, in the words of every target."""
        settings = self.settings
        return Compilation(settings.name, self.bundle, settings.datastore_root, self.package, self.warnings)


def compile_for_argo(
    state: State,
    chosen: Chosen,
    *,
    output: str | None = None,
    amend: Callable[[ArgoSettings], ArgoSettings] | None = None,
) -> CompiledFlow:
    """Compile the flow of a command line.

    ``output`` is a folder that the command writes, which the code package leaves out.  ``amend`` may fill gaps of the
    settings before they are checked.  Raises Refused with everything that is wrong, in one go; Failure for a profile
    that can't be read, and for a parameter whose default function fails.
    """
    program = state.program()
    settings, found = resolved(state, chosen, resolve_settings, problems, amend)
    diagnostics = [*gaps(program, BACKEND), *found]
    stop_at_errors(diagnostics)
    package = package_of(state, output)
    settings = replace(settings, description=program.graph.doc, package_sha=package.sha)
    documents = objects(program, settings)
    diagnostics += [*package.warnings, *object_problems(program, documents)]
    stop_at_errors(diagnostics)
    return CompiledFlow(settings, documents, package, (*state.compiled().diagnostics, *diagnostics))
