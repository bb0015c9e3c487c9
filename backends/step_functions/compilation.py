"""From a flow's command line to a deployment: compiled, packed, checked; nothing of AWS is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.backends.flow_package import package_of, resolved
from penstock.backends.protocol import Compilation, gaps
from penstock.backends.step_functions import BACKEND
from penstock.backends.step_functions.aws_tags import DEFAULT_TAGS, unreadable_tags
from penstock.backends.step_functions.bundle import Deployment, deployment_of
from penstock.backends.step_functions.jobs import job_of
from penstock.backends.step_functions.limits import limit_problems
from penstock.backends.step_functions.lowering import lower
from penstock.backends.step_functions.resolution import problems, resolve_settings, tag_problems
from penstock.backends.step_functions.schedules import schedule_problems
from penstock.compiler.diagnostics import Diagnostic, stop_at_errors
from penstock.compiler.planning import plan_of

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.protocol import Bundle
    from penstock.backends.step_functions.resolution import Chosen
    from penstock.backends.step_functions.settings import StepFunctionsSettings
    from penstock.compiler.packaging import CodePackage
    from penstock.runtime_shim.plan import Plan


@dataclass(frozen=True)
class CompiledFlow:
    """A flow compiled for Step Functions; ``plan`` is who comes after whom, ``warnings`` what there is to say."""

    settings: StepFunctionsSettings
    bundle: Bundle
    package: CodePackage
    deployment: Deployment
    plan: Plan
    warnings: tuple[Diagnostic, ...]

    @property
    def compilation(self) -> Compilation:
        """The same, in the words of every target."""
        settings = self.settings
        return Compilation(settings.name, self.bundle, settings.datastore_root, self.package, self.warnings)


def compile_for_step_functions(
    state: State,
    chosen: Chosen,
    *,
    output: str | None = None,
    amend: Callable[[StepFunctionsSettings], StepFunctionsSettings] | None = None,
) -> CompiledFlow:
    """Compile the flow of a command line.

    ``output`` is a folder that the command writes, which the code package leaves out.  ``amend`` may fill gaps of the
    settings before they are checked.  Raises Refused with everything that is wrong, in one go; Failure for a profile
    that can't be read, and for a parameter whose default function fails.
    """
    program = state.program()
    settings, found = resolved(state, chosen, resolve_settings, problems, amend)
    diagnostics = [*gaps(program, BACKEND), *found, *schedule_problems(program, settings)]
    diagnostics += tag_problems(chosen.tags)
    diagnostics += unreadable_tags(chosen.aws_tags, state.configuration.get(DEFAULT_TAGS))
    stop_at_errors(diagnostics)
    package = package_of(state, output)
    settings = replace(settings, package_sha=package.sha)
    bundle = lower(program, settings)
    diagnostics += [*package.warnings, *limit_problems(program, bundle)]
    stop_at_errors(diagnostics)
    queues = {job_of(step, settings).queue for step in program.graph.steps.values()}
    deployment = deployment_of(program.name, settings, bundle, package, queues)
    warnings = (*state.compiled().diagnostics, *diagnostics)
    return CompiledFlow(settings, bundle, package, deployment, plan_of(program), warnings)
