"""The compiled flow as the container needs it: who comes after whom, as JSON, without parsing the flow.

``penstock.compiler`` writes the plan, the code package carries it as :data:`PLAN_FILE`, `init` also stores it with
the run (``<flow>/<run>/_plan.json``) for the `step` commands that are started without a package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

PLAN_VERSION = 3
PLAN_FILE = "penstock_plan.json"
"""Name of the plan at the root of a code package."""
PLAN_ENV = "PENSTOCK_PLAN"
"""Environment variable with the plan's path on this machine."""
EACH, LOOP = "each:", "loop:"
"""What the levels of a step's ``nest`` begin with."""


class PlannedStep(NamedTuple):
    """One step, as the runner needs it.

    ``kind`` is how it ends: ``goto``, ``split``, ``foreach``, ``switch`` or ``stop``; ``next`` its successors in
    declaration order (for a switch: the distinct targets), ``over`` the artifact a foreach runs over.  A switch with
    ``cases`` chooses by the artifact ``condition``; one without is an ``if`` or ``match`` in the step's own code.
    ``parents`` are the steps that lead here, for a join those of ``slots``, one after the other.  ``closes`` is what a
    join closes: ``foreach`` or ``split``, else None, and ``opener`` the step that opened it (the outermost where a
    join closes several splits).  ``slots`` are, for each input of a join that closes splits, in declaration order, the
    steps that may be that input; a join that closes a foreach has one, for every split of it.

    ``nest`` names the foreaches and loops around the step, outermost first, as ``each:<opener>`` and
    ``loop:<header>``: a frame of the path each.  ``merges`` says that the parent cannot be told from the plan and the
    path, and is found by a pointer: several steps lead here, or one out of a loop; for a join, to one of its slots.
    ``decorators`` are ``{"name": …, "attributes": {…}}``.
    """

    name: str
    kind: str
    next: tuple[str, ...] = ()
    over: str | None = None
    condition: str | None = None
    cases: Mapping[str, str] = MappingProxyType({})
    parents: tuple[str, ...] = ()
    slots: tuple[tuple[str, ...], ...] = ()
    closes: str | None = None
    opener: str | None = None
    nest: tuple[str, ...] = ()
    merges: bool = False
    decorators: tuple[dict[str, Any], ...] = ()

    @property
    def is_join(self) -> bool:
        """Whether the step takes ``inputs``."""
        return self.closes is not None

    @property
    def stack(self) -> tuple[str, ...]:
        """The foreach openers around the step, outermost first."""
        return tuple(level[len(EACH) :] for level in self.nest if level.startswith(EACH))

    @property
    def loops(self) -> tuple[str, ...]:
        """The headers of the loops around the step, outermost first, its own included."""
        return tuple(level[len(LOOP) :] for level in self.nest if level.startswith(LOOP))


class Plan:
    """A flow's steps by name; a step is read from its JSON form when asked for, so that a plan of 10,000 loads fast.

    ``defaults`` holds the values of parameters whose default is a function, computed when the flow was deployed.
    """

    def __init__(self, flow: str, steps: dict[str, dict[str, Any]], defaults: dict[str, Any] | None = None) -> None:
        self.flow = flow
        self._steps = steps
        self.defaults: dict[str, Any] = defaults or {}

    def __contains__(self, step: object) -> bool:
        return step in self._steps

    def __getitem__(self, step: str) -> PlannedStep:
        raw = dict(self._steps[step])
        if "level" in raw:
            raw["nest"] = self._nest(raw.pop("level"))
            raw.pop("around", None)
        for name in ("next", "parents", "decorators"):
            if name in raw:
                raw[name] = tuple(raw[name])
        if "slots" in raw:
            raw["slots"] = tuple(map(tuple, raw["slots"]))
        return PlannedStep(name=step, **raw)

    def _nest(self, level: str) -> tuple[str, ...]:
        """The levels around what is inside of ``level``, which is the last of them.

        A foreach stands where its opener stands; of a loop, which its header is in, the header's ``around`` says so.
        """
        levels: list[str] = []
        following: str | None = level
        while following is not None:
            levels.append(following)
            kind, _, name = following.partition(":")
            following = self._steps[name].get("around" if kind == LOOP[:-1] else "level")
        return tuple(reversed(levels))

    @property
    def names(self) -> tuple[str, ...]:
        """The steps in the order of the plan: topological, declaration order among equals."""
        return tuple(self._steps)

    @classmethod
    def of(cls, flow: str, steps: list[PlannedStep], defaults: dict[str, Any] | None = None) -> Plan:
        """A plan of these steps; fields with their default value are left out of the JSON form."""
        return cls(flow, {step.name: _compact(step) for step in steps}, defaults)

    def with_defaults(self, defaults: dict[str, Any]) -> Plan:
        """The same with these values of parameters whose default is a function."""
        return Plan(self.flow, self._steps, defaults or None)

    def to_json(self) -> bytes:
        """Compact JSON with a stable order: equal plans give equal bytes."""
        document = {"version": PLAN_VERSION, "flow": self.flow, "defaults": self.defaults, "steps": self._steps}
        return json.dumps(document, separators=(",", ":"), ensure_ascii=True).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Plan:
        """Read what :meth:`to_json` wrote.

        Raises ValueError for anything else, a plan of another version included.
        """
        document = json.loads(data)
        if not isinstance(document, dict) or document.get("version") != PLAN_VERSION:
            raise ValueError(f"not a plan of version {PLAN_VERSION}")
        return cls(document["flow"], document["steps"], document["defaults"])


def _compact(step: PlannedStep) -> dict[str, Any]:
    """Of the levels around a step the innermost alone, ``level``, so that the plan of a deep flow is no larger than one
    of a long one; of a loop's header also the next one, ``around``.
    """
    raw = step._asdict()
    del raw["name"], raw["nest"]
    raw["cases"] = dict(step.cases)
    raw["level"] = step.nest[-1] if step.nest else None
    raw["around"] = step.nest[-2] if step.nest[-1:] == (f"{LOOP}{step.name}",) and len(step.nest) > 1 else None
    return {name: value for name, value in raw.items() if name == "kind" or value not in ((), None, {}, [], False)}
