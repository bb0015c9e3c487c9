"""An S3 of one's own for a while, for targets that need nothing else of AWS.

The process is this module too, run as ``python -m`` by :class:`ObjectStore` only.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import sys
import threading
from typing import TYPE_CHECKING

from penstock.backends.rehearsal.embedded import EmbeddedServer
from penstock.backends.rehearsal.pods import PodEnded, PodEvent, PodStarted

if TYPE_CHECKING:
    from penstock.backends.job_hosts.container_engine import ContainerEngine


class ObjectStore(EmbeddedServer):
    """Runs while it is entered; several rehearsals may share it.

    It guards their pods too: those that this process leaves, because it is killed, are ended.  Pods run on the
    engine ``engine``, or as processes of this machine.
    """

    def __init__(self, engine: ContainerEngine | None = None) -> None:
        super().__init__("penstock.backends.rehearsal.object_store")
        self.containers = engine.url if engine is not None else ""
        self.rehearsal = secrets.token_hex(8)
        self._engine = engine
        self._guarded: dict[tuple[str, int], int] = {}

    def options(self) -> str:
        """The secret that every request must carry, and whose containers are to be removed at the end."""
        return json.dumps([self.secret, self.containers, self.rehearsal]) + "\n"

    def hear(self, line: str) -> None:
        """The one line there is: the port."""
        self.answers_on(int(line))

    def guard(self, event: PodEvent) -> None:
        """Let the process know of a pod's process group, or that it is gone; containers it knows by their label."""
        match event:
            case PodStarted(place=place) if place.pid is not None:
                self._guarded[event.name, event.attempt] = place.pid
                self.tell(f"+{place.pid}")
            case PodEnded() if (event.name, event.attempt) in self._guarded:
                self.tell(f"-{self._guarded.pop((event.name, event.attempt))}")
            case _:
                pass

    def ended(self, well: bool) -> None:
        """Remove what is left of the containers."""
        if self._engine is not None:
            self._engine.remove(self.rehearsal)


def main() -> None:
    """Serve until standard input ends; then end the pods that are left."""
    # moto prints; the pipe to the parent carries the port only.
    outlet = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    secret, containers, rehearsal = json.loads(sys.stdin.readline())
    outlet.write(f"{_serve(secret)}\n")
    groups: set[int] = set()
    for line in sys.stdin:
        leader = int(line[1:])
        (groups.add if line.startswith("+") else groups.discard)(leader)
    _end(groups, containers, rehearsal)
    os._exit(0)  # requests that are under way have nobody who waits for them


def _end(groups: set[int], containers: str, rehearsal: str) -> None:
    from penstock.backends.job_hosts.processes import kill_group

    for leader in groups:
        kill_group(leader)
    if containers:
        from penstock.backends.job_hosts.container_engine import client, remove_containers

        with contextlib.suppress(Exception):  # the engine is gone: nobody is left to hear of it
            remove_containers(client(containers), rehearsal)


def _serve(secret: str) -> int:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from penstock.backends.rehearsal.gate import Gate

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = Gate(DomainDispatcherApplication(create_backend_app), secret)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.port)


if __name__ == "__main__":
    main()
