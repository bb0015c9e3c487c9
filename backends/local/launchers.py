"""How a task becomes a process: forked from one that has the flow loaded already, or as a fresh interpreter.

Both give every task a process group of its own, so that what a step starts ends with it, and /dev/null as its stdin.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from penstock.runtime_shim.failures import Failure

_MESSAGE_BYTES = 1 << 16
_SERVER_STARTUP_SECONDS = 3600.0
"""An import that takes longer than an hour is taken for one that hangs."""


class LauncherFailed(Failure):
    """The process from which tasks are forked could not be started, or ended."""

    code = "R173"


class Refused(NamedTuple):
    """The system would not make a process for the task of ``ticket``; ``reason`` in its words."""

    ticket: int
    reason: str


class Started(NamedTuple):
    """The task of ``ticket`` runs as the process ``pid``."""

    ticket: int
    pid: int


class Ended(NamedTuple):
    """The task of ``ticket`` ended; ``code`` is its exit code, or minus the number of the signal that ended it."""

    ticket: int
    code: int


Event = Started | Ended | Refused


class Launcher(Protocol):
    """Starts tasks and tells how they ended; used by one thread."""

    def fileno(self) -> int | None:
        """What to select on before :meth:`events`; None when SIGCHLD is the sign."""
        ...

    def launch(self, ticket: int, arguments: Sequence[str], stdout: int, stderr: int) -> None:
        """Start a task; the descriptors may be closed when this returns."""
        ...

    def events(self) -> Iterator[Event]:
        """What happened since the last call; does not wait.

        Raises LauncherFailed.
        """
        ...

    def signal(self, ticket: int, number: int) -> None:
        """Send a signal to the process group of a task that has not been told to have ended."""
        ...

    def close(self) -> None:
        """Kill what still runs, and wait for it."""
        ...


class ProcessLauncher:
    """A fresh interpreter for every task."""

    def __init__(self, entry: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = [sys.executable, *entry]
        self._environment = dict(environment)
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._signalled: set[int] = set()
        self._news: list[Event] = []

    def fileno(self) -> int | None:
        """None: children are looked after when SIGCHLD comes."""
        return None

    def launch(self, ticket: int, arguments: Sequence[str], stdout: int, stderr: int) -> None:
        """Start an interpreter on the flow file."""
        try:
            process = subprocess.Popen(
                [*self._command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            self._news.append(Refused(ticket, error.strerror or str(error)))
            return
        self._running[ticket] = process
        self._news.append(Started(ticket, process.pid))

    def events(self) -> Iterator[Event]:
        """Newly started ones, then those that ended."""
        news, self._news = self._news, []
        yield from news
        for ticket, process in list(self._running.items()):
            code = process.poll()
            if code is not None:
                del self._running[ticket]
                if ticket in self._signalled or code:
                    # What a task that failed has started, and what did not listen, ends with it.
                    _signal_group(process.pid, signal.SIGKILL)
                yield Ended(ticket, code)

    def signal(self, ticket: int, number: int) -> None:
        """Signal the group of a task that runs."""
        process = self._running.get(ticket)
        if process is not None:
            self._signalled.add(ticket)
            _signal_group(process.pid, number)

    def close(self) -> None:
        """Kill what still runs, and wait for it."""
        for process in self._running.values():
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()


class ForkLauncher:
    """Tasks forked from one process that has imported the flow file: see :mod:`penstock.runtime_shim.prefork`."""

    def __init__(self, entry: Sequence[str], environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel = ours
        self._pids: dict[int, int] = {}
        self._is_ready = False
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server, and close() closes it
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, *entry, "_serve", "--socket", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                env=dict(environment),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def ready(self) -> int:
        """Wait until the flow is imported, and give the number of threads there are: only with one may tasks be forked.

        Raises LauncherFailed when the import fails.
        """
        self._channel.settimeout(_SERVER_STARTUP_SECONDS)
        try:
            data = self._channel.recv(_MESSAGE_BYTES)
        except OSError:
            data = b""
        if not data:
            raise self._failed("the flow file could not be loaded")
        self._channel.setblocking(False)
        self._is_ready = True
        return int(json.loads(data)["threads"])

    def fileno(self) -> int | None:
        """The channel to the server."""
        return self._channel.fileno()

    def launch(self, ticket: int, arguments: Sequence[str], stdout: int, stderr: int) -> None:
        """Ask the server for a task; the answer is an event."""
        request = json.dumps({"ticket": ticket, "arguments": list(arguments)}).encode()
        self._send(request, [stdout, stderr])

    def events(self) -> Iterator[Event]:
        """What the server has said."""
        while True:
            try:
                data = self._channel.recv(_MESSAGE_BYTES)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            if not data:
                raise self._failed("the process from which tasks are forked ended")
            message = json.loads(data)
            ticket = message["ticket"]
            if "code" in message:
                self._pids.pop(ticket, None)
                yield Ended(ticket, message["code"])
            elif "error" in message:
                yield Refused(ticket, message["error"])
            else:
                self._pids[ticket] = message["pid"]
                yield Started(ticket, message["pid"])

    def signal(self, ticket: int, number: int) -> None:
        """Have the server signal the group: only it knows which of its children are not yet reaped."""
        with contextlib.suppress(LauncherFailed):
            self._send(json.dumps({"ticket": ticket, "signal": number}).encode(), [])

    def close(self) -> None:
        """End the server, which kills its children when the channel closes; if it is gone, kill them here."""
        self._channel.close()
        if not self._is_ready:
            # It imports the flow file, and hears of nothing.
            _signal_group(self._server.pid, signal.SIGKILL)
        try:
            self._server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            _signal_group(self._server.pid, signal.SIGKILL)
            self._server.wait()
        for pid in self._pids.values():
            _signal_group(pid, signal.SIGKILL)
        self._pids.clear()
        self._said.close()

    def _send(self, data: bytes, descriptors: list[int]) -> None:
        self._channel.setblocking(True)
        try:
            socket.send_fds(self._channel, [data], descriptors)
        except OSError as error:
            raise self._failed("the process from which tasks are forked ended") from error
        finally:
            self._channel.setblocking(False)

    def _failed(self, what: str) -> LauncherFailed:
        code = self._server.wait()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").rstrip()
        message = f"{what} ({how})" + (f":\n{said}" if said else "")
        return LauncherFailed(message, help="`run --isolation process` starts every task as a fresh interpreter")


def can_fork() -> bool:
    """Whether tasks can be forked here: on Linux; elsewhere system libraries do not survive a fork."""
    return sys.platform == "linux"


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
