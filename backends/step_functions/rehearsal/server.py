"""The engine's own process: moto with its mends, behind the gate, on a random port of the loopback interface.

Run as ``python -m penstock.backends.step_functions.rehearsal.server`` by :mod:`.engine` only: options come in on
standard input, events go out on standard output, and when standard input ends, every job is ended and the process
is gone.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from pathlib import Path

from penstock.backends.job_hosts.jobs import JobHost
from penstock.backends.rehearsal.gate import Gate
from penstock.backends.step_functions.rehearsal.fleet import Fleet
from penstock.backends.step_functions.rehearsal.messages import EngineOptions, Event, Ready, to_line

_SHUTDOWN_GRACE_SECONDS = 3.0


class Outlet:
    """Sends events upwards; safe from several threads.  A reader that is gone is not an error: the process ends
    soon.
    """

    def __init__(self, descriptor: int) -> None:
        self._stream = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Send one event."""
        with self._lock:
            try:
                self._stream.write(to_line(event))
                self._stream.flush()
            except BrokenPipeError:
                pass  # the parent has ended: nobody listens any more


def main() -> None:
    """Serve until standard input ends."""
    # moto prints; the pipe to the parent carries events only.
    outlet = Outlet(os.dup(1))
    os.dup2(2, 1)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    options = EngineOptions.from_line(sys.stdin.readline())
    port, fleet = _serve(options, outlet)
    outlet(Ready(port))
    while sys.stdin.readline():
        pass
    fleet.stop_all(_SHUTDOWN_GRACE_SECONDS)
    shutil.rmtree(options.directory, ignore_errors=True)
    # Threads of moto's interpreter may wait for ever; nothing of theirs is worth waiting for.
    os._exit(0)


def _serve(options: EngineOptions, outlet: Outlet) -> tuple[int, Fleet]:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from penstock.backends.step_functions.rehearsal import mends

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = Gate(DomainDispatcherApplication(create_backend_app), options.secret)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    endpoint = f"http://127.0.0.1:{server.port}"
    fleet = Fleet(options, endpoint, outlet, _host(options))
    mends.apply(options, endpoint, fleet, outlet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.port, fleet


def _host(options: EngineOptions) -> JobHost:
    if options.containers:
        from penstock.backends.job_hosts.containers import ContainerHost

        return ContainerHost(options.containers, options.rehearsal, options.grace_seconds)
    from penstock.backends.job_hosts.processes import ProcessHost, interpreter_folder

    root = Path(options.directory)
    path = f"{interpreter_folder(root, options.python)}:/usr/local/bin:/usr/bin:/bin"
    return ProcessHost(root / "jobs", path, options.grace_seconds)


if __name__ == "__main__":
    main()
