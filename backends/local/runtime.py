"""Runs a plan on this machine: one loop that waits for tasks' output, their ends, and signals."""

from __future__ import annotations

import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from heapq import heappop, heappush

from penstock.backends.local.failures import (
    MUTE_END,
    Interrupted,
    ended_with,
    named,
    not_started,
    task_failed,
)
from penstock.backends.local.launchers import Ended, Launcher, LauncherFailed, Refused, Started
from penstock.backends.local.output import Stream
from penstock.backends.local.schedule import Schedule, Task
from penstock.backends.local.tries import RunningTry, RunSettings, Try, duration, settle
from penstock.backends.local.wakeups import Wakeups
from penstock.backends.reporting import Reporter
from penstock.runtime_shim.datastore.protocol import Datastore, Missing
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.records import Record

_GRACE_SECONDS = 5.0
"""How long tasks that are told to end may take, as in Metaflow."""
_KILL_SECONDS = 10.0
"""How long a killed process may take to disappear before it is left alone."""
_SETTLING_THREADS = 8


class LocalRun:
    """One run, from its first task to its last; use :meth:`execute` once."""

    def __init__(
        self, settings: RunSettings, schedule: Schedule, launcher: Launcher, store: Datastore, reporter: Reporter
    ) -> None:
        self._settings = settings
        self._schedule = schedule
        self._launcher = launcher
        self._store = store
        self._reporter = reporter
        self._ready: deque[Try] = deque()
        self._waiting: list[tuple[float, int, Try]] = []
        """Tries with the time from which on they may start, and a number that keeps their order."""
        self._running: dict[int, RunningTry] = {}
        self._settling: dict[Future[Record | None], RunningTry] = {}
        self._tickets = 0
        self._failure: Failure | None = None
        self._deadline: float | None = None
        self._killed = False
        self._selector = selectors.DefaultSelector()
        self._wakeups = Wakeups()
        self._pool = ThreadPoolExecutor(_SETTLING_THREADS, thread_name_prefix="penstock-settle")

    def execute(self) -> None:
        """Run everything.

        Raises RunFailed, Interrupted, LauncherFailed, TooManySplits or a failure of the store; no task runs any more
        then, and what tasks wrote is stored.
        """
        self._selector.register(self._wakeups.fileno(), selectors.EVENT_READ, self._woken)
        if (descriptor := self._launcher.fileno()) is not None:
            self._selector.register(descriptor, selectors.EVENT_READ, self._launcher_spoke)
        try:
            with self._wakeups.installed():
                self._add([self._schedule.first()])
                while self._ready or self._waiting or self._running or self._settling:
                    self._turn()
        finally:
            self._launcher.close()
            self._pool.shutdown(wait=True)
            for running in self._running.values():
                running.close()
            self._selector.close()
            self._wakeups.close()
        if self._failure is not None:
            self._reporter.say(f"Not finished: {named(self._schedule.left())}.", bad=True)
            raise self._failure

    def _turn(self) -> None:
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            self._ready.append(heappop(self._waiting)[2])
        while self._ready and len(self._running) < self._settings.max_workers:
            self._launch(self._ready.popleft())
        times = [time for time in (self._deadline, self._waiting[0][0] if self._waiting else None) if time is not None]
        waits = [max(0.0, until - time.monotonic()) for until in times]
        if (refresh := self._reporter.refresh()) is not None:
            waits.append(refresh)
        for key, _ in self._selector.select(min(waits, default=None)):
            handler: Callable[[], None] = key.data
            handler()
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._kill()

    # Starting tasks, and hearing of them

    def _add(self, tasks: Iterable[Task]) -> None:
        for task in tasks:
            self._reporter.known(task.step, 1)
            self._ready.append(Try(task, policy=self._schedule.policy(task.step)))

    def _try_again(self, failed: RunningTry, tried: Try) -> None:
        self._reporter.again(tried.task.step)
        if tried.wait:
            which = f"Retry {tried.number} of {tried.policy.retries} in {duration(tried.wait)}."
            self._reporter.say(which, failed.source)
        self._tickets += 1
        heappush(self._waiting, (time.monotonic() + tried.wait, self._tickets, tried))

    def _launch(self, tried: Try) -> None:
        self._tickets += 1
        try:
            running = RunningTry(self._settings, tried)
        except OSError as error:
            pathspec = f"{self._settings.run}/{tried.task}"
            self._stop(not_started(pathspec, str(error.strerror), self._settings.max_workers))
            return
        self._running[self._tickets] = running
        arguments = [*tried.arguments, *self._settings.arguments]
        try:
            self._launcher.launch(self._tickets, arguments, running.stdout.writing, running.stderr.writing)
        except LauncherFailed as failure:
            self._lose(failure)
            return
        for stream in running.streams:
            stream.close_writing()
        if self._launcher.fileno() is None:
            self._launcher_spoke()

    def _launcher_spoke(self) -> None:
        try:
            for event in self._launcher.events():
                match event:
                    case Started(ticket=ticket, pid=pid):
                        self._started(self._running[ticket], pid)
                    case Ended(ticket=ticket, code=code):
                        self._ended(self._running.pop(ticket), code)
                    case Refused(ticket=ticket, reason=reason):
                        self._not_started(self._running.pop(ticket), reason)
        except LauncherFailed as failure:
            self._lose(failure)

    def _not_started(self, running: RunningTry, reason: str) -> None:
        running.close()
        self._stop(not_started(running.pathspec, reason, self._settings.max_workers))

    def _started(self, running: RunningTry, pid: int) -> None:
        running.source = f"{running.pathspec} (pid {pid})"
        self._reporter.started(running.task.step)
        self._reporter.say(running.tried.greeting, running.source)
        # From now on, and not before: a line is shown with the id of the process that wrote it.
        for stream in running.streams:
            self._selector.register(stream.descriptor, selectors.EVENT_READ, self._relaying(running, stream))

    def _relaying(self, running: RunningTry, stream: Stream) -> Callable[[], None]:
        def relay() -> None:
            if stream.descriptor < 0:
                return  # it ended in this same round of events
            lines, more = stream.read()
            self._relay(running, lines)
            if not more:
                self._selector.unregister(stream.descriptor)

        return relay

    def _relay(self, running: RunningTry, lines: list[bytes]) -> None:
        for line in lines:
            self._reporter.relay(line.decode(errors="replace").rstrip(), running.source)

    def _ended(self, running: RunningTry, code: int) -> None:
        for stream in running.streams:
            if stream.descriptor in self._selector.get_map():
                self._selector.unregister(stream.descriptor)
            self._relay(running, stream.finish())
        stopped = self._failure is not None and code != 0
        if stopped:
            running.stderr.note("[KILLED BY ORCHESTRATOR]")
        self._reporter.ended(running.task.step, code == 0)
        if code != 0 and not stopped:
            self._reporter.say("Task failed.", running.source, bad=True)
            running.following = running.tried.again(code)
        future = self._pool.submit(settle, self._store, self._settings, running, code == 0)
        self._settling[future] = running
        future.add_done_callback(lambda _: self._wakeups.wake())
        running.close()
        if code != 0 and not stopped and running.following is None:
            if running.tried.number + 1 < running.tried.policy.tries:
                self._reporter.say("This failed task will not be retried.", running.source, bad=True)
            self._stop(task_failed(self._settings.command, running, ended_with(code)))

    # What a try wrote, and its record, are stored and read in other threads, since a store may be far away

    def _collect(self) -> None:
        for future in [future for future in self._settling if future.done()]:
            running = self._settling.pop(future)
            try:
                record = future.result()
                if record is not None:
                    self._succeeded(running, record)
                elif running.following is not None and self._failure is None:
                    self._try_again(running, running.following)
            except Missing:
                self._stop(task_failed(self._settings.command, running, MUTE_END))
            except Failure as failure:
                self._stop(failure)

    def _succeeded(self, running: RunningTry, record: Record) -> None:
        if record.splits is not None:
            self._reporter.say(f"Foreach yields {record.splits} child steps.", running.source)
        self._reporter.say("Task finished successfully.", running.source)
        successors = list(self._schedule.ended(running.task, record))
        if self._failure is None:
            self._add(successors)

    # Stopping

    def _woken(self) -> None:
        for interruption in self._wakeups.drain():
            if self._failure is None:
                self._stop(Interrupted(f"the run {self._settings.run} was ended by {interruption.name}"))
            else:
                self._kill()
        if self._launcher.fileno() is None:
            self._launcher_spoke()
        self._collect()

    def _stop(self, failure: Failure) -> None:
        """Start nothing more, and tell what runs to end; the first reason counts."""
        if self._failure is not None:
            return
        self._failure = failure
        self._ready.clear()
        self._waiting.clear()
        interrupted = isinstance(failure, Interrupted)
        self._reporter.say("Workflow interrupted." if interrupted else "Workflow failed.", bad=True)
        self._reporter.say(f"Terminating {len(self._running)} active tasks...", bad=True)
        if interrupted and self._running:
            self._reporter.say("Ctrl-C once more kills them.", bad=True)
        self._signal(signal.SIGTERM)
        self._deadline = time.monotonic() + _GRACE_SECONDS

    def _kill(self) -> None:
        """After the grace period, or at the second interruption; what is not gone in time is left to the system."""
        if self._killed and self._deadline is not None and time.monotonic() >= self._deadline:
            for running in self._running.values():
                running.close()
            self._running.clear()
            return
        if not self._killed and self._running:
            self._reporter.say(f"Killing {len(self._running)} remaining tasks.", bad=True)
        self._killed = True
        self._signal(signal.SIGKILL)
        self._deadline = time.monotonic() + _KILL_SECONDS

    def _signal(self, number: int) -> None:
        for ticket in self._running:
            self._launcher.signal(ticket, number)

    def _lose(self, failure: LauncherFailed) -> None:
        """The process from which tasks are forked is gone: so is everything that ran."""
        if (descriptor := self._launcher.fileno()) is not None:
            self._selector.unregister(descriptor)
        self._stop(failure)
        self._launcher.close()
        for ticket in list(self._running):
            self._ended(self._running.pop(ticket), -signal.SIGKILL)
