"""Servers on loopback that answer in bytes, for what no library's server would say."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


class RawServer:
    """Gives one connection after the other to ``serve``, in a thread; leaving it ends both.

    Its socket is closed when the thread has ended, and not before.  A thread that waits in ``accept`` for a socket that
    is closed goes on waiting, and where the system begins that call once more, as after a machine has been halted, it
    waits for whatever has the descriptor's number by then: it takes the connections of some other test's server.
    """

    def __init__(self, serve: Callable[[socket.socket], object]) -> None:
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._over = False
        self._connection: socket.socket | None = None
        """The connection that is served, whoever closes or wraps the object that ``serve`` was given."""
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def __enter__(self) -> RawServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        socket.create_connection(self._socket.getsockname()).close()  # wakes the thread where it accepts
        if self._connection is not None:
            with contextlib.suppress(OSError):  # it has ended by itself
                self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection, connection.dup() as self._connection:
                if self._over:
                    return
                with contextlib.suppress(OSError):  # the client hangs up
                    self._serve(connection)
