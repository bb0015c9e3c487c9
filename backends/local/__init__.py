"""Runs a flow on this machine: each task in a process of its own, as many at once as there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.backends.protocol import BackendInfo, Bundle, Settings
from penstock.compiler.capabilities import Capabilities, Feature, Level, Limits, Support

if TYPE_CHECKING:
    from penstock.compiler.program import Program

PLAN = "plan.json"
"""The one file of the bundle: what the runtime interprets."""

_CAPABILITIES = Capabilities(
    {feature: Support(Level.NATIVE, "each task is a process on this machine") for feature in Feature}, Limits()
)


class LocalBackend:
    """This machine as a target; the bundle is the plan that ``run`` interprets."""

    info = BackendInfo(
        name="local",
        title="This machine",
        summary="Run the flow on this machine.",
        capabilities=_CAPABILITIES,
        commands="",
    )

    def lower(self, program: Program, settings: Settings) -> Bundle:
        """The plan as one JSON file; ``settings`` change nothing, since everything is found when the flow runs."""
        from penstock.compiler.planning import plan_of

        return Bundle({PLAN: plan_of(program).to_json()}, PLAN)


BACKEND = LocalBackend()
