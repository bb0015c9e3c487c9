"""What differs between two folders of compiled flows, target by target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from penstock.backends.differences import EXIT_DIFFERENT, Change, described, differences, lines
from penstock.backends.registry import backend
from penstock.cli.findings import EXIT_BUG, EXIT_PROBLEM
from penstock.compiler.diagnostics import Refused

if TYPE_CHECKING:
    from penstock.backends.differences import Description
    from penstock.backends.protocol import Bundle
    from penstock.cli.compiled_folder import CompiledFolder
    from penstock.cli.flow_files import FlowAnswer

Status = Literal["same", "changed", "added", "removed", "refused"]


@dataclass(frozen=True)
class Pair:
    """A flow on one target, before and after; ``changes`` where both are there."""

    flow: str
    target: str
    status: Status
    changes: Sequence[Change] = ()

    def as_json(self) -> dict[str, Any]:
        """The pair as `--format json` prints it."""
        changes = [change.as_json() for change in self.changes]
        return {"flow": self.flow, "target": self.target, "status": self.status, "changes": changes}


def compare(before: CompiledFolder, after: CompiledFolder) -> list[Pair]:
    """Everything in either, in the order of flows and targets."""
    keys = {*before.bundles, *after.bundles, *before.refused, *after.refused}
    return [_pair(flow, target, before, after) for flow, target in sorted(keys)]


def _pair(flow: str, target: str, before: CompiledFolder, after: CompiledFolder) -> Pair:
    key = flow, target
    old, new = before.bundles.get(key), after.bundles.get(key)
    if key in after.refused or (old is None and new is None):
        return Pair(flow, target, "refused")
    if old is None or new is None:
        return Pair(flow, target, "removed" if new is None else "added")
    if old == new:
        return Pair(flow, target, "same")
    return Pair(flow, target, "changed", _changes(target, old, new))


def _changes(target: str, old: Bundle, new: Bundle) -> list[Change]:
    """What differs, in the target's words if they tell all of it."""
    found = differences(*_descriptions(target, old, new)) or differences(described(old), described(new))
    return found or [
        Change("changed", path, "", "form", "other bytes", "same content")
        for path in sorted({*old.files, *new.files})
        if old.files.get(path) != new.files.get(path)
    ]


def _descriptions(target: str, *bundles: Bundle) -> list[Description]:
    """The bundles in the target's words; in general ones where it is not installed, or does not know the documents."""
    try:
        known = backend(target)
        return [known.describe(bundle) for bundle in bundles]
    except (Refused, ValueError):
        return [described(bundle) for bundle in bundles]


def report(pairs: Iterable[Pair]) -> Iterator[str]:
    """The pairs for people."""
    for pair in pairs:
        yield f"{pair.flow} for {pair.target} {_VERDICTS[pair.status]}"
        for line in lines(list(pair.changes)):
            yield f"  {line}"


_VERDICTS: Mapping[Status, str] = {
    "same": "is the same.",
    "changed": "differs:",
    "added": "is new.",
    "removed": "is gone.",
    "refused": "is refused.",
}


def exit_code(pairs: Iterable[Pair], answers: Iterable[FlowAnswer], refused: frozenset[tuple[str, str]]) -> int:
    """0, 4 where something differs, 1 where a flow is refused that was not in ``refused`` before, 3 where Penstock
    itself failed.
    """
    news = False
    for answer in answers:
        if answer.failed == EXIT_BUG:
            return EXIT_BUG
        known = all((answer.flow, name) in refused for name, target in answer.targets.items() if target.refused)
        news = news or (answer.refused and (not answer.targets or not known))
    if news:
        return EXIT_PROBLEM
    return EXIT_DIFFERENT if any(pair.status not in ("same", "refused") for pair in pairs) else 0
