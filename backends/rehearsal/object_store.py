"""An S3 of one's own for a while, for targets that need nothing else of AWS.

The process is this module too, run as ``python -m`` by :class:`ObjectStore` only.
"""

from __future__ import annotations

import logging
import os
import sys
import threading

from penstock.backends.rehearsal.embedded import EmbeddedServer


class ObjectStore(EmbeddedServer):
    """Runs while it is entered; several rehearsals may share it."""

    def __init__(self) -> None:
        super().__init__("penstock.backends.rehearsal.object_store")

    def options(self) -> str:
        """The secret that every request must carry."""
        return f"{self.secret}\n"

    def hear(self, line: str) -> None:
        """The one line there is: the port."""
        self.answers_on(int(line))


def main() -> None:
    """Serve until standard input ends."""
    # moto prints; the pipe to the parent carries the port only.
    outlet = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    outlet.write(f"{_serve(sys.stdin.readline().strip())}\n")
    while sys.stdin.readline():
        pass
    os._exit(0)  # requests that are under way have nobody who waits for them


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
