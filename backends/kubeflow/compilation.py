"""From a flow's command line to a pipeline: compiled, packed, checked; nothing is asked of a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.backends.flow_package import deployed_defaults, package_of, resolved
from penstock.backends.kubeflow import BACKEND
from penstock.backends.kubeflow.code_urls import beside_problems, image_problems
from penstock.backends.kubeflow.limits import document_problems
from penstock.backends.kubeflow.lowering import lower
from penstock.backends.kubeflow.resolution import problems, resolve_settings
from penstock.backends.kubernetes.cluster import IMAGE_KEY
from penstock.backends.kubernetes.containers import compact
from penstock.backends.protocol import Compilation, gaps
from penstock.compiler.diagnostics import Diagnostic, stop_at_errors
from penstock.compiler.flow_shape import planned_shape

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.kubeflow.resolution import Chosen
    from penstock.backends.kubeflow.settings import KubeflowSettings
    from penstock.backends.protocol import Bundle
    from penstock.compiler.packaging import CodePackage


@dataclass(frozen=True)
class CompiledFlow:
    """A flow compiled for Kubeflow: ``package`` is None where containers fetch the flow file from a URL; ``warnings``
    is what there is to say about it.
    """

    settings: KubeflowSettings
    bundle: Bundle
    package: CodePackage | None
    warnings: tuple[Diagnostic, ...]

    @property
    def document(self) -> bytes:
        """The pipeline and its platform document, as YAML."""
        return self.bundle.files[self.bundle.main]

    @property
    def compilation(self) -> Compilation:
        """The same, in the words of every target."""
        settings = self.settings
        return Compilation(settings.name, self.bundle, settings.datastore_root, self.package, self.warnings)


def compile_for_kubeflow(
    state: State,
    chosen: Chosen,
    *,
    output: str | None = None,
    amend: Callable[[KubeflowSettings], KubeflowSettings] | None = None,
) -> CompiledFlow:
    """Compile the flow of a command line.

    ``output`` is a file that the command writes, which the code package leaves out.  ``amend`` may fill gaps of the
    settings before they are checked.  Raises Refused with everything that is wrong, in one go; Failure for a profile
    that can't be read, and for a parameter whose default function fails.
    """
    program = state.program()
    settings, found = resolved(state, chosen, resolve_settings, problems, amend)
    settings = replace(settings, description=program.graph.doc)
    if amend is None and chosen.code_url and not chosen.image and not state.configuration.get(IMAGE_KEY):
        found = (*found, *image_problems(program, settings.image))
    diagnostics = [*gaps(program, BACKEND), *found]
    stop_at_errors(diagnostics)
    package = None if settings.code_url else package_of(state, output)
    if package is None:
        settings = _with_flow(settings, state)
        diagnostics += beside_problems(state.entry[-1])
    else:
        settings = replace(settings, package_sha=package.sha)
        diagnostics += package.warnings
    bundle = lower(program, settings)
    diagnostics += document_problems(program, bundle)
    stop_at_errors(diagnostics)
    return CompiledFlow(settings, bundle, package, (*state.compiled().diagnostics, *diagnostics))


def _with_flow(settings: KubeflowSettings, state: State) -> KubeflowSettings:
    """The settings with what a package would tell of the flow."""
    defaults = deployed_defaults(state.flow_class, settings.user)
    return replace(
        settings,
        flow_shape=planned_shape(state.program())[1],
        decospecs=state.options.decospecs,
        defaults=compact(defaults) if defaults else "",
    )
