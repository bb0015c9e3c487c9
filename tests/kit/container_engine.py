"""Runs a command beside a container engine, with an image made here; nothing is pulled, no firewall rule is written.

    python tests/kit/container_engine.py COMMAND …

The engine is the one of DOCKER_HOST, else the one that answers on Docker's own socket, else a `dockerd` that is
started for this: on a Unix socket in a temporary folder, without bridge, forwarding or rules, stopped by its process id
whatever happens.  That takes root and Debian's package docker.io.  The command finds DOCKER_HOST and the name of the
image, PENSTOCK_TEST_IMAGE, in its environment; its exit code is the result.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import docker
from container_images import make_image

DOCKER_SOCKET = "unix:///var/run/docker.sock"
PATIENCE = 60
"""Seconds until the engine has to answer."""
SWITCHED_OFF = ("iptables", "ip6tables", "ip-forward", "ip-masq", "userland-proxy")


def answers(url: str) -> bool:
    try:
        client = docker.APIClient(base_url=url, version="auto", timeout=10)
    except docker.errors.DockerException:
        return False
    client.close()
    return True


@contextlib.contextmanager
def engine() -> Iterator[str]:
    """The URL of an engine that answers."""
    given = os.environ.get("DOCKER_HOST", "")
    if given:
        if not answers(given):
            sys.exit(f"container_engine.py: no container engine answers at DOCKER_HOST={given}")
        yield given
    elif answers(DOCKER_SOCKET):
        yield DOCKER_SOCKET
    else:
        with started() as url:
            yield url


@contextlib.contextmanager
def started() -> Iterator[str]:
    """The URL of a dockerd of our own."""
    program = shutil.which("dockerd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if program is None or os.geteuid() != 0:
        install = "apt-get install -y --no-install-recommends docker.io"
        sys.exit(
            "container_engine.py: no container engine answers, and none can be started: that takes root and dockerd "
            f"(Debian, Ubuntu: {install}). DOCKER_HOST names an engine that runs already"
        )
    # A socket's path has at most 107 characters: a short folder, whatever TMPDIR is.
    folder = Path(tempfile.mkdtemp(prefix="dkr-", dir="/tmp"))
    url = f"unix://{folder}/docker.sock"
    roots = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/docker.pid"]
    switches = [f"--{name}=false" for name in SWITCHED_OFF]
    try:
        with open(folder / "log", "wb") as log:
            command = [program, "--bridge=none", *switches, f"--host={url}", *roots]
            daemon = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            wait_for(daemon, url, folder / "log")
            yield url
        finally:
            stop(daemon)
    finally:
        namespace = folder / "exec" / "netns" / "default"
        if namespace.exists():  # dockerd leaves a mount there
            subprocess.run(["umount", str(namespace)], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(daemon: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not answers(url):
        if daemon.poll() is not None or time.monotonic() > end:
            sys.exit(f"container_engine.py: dockerd does not come up:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()  # it ends its containers and its containerd itself
    try:
        daemon.wait(30)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


@contextlib.contextmanager
def image(url: str) -> Iterator[str]:
    """An image under a name of its own, which is gone afterwards."""
    api = docker.APIClient(base_url=url, version="auto", timeout=300)
    name = f"penstock-test-{secrets.token_hex(4)}:local"
    try:
        make_image(api, name)
        yield name
    finally:
        with contextlib.suppress(docker.errors.DockerException):
            api.remove_image(name, force=True)
        api.close()


def main(command: list[str]) -> int:
    if not command:
        sys.exit(str(__doc__))

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    with engine() as url, image(url) as name:
        print(f"container engine at {url}, image {name}", flush=True)
        environment = {**os.environ, "DOCKER_HOST": url, "PENSTOCK_TEST_IMAGE": name}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
