"""An AWS of one's own for a while: S3, Batch and Step Functions on the loopback interface, in a process of its own."""

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
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from penstock.backends.job_hosts.processes import kill_group
from penstock.backends.step_functions.rehearsal.messages import (
    HISTORY_LIMIT,
    EngineOptions,
    Event,
    ExecutionEnded,
    JobEnded,
    JobStarted,
    Ready,
    from_line,
)
from penstock.compiler.diagnostics import Diagnostic, Refused
from penstock.runtime_shim.failures import Failure

if TYPE_CHECKING:
    from penstock.backends.job_hosts.container_engine import ContainerEngine

QUEUE = "penstock-rehearsal"
"""The job queue that is there from the start."""
REGION = "us-east-1"
ACCOUNT = "123456789012"
"""moto's account."""
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_DYING_SECONDS = 1.0


class EngineFailed(Failure):
    """The engine's process ended or did not answer; the text holds what it wrote last."""

    code = "R182"
    exit_code = 1


class Engine:
    """Runs while it is entered; jobs are processes, or containers on the engine ``containers``::

        with Engine() as engine:
            engine.client("s3").create_bucket(Bucket="b")

    Its events go to every listener, from a thread of its own.  Several rehearsals may share one engine.  However the
    block is left, the engine's process and every job are gone afterwards; they are too when this process is killed.
    """

    def __init__(
        self,
        *,
        jobs_at_once: int | None = None,
        grace_seconds: float = 30.0,
        history_limit: int = HISTORY_LIMIT,
        containers: ContainerEngine | None = None,
    ) -> None:
        _demand_moto()
        self._directory = Path(tempfile.mkdtemp(prefix="penstock-rehearsal-"))
        self.secret = "PSTK" + secrets.token_hex(16).upper()
        self._options = EngineOptions(
            secret=self.secret,
            directory=str(self._directory),
            python=sys.executable,
            region=REGION,
            jobs_at_once=jobs_at_once or max(4, 2 * (os.cpu_count() or 1)),
            grace_seconds=grace_seconds,
            history_limit=history_limit,
            containers=containers.url if containers else "",
            rehearsal=secrets.token_hex(8),
        )
        self._containers = containers
        self.endpoint = ""
        self._process: subprocess.Popen[str] | None = None
        self._ready: queue.Queue[int] = queue.Queue()
        self._listeners: list[Callable[[Event], None]] = []
        self._listening: threading.Thread | None = None
        self._groups: dict[tuple[str, int], int] = {}
        self._clients: dict[str, Any] = {}

    def __enter__(self) -> Engine:
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
        """Whether the engine's process runs."""
        return self._process is not None and self._process.poll() is None

    @contextlib.contextmanager
    def needed(self) -> Iterator[None]:
        """Whatever fails inside because the engine's process has ended is that: raises EngineFailed."""
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

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``listener`` with every event from now on; returns the function that ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def client(self, service: str) -> Any:
        """A boto3 client of this engine, made once; it never looks at the user's configuration."""
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
        """The end of what the engine's process wrote on its standard error."""
        with contextlib.suppress(OSError):
            return "\n".join((self._directory / "engine.log").read_text(errors="replace").splitlines()[-lines:])
        return ""

    def _start(self) -> None:
        with (self._directory / "engine.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "penstock.backends.step_functions.rehearsal.server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._directory,
                env=_clean_environment(self._directory),
                text=True,
                start_new_session=True,  # Ctrl-C goes to this process, which stops the engine in order
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise EngineFailed("the rehearsal engine has no pipes")
        with contextlib.suppress(BrokenPipeError):  # it has ended already; below it is told
            stdin.write(self._options.to_line())
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
                self._hear(from_line(line))

    def _hear(self, event: Event) -> None:
        match event:
            case Ready(port=port):
                self._ready.put(port)
            case JobStarted(job=job, attempt=attempt, pid=int(pid)):
                self._groups[job, attempt] = pid
            case JobEnded(job=job, attempt=attempt):
                self._groups.pop((job, attempt), None)
            case JobStarted() | ExecutionEnded():  # a container is ended by its label
                pass
        for listener in list(self._listeners):
            listener(event)

    def stop(self) -> None:
        """End the engine and its jobs; does nothing the second time."""
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
            if process.returncode != 0:
                # It died before it could end its jobs.
                for leader in list(self._groups.values()):
                    kill_group(leader)
            if self._containers is not None:
                self._containers.remove(self._options.rehearsal)
        shutil.rmtree(self._directory, ignore_errors=True)


def _demand_moto() -> None:
    """Raises Refused where the extra is not installed."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        raise Refused(
            [
                Diagnostic(
                    "P540",
                    "a rehearsal needs the embedded AWS, which is not installed",
                    help="pip install 'penstock[rehearse]'",
                )
            ]
        )


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
