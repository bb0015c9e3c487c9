"""Runs a flow on this machine: each task in a process of its own, as many at once as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.backends.protocol import BackendInfo, Bundle, Choices, Compilation, Settings
from penstock.compiler.capabilities import Capabilities, Feature, Level, Limits, Support

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.differences import Description
    from penstock.compiler.diagnostics import Diagnostic
    from penstock.compiler.program import Program

PLAN = "plan.json"
"""The one file of the bundle: what the runtime interprets."""

_DECORATORS = {
    Feature.RETRY: "The task's process is started again, after the pause.",
    Feature.CATCH: "The step's process goes on with the exception.",
    Feature.TIMEOUT: "The step's process ends its own children and itself.",
    Feature.ENVIRONMENT: "Variables of the step's process.",
    Feature.RESOURCES: "A task has what this machine has.",
}
_CAPABILITIES = Capabilities(
    {
        **{feature: Support(Level.NATIVE, "Each task is a process on this machine.") for feature in Feature},
        **{feature: Support(Level.NATIVE, sentence) for feature, sentence in _DECORATORS.items()},
        # As in Metaflow: a schedule is for the scheduler that a flow is deployed to, and no reason not to try it here.
        Feature.SCHEDULE: Support(Level.EMULATED, "Nothing starts by itself here: you run the flow."),
    },
    Limits(),
    ignored={"batch": "The step runs here, as a process of this machine."},
)


class LocalBackend:
    """This machine as a target; the bundle is the plan that ``run`` interprets."""

    info = BackendInfo(
        name="local",
        title="This machine",
        summary="Run the flow on this machine.",
        capabilities=_CAPABILITIES,
        commands="",
        scheduler=False,
    )

    def check(self, program: Program) -> Sequence[Diagnostic]:
        """Nothing: what runs at all runs here."""
        return ()

    def lower(self, program: Program, settings: Settings) -> Bundle:
        """The plan as one JSON file; ``settings`` change nothing, since everything is found when the flow runs."""
        from penstock.compiler.planning import plan_of

        return Bundle({PLAN: plan_of(program).to_json()}, PLAN)

    def compile(self, state: State, choices: Choices, output: str | None = None) -> Compilation:
        """The plan; nothing is chosen for it, and nothing packed."""
        from penstock.backends.protocol import gaps

        program = state.program()
        warnings = (*state.compiled().diagnostics, *gaps(program, self))
        root = choices.datastore_root or ""
        settings = Settings(datastore_root=root, name=program.name, entry=state.entry)
        return Compilation(program.name, self.lower(program, settings), root, None, warnings)

    def describe(self, bundle: Bundle) -> Description:
        """The plan's own words."""
        from penstock.backends.differences import described

        return described(bundle)


BACKEND = LocalBackend()
