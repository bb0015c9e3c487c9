"""The Docker-compatible engine of this machine: found, asked whether it fits, given its images, cleaned afterwards."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from penstock.compiler.diagnostics import Diagnostic, Refused

LABEL = "penstock.rehearsal"
"""The label of every container; its value is the rehearsal that started it."""
_REQUEST_SECONDS = 120
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PODMAN = "Podman: `systemctl --user start podman.socket`, DOCKER_HOST=unix://$XDG_RUNTIME_DIR/podman/podman.sock"
_UNREACHED: tuple[tuple[type[OSError], str, str], ...] = (
    (FileNotFoundError, "there is no such socket", f"start Docker, or say in DOCKER_HOST where it is; {_PODMAN}"),
    (ConnectionRefusedError, "nothing answers there", f"start Docker, or say in DOCKER_HOST where it is; {_PODMAN}"),
    (PermissionError, "permission denied", f"become a member of the group `docker`, and log in again; {_PODMAN}"),
)


def client(url: str) -> Any:
    """A `docker.APIClient` of the engine at ``url``, in the version of the protocol that both speak.

    Raises docker.errors.DockerException where it does not answer as an engine.
    """
    import docker
    from docker.utils import kwargs_from_env

    tls = kwargs_from_env().get("tls", False) if url.startswith("tcp://") else False
    return docker.APIClient(base_url=url, version="auto", timeout=_REQUEST_SECONDS, tls=tls)


class ContainerEngine:
    """The engine at ``url``; :meth:`reach` finds it.

    Containers use this machine's network (``--network=host``), since what a rehearsal offers answers on its loopback
    interface only.  Engines whose containers cannot reach that are refused.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = client(url)

    @classmethod
    def reach(cls) -> ContainerEngine:
        """The engine of DOCKER_HOST, else of Docker's current context, else of Docker's own socket.

        Raises Refused: the package is not installed (P540), no engine answers (P542), its containers do not share this
        machine's network (P544).
        """
        if importlib.util.find_spec("docker") is None:
            message = "a rehearsal in containers needs the package `docker`, which is not installed"
            raise _refused("P540", message, "pip install 'penstock[rehearse]'")
        from docker.errors import DockerException

        url = _url()
        _demand_this_machine(url)
        _demand_socket(url)
        try:
            engine = cls(url)
            engine._demand_this_network()
        except (DockerException, OSError) as error:
            message = f"no container engine answers at {url}: {error}"
            advice = "is it Docker, or a socket of Podman's? DOCKER_HOST says where to look"
            raise _refused("P542", message, advice) from None
        return engine

    @property
    def warnings(self) -> tuple[str, ...]:
        """What this engine cannot hold jobs to, a sentence each."""
        info = self._client.info()
        limits = info.get("MemoryLimit", True)
        return () if limits else (f"the engine at {self.url} cannot limit memory: jobs may use more than they ask for",)

    def demand_images(self, images: Mapping[str, Sequence[str]], write: Callable[[str], object]) -> None:
        """Pull what is not there; ``images`` maps an image to the steps that run in it, ``write`` takes lines.

        Raises Refused (P543) with every image that cannot be had.
        """
        problems = [problem for image, steps in images.items() if (problem := self._provide(image, steps, write))]
        if problems:
            raise Refused(problems)

    def remove(self, rehearsal: str) -> None:
        """Remove every container of a rehearsal, running or not; an engine that is gone has none."""
        remove_containers(self._client, rehearsal)

    def close(self) -> None:
        """Close the connections; they are made again where they are needed."""
        self._client.close()

    def _provide(self, image: str, steps: Sequence[str], write: Callable[[str], object]) -> Diagnostic | None:
        from docker.errors import DockerException, ImageNotFound

        try:
            self._client.inspect_image(image)
            return None
        except ImageNotFound:
            write(f"Pulling the image {image}, which is not on this machine.\n")
        except (DockerException, OSError) as error:
            return _no_image(image, steps, str(error))
        try:
            said = list(self._pull(image))
            reason = next((str(line["error"]) for line in said if "error" in line), "")
        except (DockerException, OSError) as error:
            reason = str(getattr(error, "explanation", None) or error)
        return _no_image(image, steps, reason) if reason else None

    def _pull(self, image: str) -> Iterator[Mapping[str, Any]]:
        from docker.utils import parse_repository_tag

        repository, tag = parse_repository_tag(image)
        pulled: Iterator[Mapping[str, Any]] = self._client.pull(
            repository, tag=tag or "latest", stream=True, decode=True
        )
        return pulled

    def _demand_this_network(self) -> None:
        """Raises Refused (P544) where the network of "the host" is a namespace of the engine's own."""
        options = self._client.info().get("SecurityOptions") or []
        parts = self._client.version().get("Components") or []
        podman = any("podman" in str(part.get("Name", "")).lower() for part in parts)
        if not podman and any("rootless" in option for option in options):
            message = (
                f"Docker at {self.url} runs rootless, in a network of its own: its jobs cannot reach this rehearsal"
            )
            raise _refused("P544", message, f"use Docker's ordinary daemon, or Podman. {_PODMAN}")


def remove_containers(api: Any, rehearsal: str) -> None:
    """Remove every container with the label of a rehearsal."""
    from docker.errors import DockerException

    with contextlib.suppress(DockerException, OSError):
        for each in api.containers(all=True, quiet=True, filters={"label": f"{LABEL}={rehearsal}"}):
            with contextlib.suppress(DockerException):  # gone meanwhile, or being removed
                api.remove_container(each["Id"], force=True, v=True)


def _url() -> str:
    """Where the engine is, as the docker command line finds it."""
    from docker.constants import DEFAULT_UNIX_SOCKET
    from docker.context import ContextAPI

    given = os.environ.get("DOCKER_HOST", "")
    if given:
        return given
    context = ContextAPI.get_current_context()
    url = str((context.Host if context else None) or DEFAULT_UNIX_SOCKET)
    return url.replace("http+unix://", "unix://")


def _demand_this_machine(url: str) -> None:
    """Raises Refused (P544) where the engine is on another machine."""
    place = urlsplit(url)
    if place.scheme == "ssh" or (place.scheme in ("tcp", "http", "https") and place.hostname not in _LOOPBACK):
        message = f"the container engine at {url} is on another machine: its jobs cannot reach this rehearsal"
        raise _refused("P544", message, "use an engine of this machine")


def _demand_socket(url: str) -> None:
    """Raises Refused (P542) with the very reason where a Unix socket cannot be used."""
    path = urlsplit(url).path if url.startswith("unix:") else ""
    if not path:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError as error:
            for kind, reason, help_text in _UNREACHED:
                if isinstance(error, kind):
                    raise _refused("P542", f"no container engine answers at {url}: {reason}", help_text) from None
            raise _refused("P542", f"no container engine answers at {url}: {error}", _PODMAN) from None


def _no_image(image: str, steps: Sequence[str], reason: str) -> Diagnostic:
    named = ", ".join(f"`{step}`" for step in steps)
    which = f"step{'s' if len(steps) > 1 else ''} {named}"
    message = f"the image {image} of {which} is not on this machine, and cannot be pulled: {reason.strip()}"
    return Diagnostic("P543", message, help=f"docker pull {image}, or build it; or rehearse without --containers")


def _refused(code: str, message: str, help_text: str) -> Refused:
    return Refused([Diagnostic(code, message, help=help_text)])
