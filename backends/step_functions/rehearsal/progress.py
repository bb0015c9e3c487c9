"""What a rehearsal shows while it runs: a line for everything, as a local run does when its output is no terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from penstock.backends.job_hosts.jobs import Place
from penstock.backends.step_functions.rehearsal.messages import Event, ExecutionEnded, JobEnded, JobStarted, Ready
from penstock.runtime_shim.failures import InvalidName
from penstock.runtime_shim.paths import Path as TaskPath
from penstock.runtime_shim.plan import Plan
from penstock.runtime_shim.turns import WrongPlace, full_path

TAIL_LINES = 15


def tail(log: str, lines: int = TAIL_LINES) -> list[str]:
    """The last lines of an attempt's output."""
    try:
        return Path(log).read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return []


class Progress:
    """Listens to the engine and follows one execution; safe to be called from the engine's thread.

    It listens before the execution is started and keeps what it hears until :meth:`follow` says which one it is.
    ``plan`` is the flow's; ``quiet`` leaves out what is no bad news.
    """

    def __init__(self, write: Callable[[str], object], plan: Plan, *, quiet: bool = False) -> None:
        self._run: str | None = None
        self._plan = plan
        self._write = write
        self._quiet = quiet
        self._changed = threading.Condition()
        self._early: list[Event] = []
        self.end: ExecutionEnded | None = None
        self.failed: list[JobEnded] = []
        """The attempts that failed and were not tried again, in order."""

    @property
    def run(self) -> str | None:
        """The run that is followed; None before there is one."""
        return self._run

    def follow(self, run: str) -> None:
        """The execution whose jobs carry the id ``run`` is the one."""
        with self._changed:
            self._run = run
            self.say(f"Rehearsal starting (run-id {run}):")
            early, self._early = self._early, []
            for event in early:
                self._take(event, run)

    def task_name(self, event: JobStarted | JobEnded) -> str:
        """``run/step/task`` of a job, from the variables that its state gave it; the job's own name without them.

        The path that a state machine gives lacks the first turn of a loop that a branch or an iteration begins with.
        """
        variables = event.environment
        try:
            run, step, path = (variables[f"PENSTOCK_{name}"] for name in ("RUN", "STEP", "PATH"))
            return f"{run}/{step}/{full_path(self._plan[step], TaskPath.parse(path)).task_id}"
        except (KeyError, InvalidName, WrongPlace):
            return event.name

    def __call__(self, event: Event) -> None:
        """Take one event."""
        with self._changed:
            if self._run is None:
                self._early.append(event)
            else:
                self._take(event, self._run)

    def wait(self, seconds: float) -> ExecutionEnded | None:
        """How the execution ended, None if that takes longer than ``seconds``."""
        with self._changed:
            self._changed.wait_for(lambda: self.end is not None, seconds)
            return self.end

    def _take(self, event: Event, run: str) -> None:
        match event:
            case JobStarted() if event.environment.get("PENSTOCK_RUN") == run:
                again = "" if event.attempt == 1 else f" (attempt {event.attempt})"
                self.say(f"Task is starting{again}.", f"{self.task_name(event)} ({Place(event.pid, event.container)})")
            case JobEnded() if event.environment.get("PENSTOCK_RUN") == run:
                self._job_ended(event)
            case ExecutionEnded(execution=arn) if run.endswith(arn.rpartition(":")[2]):
                self.end = event
                self._changed.notify_all()
            case JobStarted() | JobEnded() | ExecutionEnded() | Ready():
                pass

    def say(self, text: str, source: str = "", *, bad: bool = False) -> None:
        """One line."""
        if bad or not self._quiet:
            stamp = datetime.now().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
            self._write(f"{stamp} [{source}] {text}\n" if source else f"{stamp} {text}\n")

    def _job_ended(self, event: JobEnded) -> None:
        name = self.task_name(event)
        for line in Path(event.log).read_text(encoding="utf-8", errors="replace").splitlines():
            self.say(line.rstrip(), name)
        if event.exit_code == 0 and not event.reason.startswith("Job attempt"):
            self.say(f"Task finished successfully ({event.seconds:.1f} s).", name)
            return
        how = event.reason if event.exit_code is None else f"exit code {event.exit_code}"
        self.say(f"Task failed ({how}){': it is tried again' if event.retried else ''}.", name, bad=True)
        if not event.retried:
            self.failed.append(event)
