"""Where moto 5.2.5 does not behave as AWS: one small function per fact, applied once in the engine's own process.

moto is pinned exactly, because the mends reach into its private parts; :data:`MOTO_VERSION` is checked before any is
applied.  Every docstring names the fact; "AWS" stands for the Step Functions developer guide and the Batch user guide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from penstock.backends.step_functions.rehearsal.fleet import Fleet
from penstock.backends.step_functions.rehearsal.messages import EngineOptions, Event

MOTO_VERSION = "5.2.5"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What mends need to know: the ``options``, where the engine answers, who runs jobs, who is told."""

    options: EngineOptions
    endpoint: str
    fleet: Fleet
    outlet: Callable[[Event], None]


def apply(options: EngineOptions, endpoint: str, fleet: Fleet, outlet: Callable[[Event], None]) -> None:
    """Mend the moto of this process.

    Raises RuntimeError where it is another version than :data:`MOTO_VERSION`.
    """
    import moto

    if moto.__version__ != MOTO_VERSION:
        raise RuntimeError(f"the rehearsal needs moto {MOTO_VERSION}, this is {moto.__version__}")
    from penstock.backends.step_functions.rehearsal.mends import (
        batch,
        calls,
        errors,
        executions,
        limits,
        maps,
        paths,
        sync,
    )

    surroundings = Surroundings(options, endpoint, fleet, outlet)
    for module in (calls, paths, errors, sync, maps, limits, executions, batch):
        for mend in module.MENDS:
            mend(surroundings)
