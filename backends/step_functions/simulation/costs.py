"""What a simulated run would cost, roughly, by prices that are options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from penstock.backends.step_functions.simulation.assumptions import Assumptions
from penstock.backends.step_functions.simulation.machines import step_of, take_apart
from penstock.backends.step_functions.simulation.simulating import Simulation

PRICES_OF = "us-east-1, list prices of 2024, Linux on Fargate; AWS Batch itself costs nothing"
"""What the defaults are: written down here, and never fetched."""
_GB = 1024


class Prices(NamedTuple):
    """In dollars: for a thousand state transitions, and for an hour of a vCPU and of a gigabyte of memory."""

    transitions: float = 0.025
    vcpu_hour: float = 0.04048
    gb_hour: float = 0.004445


class Cost(NamedTuple):
    """``transitions`` and ``machines`` in dollars, the latter for so many hours of vCPUs and gigabytes."""

    transitions: float
    machines: float
    vcpu_hours: float
    gb_hours: float

    @property
    def total(self) -> float:
        """Dollars."""
        return self.transitions + self.machines


def cost_of(
    simulation: Simulation,
    document: Mapping[str, Any],
    definitions: Mapping[str, Mapping[str, Any]],
    assumed: Assumptions,
    prices: Prices,
) -> Cost:
    """The cost of one run in which every task succeeds at once; ``definitions`` are the job definitions by name."""
    shapes = {name: _shape(definition) for name, definition in definitions.items()}
    vcpu_seconds = gb_seconds = 0.0
    for machine in take_apart(document):
        for state in machine.states.values():
            step = step_of(state)
            if step is not None:
                vcpus, gigabytes = shapes[state["Parameters"]["JobDefinition"]]
                seconds = simulation.tasks.get(step, 0) * assumed.seconds_of(step)
                vcpu_seconds += vcpus * seconds
                gb_seconds += gigabytes * seconds
    vcpu_hours, gb_hours = vcpu_seconds / 3600, gb_seconds / 3600
    machines = vcpu_hours * prices.vcpu_hour + gb_hours * prices.gb_hour
    return Cost(simulation.transitions / 1000 * prices.transitions, machines, vcpu_hours, gb_hours)


def _shape(definition: Mapping[str, Any]) -> tuple[float, float]:
    """vCPUs and gigabytes."""
    asked = {each["type"]: each["value"] for each in definition["containerProperties"]["resourceRequirements"]}
    return float(asked.get("VCPU", 1)), float(asked.get("MEMORY", 0)) / _GB
