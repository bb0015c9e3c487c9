"""The limits that AWS and Penstock hold, beside what a simulated run needs of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from penstock.backends.step_functions.capabilities import DEFINITION_BYTES
from penstock.backends.step_functions.executions import INPUT_BYTES
from penstock.backends.step_functions.simulation.simulating import Simulation
from penstock.runtime_shim.event_budget import EVENT_BUDGET

HISTORY_EVENTS = 25_000
_DISTRIBUTE = "compile with --distributed-map"
_RECORD_BYTES = 300
"""Of an opener's record besides its splits: run, path, names of steps and of parents."""


class Limit(NamedTuple):
    """``value`` of ``most``; ``advice`` says what to do where it is more."""

    name: str
    value: int
    most: int
    advice: str = ""

    @property
    def met(self) -> bool:
        """Whether AWS takes it."""
        return self.value <= self.most


def limits(simulation: Simulation, definition_bytes: int) -> Iterator[Limit]:
    """What a run meets."""
    yield Limit("bytes of the state machine", definition_bytes, DEFINITION_BYTES, "split the flow")
    fewer = _fewer_events(simulation)
    yield Limit("events of the execution", _whole(simulation.events), HISTORY_EVENTS, fewer)
    refused = f"the step that would pass it refuses: {fewer}"
    yield Limit("events that Penstock allows", _whole(simulation.events), EVENT_BUDGET, refused)
    if simulation.children:
        nested = "narrower foreaches inside, or fewer turns"
        yield Limit("events of an iteration", _whole(simulation.child_events), HISTORY_EVENTS, nested)
    inline = [_whole(opened.width) for opened in simulation.foreaches.values() if not opened.distributed]
    if inline:
        size = record_bytes(max(inline))
        wide = _DISTRIBUTE if _is_distributable(simulation) else "fewer, larger items in the foreaches inside"
        yield Limit("bytes of the widest foreach's record", size, INPUT_BYTES, wide)


def _is_distributable(simulation: Simulation) -> bool:
    opened = simulation.foreaches.values()
    return bool(opened) and not any(each.distributed for each in opened)


def _fewer_events(simulation: Simulation) -> str:
    """What makes the history of the execution itself shorter: of loops no option does."""
    ways = [_DISTRIBUTE] if _is_distributable(simulation) else []
    ways += ["let the code of one step do several turns"] if simulation.loops else []
    return ", or ".join(ways) or "split the flow"


def record_bytes(width: int) -> int:
    """About how large the record of an opener is: every index, and the commas between."""
    digits, first, length = 0, 0, 1
    while first < width:
        beyond = min(width, int(f"1{'0' * length}"))
        digits += length * (beyond - first)
        first, length = beyond, length + 1
    return _RECORD_BYTES + digits + max(0, width - 1)


def _whole(value: float) -> int:
    return int(-(-value // 1))
