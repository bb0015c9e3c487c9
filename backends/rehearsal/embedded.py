"""A server of ours for a while: in a process of its own, on the loopback interface, gone when its owner is."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TypeVar

from penstock.backends.job_hosts.processes import kill_group
from penstock.compiler.diagnostics import Diagnostic, Refused
from penstock.runtime_shim.failures import Failure

Server = TypeVar("Server", bound="EmbeddedServer")

REGION = "us-east-1"
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_DYING_SECONDS = 1.0


class EngineFailed(Failure):
    """The embedded server ended or did not answer; the text holds what it wrote last."""

    code = "R182"
    exit_code = 1


class EmbeddedServer:
    """Runs while it is entered: ``python -m module``, which gets one line of options on its standard input.

    It writes lines, the port among them, which go to :meth:`hear` from a thread of their own.  However the block is
    left, the process is gone afterwards, and everything in ``directory``; it is too when this process is killed, since
    it lives as long as its standard input is open.
    """

    def __init__(self, module: str) -> None:
        _demand_moto()
        self.directory = Path(tempfile.mkdtemp(prefix="penstock-rehearsal-"))
        self.secret = "PSTK" + secrets.token_hex(16).upper()
        self.endpoint = ""
        self._module = module
        self._process: subprocess.Popen[str] | None = None
        self._ready: queue.Queue[int] = queue.Queue()
        self._listening: threading.Thread | None = None
        self._clients: dict[str, Any] = {}
        self._telling = threading.Lock()

    def __enter__(self: Server) -> Server:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        """Whether the server's process runs."""
        return self._process is not None and self._process.poll() is None

    @contextlib.contextmanager
    def needed(self) -> Iterator[None]:
        """Whatever fails inside because the process has ended is that: raises EngineFailed."""
        try:
            yield
        except EngineFailed:
            raise
        except Exception as error:
            if not self._dies():
                raise
            raise self.failed("ended before the run did") from error

    def _dies(self) -> bool:
        """Whether the process has ended, or does so now: its connections are gone a moment before it is."""
        if self._process is None:
            return False
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_DYING_SECONDS)
        return not self.alive

    def failed(self, what: str) -> EngineFailed:
        """The failure of an engine that did ``what``: how its process ended, and what it wrote last."""
        code = None if self._process is None else self._process.poll()
        how = "" if code is None else f": killed by signal {-code}" if code < 0 else f": exit code {code}"
        lines = "".join(f"\n    | {line}" for line in self._last_words().splitlines())
        return EngineFailed(f"the rehearsal engine {what}{how}{lines}", help="start the rehearsal again")

    def options(self) -> str:
        """The line that the process gets."""
        raise NotImplementedError

    def hear(self, line: str) -> None:
        """Take a line of the process; :meth:`answers_on` is to be called with the port."""
        raise NotImplementedError

    def tell(self, line: str) -> None:
        """Write a line to the process, if it is still there; safe from several threads."""
        with self._telling:
            stdin = self._process.stdin if self._process is not None else None
            if stdin is not None:
                with contextlib.suppress(OSError, ValueError):  # it has ended, or is just being ended
                    stdin.write(f"{line}\n")
                    stdin.flush()

    def answers_on(self, port: int) -> None:
        """The server is ready."""
        self._ready.put(port)

    def ended(self, well: bool) -> None:
        """The process is gone, ``well`` or not: end what it has left."""

    def client(self, service: str) -> Any:
        """A botocore client of this server, made once; it never looks at the user's configuration."""
        if service not in self._clients:
            import botocore.session
            from botocore.config import Config

            # Neither variables nor files: (name in the file, variable, value, conversion).
            nothing = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
            session = botocore.session.Session(session_vars={"profile": (None, None, None, None), **nothing})
            self._clients[service] = session.create_client(
                service,
                region_name=REGION,
                endpoint_url=self.endpoint,
                aws_access_key_id=self.secret,
                aws_secret_access_key=self.secret,
                config=Config(
                    retries={"total_max_attempts": 2},
                    max_pool_connections=32,
                    proxies={},
                    s3={"addressing_style": "path"},
                ),
            )
        return self._clients[service]

    def _last_words(self, lines: int = 20) -> str:
        """The end of what the process wrote on its standard error."""
        with contextlib.suppress(OSError):
            return "\n".join((self.directory / "engine.log").read_text(errors="replace").splitlines()[-lines:])
        return ""

    def stop(self) -> None:
        """End the process; does nothing the second time."""
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                kill_group(process.pid)
                process.wait()
            if self._listening is not None:
                self._listening.join(_STOP_SECONDS)
            self.ended(process.returncode == 0)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self) -> None:
        with (self.directory / "engine.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.directory,
                env=_clean_environment(self.directory),
                text=True,
                start_new_session=True,  # Ctrl-C goes to this process, which stops the server in order
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise EngineFailed("the rehearsal engine has no pipes")
        with contextlib.suppress(BrokenPipeError):  # it has ended already; below it is told
            stdin.write(self.options())
            stdin.flush()
        self._listening = threading.Thread(target=self._listen, args=(stdout,), daemon=True)
        self._listening.start()
        end = time.monotonic() + _START_SECONDS
        while not self.endpoint:
            with contextlib.suppress(queue.Empty):
                self.endpoint = f"http://127.0.0.1:{self._ready.get(timeout=0.2)}"
            if not self.endpoint and (not self.alive or time.monotonic() > end):
                raise self.failed("did not start")

    def _listen(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self.hear(line)


def _demand_moto() -> None:
    """Raises Refused where the extra is not installed."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        message = "a rehearsal needs the embedded AWS, which is not installed"
        raise Refused([Diagnostic("P540", message, help="pip install 'penstock[rehearse]'")])


def _clean_environment(directory: Path) -> dict[str, str]:
    """This process's environment without anything that leads to the real AWS, or to a configuration that does."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "METAFLOW_", "MOTO_", "BOTO_"))
    }
    path = kept.get("PYTHONPATH")
    if path:
        kept["PYTHONPATH"] = os.pathsep.join(os.path.abspath(part) for part in path.split(os.pathsep))
    return {**kept, "HOME": str(directory), "AWS_EC2_METADATA_DISABLED": "true"}
