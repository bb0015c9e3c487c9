"""Which stored tasks a pathspec on the command line means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.runtime_shim.failures import Failure, InvalidName
from penstock.runtime_shim.paths import PathSpec, parse_pathspec
from penstock.runtime_shim.records import run_prefix

if TYPE_CHECKING:
    from penstock.cli.state import CliState
    from penstock.runtime_shim.datastore.protocol import Datastore

_SHOWN_NAMES = 8


class NotStored(Failure):
    """A run, step or task that the datastore does not have."""

    code = "P508"
    exit_code = 1


def stored_tasks(state: CliState, text: str) -> list[PathSpec]:
    """The tasks meant by ``run/step`` or ``run/step/task``, with the flow's name before it or not, whoever ran them.

    Tasks of a step come in the order of their splits.  Raises InvalidName for a malformed pathspec, NotStored naming
    what there is instead, and the store's failures.
    """
    flow = state.flow_class.__name__
    spec = parse_pathspec(text.removeprefix(f"{flow}/"))
    if spec.step is None:
        raise InvalidName(f"{text!r} names no step", help=f"give run/step or run/step/task, as `{spec.run}/start`")
    store = state.datastore()
    if not _exists(store, f"{run_prefix(flow, spec.run)}{spec.step}/"):
        raise _not_stored(store, flow, spec)
    if spec.task is not None:
        if _exists(store, f"{run_prefix(flow, spec.run)}{spec.step}/{spec.task}/"):
            return [spec]
        tasks = _tasks(store, flow, spec)
        # A state machine that enters a loop leaves its first turn out, and so do AWS's pages.
        whole = next(filter(_with_first_turns(spec.task).fullmatch, tasks), None)
        if whole is None:
            raise NotStored(
                f"step `{spec.step}` of run {spec.run} has no task `{spec.task}` in {store.root}",
                help=_instead(tasks, "its tasks are"),
            )
        return [spec._replace(task=whole)]
    return [PathSpec(spec.run, spec.step, task, flow=spec.flow) for task in _tasks(store, flow, spec)]


def _with_first_turns(task: str) -> re.Pattern[str]:
    """The ids that ``task`` may stand for: the same with first turns (``t0``) in any place."""
    return re.compile("".join(rf"\.?{re.escape(frame)}(\.t0)*" for frame in task.split(".")))


def _exists(store: Datastore, prefix: str) -> bool:
    return next(iter(store.keys(prefix)), None) is not None


def _not_stored(store: Datastore, flow: str, spec: PathSpec) -> NotStored:
    if _exists(store, run_prefix(flow, spec.run)):
        steps = _public(store.children(run_prefix(flow, spec.run)))
        message = f"run {spec.run} of {flow} has no step `{spec.step}` in {store.root}"
        return NotStored(message, help=_instead(steps, "tasks were started of"))
    runs = [name for name in _public(store.children(f"{flow}/")) if name not in ("data", "latest_run")]
    return NotStored(
        f"there is no run {spec.run} of {flow} in {store.root}", help=_instead(runs[::-1], "the runs there are")
    )


def _tasks(store: Datastore, flow: str, spec: PathSpec) -> list[str]:
    return sorted(_public(store.children(f"{run_prefix(flow, spec.run)}{spec.step}/")), key=_by_number)


def _public(names: list[str]) -> list[str]:
    return [name for name in names if not name.startswith("_")]


def _by_number(task: str) -> list[tuple[int, str]]:
    """``t.2`` before ``t.10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", task)]


def _instead(names: list[str], what: str) -> str:
    if not names:
        return "check the id, `--datastore` and `--datastore-root`"
    more = f" and {len(names) - _SHOWN_NAMES:,} more" if len(names) > _SHOWN_NAMES else ""
    return f"{what} {', '.join(names[:_SHOWN_NAMES])}{more}"
