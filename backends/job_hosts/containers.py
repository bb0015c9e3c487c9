"""Attempts as containers of a Docker-compatible engine: image, command, environment and limits of the job, no more."""

from __future__ import annotations

import contextlib
import io
import tarfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from penstock.backends.job_hosts.container_engine import LABEL, client, remove_containers
from penstock.backends.job_hosts.jobs import CANNOT_START, OUT_OF_MEMORY, Attempt, Outcome, Place, Resources

JOB_LABEL = "penstock.job"
_LEFT = "/tmp/penstock-left"  # noqa: S108 - in the container
"""The folder of a container for files that its job leaves; the job makes it."""
_MIB = 1024 * 1024
_SHARES_PER_VCPU = 1024
"""So AWS Batch and Kubernetes count Docker's ``CpuShares``."""
_LEAST_SHARES = 2
_POLL_SECONDS = 0.05
_SHORT_ID = 12
_NO_GPU = "could not select device driver"


class ContainerHost:
    """Runs attempts on the engine at ``url``, in this machine's network; every container carries the label of the
    ``rehearsal``.  ``grace_seconds`` lie between SIGTERM and SIGKILL.

    Raises docker.errors.DockerException where the engine does not answer.
    """

    def __init__(self, url: str, rehearsal: str, grace_seconds: float) -> None:
        self._api = client(url)
        self._rehearsal = rehearsal
        self._grace = max(1, round(grace_seconds))

    def run(
        self,
        attempt: Attempt,
        log: Path,
        *,
        timeout: float | None,
        stop: threading.Event,
        started: Callable[[Place], None],
    ) -> Outcome:
        """Run one attempt to its end, see :meth:`JobHost.run`."""
        from docker.errors import DockerException, ImageNotFound

        log.touch()
        container = ""
        try:
            container = self._create(attempt)
            return self._run(container, attempt, log, timeout, stop, started)
        except ImageNotFound as error:
            return Outcome(None, f"CannotPullContainerError: {_explained(error)}", hopeless=True)
        except (DockerException, OSError) as error:
            # A shutdown removes containers from below those that wait for them.
            reason = f"the container engine failed: {_explained(error)}"
            return Outcome(None, reason, stopped=stop.is_set(), hopeless=True)
        finally:
            if container:
                with contextlib.suppress(DockerException, OSError):
                    self._api.remove_container(container, force=True, v=True)

    def inside(self, file: Path) -> str:
        """A file of that name in a folder of the container's own."""
        return f"{_LEFT}/{file.name}"

    def kill_all(self) -> None:
        """Remove every container of this rehearsal."""
        remove_containers(self._api, self._rehearsal)

    def close(self) -> None:
        """Close the connections to the engine."""
        self._api.close()

    def _create(self, attempt: Attempt) -> str:
        created = self._api.create_container(
            attempt.image,
            command=list(attempt.command),
            environment=dict(attempt.environment),
            labels={LABEL: self._rehearsal, JOB_LABEL: attempt.name},
            user=attempt.user or None,
            host_config=self._api.create_host_config(network_mode="host", **_limits(attempt.resources)),
            # The proxies of the user's ~/.docker/config.json are no part of the job.
            use_config_proxy=False,
        )
        return str(created["Id"])

    def _run(
        self,
        container: str,
        attempt: Attempt,
        log: Path,
        timeout: float | None,
        stop: threading.Event,
        started: Callable[[Place], None],
    ) -> Outcome:
        from docker.errors import APIError

        try:
            self._api.start(container)
        except APIError as error:
            return self._unstarted(container, log, _explained(error))
        started(Place(container=container[:_SHORT_ID]))
        timed_out, stopped = self._watch(container, timeout, stop)
        with log.open("wb") as output:
            for chunk in self._api.logs(container, stdout=True, stderr=True, stream=True, follow=False):
                output.write(chunk)
        for inside, file in attempt.leaves.items():
            self._bring_out(container, inside, file)
        state = self._state(container)
        reason = OUT_OF_MEMORY if state.get("OOMKilled") and state["ExitCode"] != 0 else ""
        return Outcome(int(state["ExitCode"]), reason, timed_out, stopped)

    def _bring_out(self, container: str, inside: str, file: Path) -> None:
        """Copy a file out of the container, where it is there: without sharing a folder, whoever the job runs as."""
        from docker.errors import NotFound

        try:
            chunks, _ = self._api.get_archive(container, inside)
        except NotFound:
            return
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is not None:
                    file.write_bytes(content.read())

    def _unstarted(self, container: str, log: Path, explanation: str) -> Outcome:
        """The attempt of a container that could not be started."""
        if _NO_GPU in explanation:
            return Outcome(None, "it asks for GPUs, and this container engine has none", hopeless=True)
        log.write_text(f"cannot start the container: {explanation}\n", encoding="utf-8")
        code = int(self._state(container).get("ExitCode") or CANNOT_START)
        return Outcome(code, f"CannotStartContainerError: {explanation}")

    def _watch(self, container: str, timeout: float | None, stop: threading.Event) -> tuple[bool, bool]:
        """Wait for the container's end, or bring it about; whether it timed out, whether it was stopped."""
        end = None if timeout is None else time.monotonic() + timeout
        waiter = _Waiter(self._api, container)
        while not waiter.ended.wait(_POLL_SECONDS):
            stopped = stop.is_set()
            timed_out = not stopped and end is not None and time.monotonic() > end
            if stopped or timed_out:
                self._api.stop(container, timeout=self._grace)
                return timed_out, stopped
        if waiter.error is not None:
            raise waiter.error
        return False, False

    def _state(self, container: str) -> Mapping[str, Any]:
        state: Mapping[str, Any] = self._api.inspect_container(container)["State"]
        return state


class _Waiter:
    """Waits for a container in a thread of its own: ``ended`` is set then, or when the engine fails (``error``)."""

    def __init__(self, api: Any, container: str) -> None:
        self.ended = threading.Event()
        self.error: Exception | None = None
        self._api = api
        self._container = container
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        try:
            self._api.wait(self._container, timeout=None)
        except Exception as error:  # whatever it is, the thread that waits for this one is to say it
            self.error = error
        finally:
            self.ended.set()


def _limits(resources: Resources) -> dict[str, Any]:
    """The resources as arguments of ``create_host_config``."""
    limits: dict[str, Any] = {}
    if resources.memory is not None:
        limits["mem_limit"] = resources.memory * _MIB
        limits["memswap_limit"] = (resources.memory + (resources.swap or 0)) * _MIB
    if resources.swappiness is not None:
        limits["mem_swappiness"] = resources.swappiness
    if resources.vcpus is not None:
        limits["cpu_shares"] = max(_LEAST_SHARES, round(resources.vcpus * _SHARES_PER_VCPU))
    if resources.shared_memory is not None:
        limits["shm_size"] = resources.shared_memory * _MIB
    if resources.gpus:
        limits["device_requests"] = [{"Driver": "", "Count": resources.gpus, "Capabilities": [["gpu"]]}]
    return limits


def _explained(error: BaseException) -> str:
    """The engine's own words, on one line."""
    return " ".join(str(getattr(error, "explanation", None) or error).split())
