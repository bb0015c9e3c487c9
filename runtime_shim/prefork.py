"""One process that has imported the user's file, and forks itself for every task it is asked for.

A fork costs a millisecond where a fresh interpreter costs a hundred.  The channel is a socket that keeps message
boundaries; JSON both ways:

- first, from here: ``{"threads": n}``; with more than one, nothing may be forked and the process ends;
- ``{"ticket": t, "arguments": […]}`` with two descriptors, stdout and stderr: fork a task that runs this command after
  the top-level options that this process was started with, and answer ``{"ticket": t, "pid": p}``, or
  ``{"ticket": t, "error": "…"}`` where the system refuses;
- ``{"ticket": t, "signal": s}``: signal the process group of a task that still runs;
- from here, when a task has ended: ``{"ticket": t, "code": c}``, minus the signal's number where one ended it.

When the other end closes, every task that still runs is killed with its process group, and this process ends.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn, cast

from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.options import Options, OptionSpec, parse

if TYPE_CHECKING:
    from penstock.runtime_shim.datastore.s3 import S3Datastore
    from penstock.runtime_shim.flowspec import FlowSpec

_MESSAGE_BYTES = 1 << 16
_RESET = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_EXIT_OUR_BUG = 3
_SOCKET = OptionSpec("--socket", "socket", "value", "The descriptor of the channel.")

_PRELOADED = (
    "atexit",
    "pwd",
    "penstock.runtime_shim.policy",
    "penstock.runtime_shim.runner",
    "penstock.runtime_shim.configuration",
    "penstock.runtime_shim.datastore.local",
    "penstock.runtime_shim.datastore.opening",
    "penstock.runtime_shim.datastore.tasks",
    "penstock.runtime_shim.identity",
    "penstock.runtime_shim.local_metadata",
    "penstock.runtime_shim.serialization",
)
"""What a task imports anyway: loaded here once, and shared by the forked ones."""


def serve(flow_class: type[FlowSpec], options: Options, argv: list[str]) -> int:
    """Fork tasks until the other end of the socket ``--socket N`` closes; the exit code of this process.

    Where other threads run nothing is forked: a lock one of them holds would stay locked in the child for ever.
    """
    descriptor = parse((_SOCKET,), argv, "_serve").values["socket"]
    with socket.socket(fileno=int(str(descriptor))) as channel:
        channel.set_inheritable(False)
        threads = threading.active_count()
        if threads == 1:
            _preload(flow_class, options)
        channel.send(json.dumps({"threads": threads}).encode())
        if threads == 1:
            _Server(flow_class, options, channel).run()
    return 0


def _preload(flow_class: type[FlowSpec], options: Options) -> None:
    from importlib import import_module

    for module in _PRELOADED:
        import_module(module)
    _prepare_store(flow_class, options)
    # Collected now and then left alone, what is loaded stays shared memory in the children.
    gc.collect()
    gc.freeze()


def _prepare_store(flow_class: type[FlowSpec], options: Options) -> None:
    """Load here what every task would load to reach its store, credentials included."""
    from penstock.runtime_shim.initialize import open_session

    with contextlib.suppress(Failure):  # the tasks meet it too, and say so
        store = open_session(flow_class, options).store
        if store.kind == "s3":
            cast("S3Datastore", store).prepare()


def _read_plan() -> None:
    """Parse the plan, so that each task finds it parsed."""
    from penstock.runtime_shim.plan import PLAN_ENV
    from penstock.runtime_shim.plans import read_plan_file

    path = os.environ.get(PLAN_ENV)
    if path:
        with contextlib.suppress(Failure):  # the tasks meet it too, and say so
            read_plan_file(path)


class _Server:
    def __init__(self, flow_class: type[FlowSpec], options: Options, channel: socket.socket) -> None:
        self._flow_class = flow_class
        self._options = options.to_argv()
        self._channel = channel
        self._wakeup, self._wakeup_sender = socket.socketpair()
        self._tickets: dict[int, int] = {}
        self._signalled: set[int] = set()
        self._plan_is_read = False

    def run(self) -> None:
        self._wakeup.setblocking(False)
        self._wakeup_sender.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._wakeup_sender.fileno(), warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        try:
            while self._turn({descriptor for descriptor, _ in poll.poll()}):
                pass
        finally:
            self._kill_all()
            signal.set_wakeup_fd(-1)
            self._wakeup.close()
            self._wakeup_sender.close()

    def _turn(self, readable: set[int]) -> bool:
        """Handle what has come; False when the other end has closed."""
        if self._wakeup.fileno() in readable:
            with contextlib.suppress(BlockingIOError):
                self._wakeup.recv(_MESSAGE_BYTES)
            self._reap()
        if self._channel.fileno() in readable:
            data, descriptors, _, _ = socket.recv_fds(self._channel, _MESSAGE_BYTES, 2)
            if not data:
                return False
            self._handle(json.loads(data), descriptors)
        return True

    def _handle(self, message: dict[str, object], descriptors: list[int]) -> None:
        ticket = message["ticket"]
        if "signal" in message:
            for pid, running in self._tickets.items():
                if running == ticket:
                    self._signalled.add(pid)
                    _signal_group(pid, int(str(message["signal"])))
            return
        if not self._plan_is_read:
            # Not earlier: it is written while the flow file is imported here.
            _read_plan()
            self._plan_is_read = True
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            pid = _fork()
        except OSError as error:
            self._tell({"ticket": ticket, "error": error.strerror})
        else:
            if pid == 0:
                self._become_task([*self._options, *map(str, _list(message["arguments"]))], *descriptors)
            self._tickets[pid] = int(str(ticket))
            self._tell({"ticket": ticket, "pid": pid})
        for descriptor in descriptors:
            os.close(descriptor)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            # Children that the user's file started at import are reaped too, and nobody is told.
            ticket = self._tickets.pop(pid, None)
            if ticket is not None:
                if pid in self._signalled or status:
                    # What a task that failed has started, and what did not listen, ends with it.
                    _kill_rest(pid)
                self._tell({"ticket": ticket, "code": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: dict[str, object]) -> None:
        with contextlib.suppress(OSError):  # the other end has closed: the next turn of the loop sees that
            self._channel.send(json.dumps(message).encode())

    def _kill_all(self) -> None:
        for pid in self._tickets:
            _signal_group(pid, signal.SIGKILL)
        for pid in self._tickets:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            _kill_rest(pid)

    def _become_task(self, arguments: list[str], stdout: int, stderr: int) -> NoReturn:
        """In the child: nothing of the server may be left, and nothing may return into it."""
        code = _EXIT_OUR_BUG
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            for number in _RESET:
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            os.dup2(stdout, 1)
            os.dup2(stderr, 2)
            for owned in (stdout, stderr, self._channel.detach(), self._wakeup.detach(), self._wakeup_sender.detach()):
                os.close(owned)
            _reseed()
            code = _run(self._flow_class, arguments)
        except BaseException:  # a child that returned into the server's frames would serve too
            _print_traceback()
        finally:
            _leave(code)


def _fork() -> int:
    """As ``os.fork``, without the warning about threads that libraries such as BLAS have started: they are prepared for
    forks, and Python itself runs one thread here.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _run(flow_class: type[FlowSpec], arguments: list[str]) -> int:
    """What a fresh interpreter does: the command, then threads and exit handlers; the exit code."""
    import atexit

    from penstock.runtime_shim.entry import dispatch

    sys.argv = [sys.argv[0], *arguments]
    try:
        code = dispatch(flow_class, arguments)
    except SystemExit as stop:
        code = _exit_code(stop)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    return code


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    sys.stderr.write(f"{stop.code}\n")
    return 1


def _reseed() -> None:
    """One generator for all would give every task the same numbers; that of `random` reseeds itself at a fork."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def _print_traceback() -> None:
    import traceback

    with contextlib.suppress(Exception):
        traceback.print_exc()


def _leave(code: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code)


def _signal_group(pid: int, number: int) -> None:
    # A child that has not yet come to its setsid() has no group of its own: then the process itself is meant.
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _kill_rest(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []
