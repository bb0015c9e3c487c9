"""One machine walked from its start to its end, as an execution would go: a state after the other, turn by turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from penstock.backends.step_functions.simulation.assumptions import Assumptions
from penstock.backends.step_functions.simulation.machines import Loop, Machine, step_of
from penstock.compiler.diagnostics import Diagnostic, Refused

MOST_VISITS = 1_000_000
"""An execution fails after 25,000 events, two or more a state: a walk beyond this one only wastes time."""


def walk(machine: Machine, seconds: Mapping[str, float], assumed: Assumptions) -> Counter[str]:
    """How often each state is entered; ``seconds`` is what a visit of each takes.

    Where a choice is left open the longest way is gone, a loop is left when its header has run as often as assumed.
    Raises Refused for a loop of absurdly many turns.
    """
    visits: Counter[str] = Counter()
    way = _Way(machine, _longest(machine, seconds), assumed)
    here: str | None = machine.start
    while here is not None:
        visits[here] += 1
        if visits.total() > MOST_VISITS:
            message = f"a loop enters more than {MOST_VISITS:,} states, an execution ends with 25,000 events"
            raise Refused([Diagnostic("P419", message, help="simulate it with fewer --turns")])
        here = way.after(here)
    return visits


class _Way:
    """Where a walk goes; ``left`` are the turns that are left, by the headers of the loops that it is in."""

    def __init__(self, machine: Machine, longest: Mapping[str, float], assumed: Assumptions) -> None:
        self._machine = machine
        self._longest = longest
        self._assumed = assumed
        self._loops = {loop.header: loop for loop in machine.loops}
        self._left: dict[str, int] = {}
        self._enter(machine.start)

    def after(self, here: str) -> str | None:
        """The state that follows; None at the end."""
        targets = list(dict.fromkeys(self._machine.following(here)))
        if not targets:
            return None
        target = targets[0] if len(targets) == 1 else self._chosen(here, targets)
        if target in self._left:
            self._left[target] -= 1
        self._left = {header: left for header, left in self._left.items() if target in self._loops[header].states}
        self._enter(target)
        return target

    def _enter(self, state: str) -> None:
        if state in self._loops and state not in self._left:
            self._left[state] = self._turns(state) - 1

    def _turns(self, header: str) -> int:
        """The header is a step's job, or what stands before one."""
        step = step_of(self._machine.states[header])
        return self._assumed.turns_of(step or header)

    def _chosen(self, here: str, targets: list[str]) -> str:
        for loop in self._inner_to_outer(here):
            if self._left[loop.header] > 0:
                staying = [target for target in targets if target in loop.states]
                turning = [target for target in staying if target == loop.header]
                targets = turning or staying or targets
                break
            targets = [target for target in targets if target not in loop.states] or targets
        return self._preferred(here, targets)

    def _inner_to_outer(self, here: str) -> list[Loop]:
        around = [self._loops[header] for header in self._left if here in self._loops[header].states]
        return sorted(around, key=lambda loop: len(loop.states))

    def _preferred(self, here: str, targets: list[str]) -> str:
        wanted = self._assumed.choices.get(self._machine.owner.get(here, ""))
        for rule in self._machine.states[here].get("Choices", ()):
            if rule.get("StringEquals") == wanted and rule["Next"] in targets:
                return str(rule["Next"])
        return max(targets, key=lambda target: self._longest[target])


def _longest(machine: Machine, seconds: Mapping[str, float]) -> dict[str, float]:
    """By state the seconds of the longest way from there to the end, without any turn; each state counts a little
    itself, so that of two ways without jobs the one with more states is longer.
    """
    found: dict[str, float] = {}
    for name in machine.order:
        beyond = max((found[target] for target in machine.following(name) if target in found), default=0.0)
        found[name] = seconds[name] + 1e-6 + beyond
    return found
