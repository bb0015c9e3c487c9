"""A scheduler of twenty lines: runs a flow step by step, in this process, by what the records say and nothing else."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import sys
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path as File
from typing import Any

from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.protocol import Datastore
from penstock.runtime_shim.datastore.tasks import FinishedTask, TaskStore
from penstock.runtime_shim.entry import dispatch
from penstock.runtime_shim.flowspec import FlowSpec
from penstock.runtime_shim.hooks import compile_plan
from penstock.runtime_shim.paths import Path
from penstock.runtime_shim.plan import Plan, PlannedStep
from penstock.runtime_shim.pointers import slots_of
from penstock.runtime_shim.policy import policy_of
from penstock.runtime_shim.records import Record, input_key, record_key


@dataclass(frozen=True)
class Outcome:
    """What one command line gave."""

    code: int
    out: str
    err: str


def run_command(flow_class: type[FlowSpec], *argv: str) -> Outcome:
    """A flow's command line in this process, with what it prints."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = dispatch(flow_class, list(argv))
    return Outcome(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Walk:
    """One run of a flow in a local datastore."""

    flow_class: type[FlowSpec]
    root: File
    run: str = "1"

    @property
    def store(self) -> Datastore:
        """Where it is stored."""
        return LocalDatastore(str(self.root))

    @property
    def tasks(self) -> TaskStore:
        """Its tasks."""
        return TaskStore(self.store, self.flow_class.__name__)

    def task(self, step: str, path: str = "") -> FinishedTask:
        """A task that ended well."""
        return self.tasks.finished(self.run, step, Path.parse(path).task_id)

    def failed(self, step: str, path: str = "") -> FinishedTask:
        """A task that ended, well or not."""
        return self.tasks.ended(self.run, step, Path.parse(path).task_id)

    def command(self, *argv: str) -> Outcome:
        """A command of this run."""
        return run_command(self.flow_class, f"--datastore-root={self.root}", "--datastore=local", *argv)

    def step(self, step: str, path: str = "", *options: str) -> Outcome:
        """One task, addressed by its path."""
        return self.command("step", step, "--run-id", self.run, "--split-path", path, *options)

    def record(self, step: str, path: str = "") -> Record:
        """What a scheduler reads about a task that ended."""
        key = record_key(self.flow_class.__name__, self.run, step, Path.parse(path))
        return Record.from_json(json.loads(self.store.get(key)))

    def give(self, parameters: Mapping[str, Any]) -> None:
        """Store the run's parameters as a scheduler does."""
        self.store.put(input_key(self.flow_class.__name__, self.run), json.dumps(parameters).encode())

    def tried(self, step: PlannedStep, path: str) -> Outcome:
        """One task, as often as its step allows; without waiting."""
        policy = policy_of(step)
        number: int | None = 0
        while number is not None:
            options = (f"--retry-count={number}", f"--max-user-code-retries={policy.retries}")
            # A timeout ends every process below the one that runs the step, and variables stay set in it.
            run = apart if policy.timeout or policy.environment else _here
            outcome = run(partial(self.step, step.name, path, *options))
            number = policy.next_try(number, outcome.code)
        return outcome

    def all(self, plan: Plan | None = None) -> list[tuple[str, str, Outcome]]:
        """Run every task that the records lead to, one after the other; ends at the first that fails.

        Paths are made as schedulers make them, which append splits and know nothing of turns.
        """
        plan = plan or compile_plan(self.flow_class)
        waiting = deque([(plan.names[0], "")])
        arrived: Counter[tuple[str, str]] = Counter()
        widths: dict[tuple[str, str], int] = {}
        done: list[tuple[str, str, Outcome]] = []
        while waiting:
            name, path = waiting.popleft()
            done.append((name, path, self.tried(plan[name], path)))
            if done[-1][2].code:
                break
            record = self.record(name, path)
            place = str(record.path)
            if record.splits is not None:
                widths[name, place] = record.splits
                waiting.extend((record.next[0], f"{place}/{index}") for index in range(record.splits))
                if record.splits == 0:
                    waiting.append((_join_of(plan, name), place))
                continue
            for follower in record.next:
                step = plan[follower]
                arrived[follower, place] += 1
                inputs = widths[str(step.opener), place] if step.closes == "foreach" else len(slots_of(step))
                if not step.is_join or arrived[follower, place] == inputs:
                    waiting.append((follower, place))
        return done


def _here(run: Callable[[], Outcome]) -> Outcome:
    return run()


def apart(run: Callable[[], Outcome]) -> Outcome:
    """What ``run`` gives in a forked process."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            outcome = run()
            os.write(writing, json.dumps([outcome.code, outcome.out, outcome.err]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        answer = file.read()
    os.waitpid(pid, 0)
    return Outcome(*json.loads(answer))


def _join_of(plan: Plan, opener: str) -> str:
    return next(name for name in plan.names if plan[name].closes == "foreach" and plan[name].opener == opener)


def load_flow(file: File, name: str) -> type[FlowSpec]:
    """The flow ``name`` of a file, imported as a module of its own."""
    module_name = f"flow_{file.stem}"
    spec = importlib.util.spec_from_file_location(module_name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(file.parent))
    flow: type[FlowSpec] = getattr(module, name)
    return flow
