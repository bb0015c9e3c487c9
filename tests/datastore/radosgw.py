"""Runs a command beside a real S3 server: Ceph's radosgw on loopback, everything in memory and a temporary folder.

    python tests/datastore/radosgw.py COMMAND …

The command finds the server's URL in PENSTOCK_TEST_S3_ENDPOINT and credentials in AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY.  Whatever happens, the server's processes are stopped, each by its own id, and its exit code is
the command's.  Debian's packages are installed where they are missing, which takes root.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from types import FrameType

PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
PACKAGES = ("radosgw", "ceph-mon", "ceph-osd", "ceph-common")
ACCESS_KEY, SECRET_KEY = "AKIAEXAMPLEKEY000001", "secretsecretsecret"
PATIENCE = 90
"""Seconds until the server has to answer."""

CONFIGURATION = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
public network = 127.0.0.0/8
ms bind ipv4 = true
ms bind ipv6 = false
# One machine, one user: no keys between the daemons, and no encryption.
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms mon cluster mode = crc
ms mon service mode = crc
ms client mode = crc
ms cluster mode = crc
ms service mode = crc
# One disk, in memory, each object once.
osd objectstore = memstore
memstore device bytes = 4294967296
osd op num shards = 2
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 1000
mon warn on pool no redundancy = false
mon data avail warn = 1
run dir = {folder}/run
admin socket = {folder}/run/$name.$pid.asok
log file = {folder}/log/$name.log
keyring = {folder}/keyring
[mon.a]
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd
[client.rgw]
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw enable usage log = false
rgw enable ops log = false
rgw dynamic resharding = false
"""


class Server:
    """The three daemons, as children of this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        mon_v2, mon_v1, self.port = free_ports(3)
        self.fsid = str(uuid.uuid4())
        self.monitor = f"[v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]"
        self.daemons: list[subprocess.Popen[bytes]] = []
        for name in ("mon", "osd", "rgw", "run", "log"):
            (folder / name).mkdir()
        (folder / "keyring").touch()
        text = CONFIGURATION.format(fsid=self.fsid, folder=folder, port=self.port, mon_v1=mon_v1, mon_v2=mon_v2)
        self.configuration = folder / "ceph.conf"
        self.configuration.write_text(text)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        monmap = str(self.folder / "monmap")
        self.call("monmaptool", "--create", "--fsid", self.fsid, "--addv", "a", self.monitor, monmap, conf=False)
        self.call("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap)
        self.daemon("ceph-mon", "-i", "a", "-f")
        disk = str(uuid.uuid4())
        self.call("ceph", "--connect-timeout", "60", "osd", "new", disk)
        self.call("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        self.daemon("ceph-osd", "-i", "0", "-f")
        self.call("ceph", "osd", "crush", "add", "osd.0", "1.0", "host=here", "root=default")
        self.daemon("radosgw", "-n", "client.rgw", "-f")
        self.wait()
        keys = ("--access-key", ACCESS_KEY, "--secret", SECRET_KEY)
        self.call("radosgw-admin", "user", "create", "--uid", "t", "--display-name", "t", *keys)

    def call(self, program: str, *arguments: str, conf: bool = True) -> None:
        command = [program, *(("-c", str(self.configuration)) if conf else ()), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode:
            sys.exit(f"radosgw.py: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")

    def daemon(self, program: str, *arguments: str) -> None:
        with open(self.folder / "log" / f"{program}.out", "wb") as output:
            command = [program, "-c", str(self.configuration), *arguments]
            self.daemons.append(subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL))

    def wait(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for daemon in self.daemons:
                if daemon.poll() is not None:
                    sys.exit(f"radosgw.py: {daemon.args} ended with {daemon.returncode}; {self.logs()}")
            try:
                with urllib.request.urlopen(self.url, timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.25)
        sys.exit(f"radosgw.py: no answer from {self.url} within {PATIENCE} s; {self.logs()}")

    def logs(self) -> str:
        tails = (f"{log.name}:\n{log.read_text(errors='replace')[-2000:]}" for log in (self.folder / "log").iterdir())
        return "logs:\n" + "\n".join(tails)

    def stop(self) -> None:
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:  # noqa: PERF203 - three turns
                daemon.kill()
                daemon.wait()


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on; all are held until all are known, so that they differ."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def provide_programs() -> None:
    """Install Debian's packages unless the programs are there."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if not missing:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.exit(f"radosgw.py: {', '.join(missing)} not found. On Debian and Ubuntu, as root: {' '.join(install)}")
    print(f"installing {' '.join(PACKAGES)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], install):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"radosgw.py: {' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def main(command: list[str]) -> int:
    if not command:
        sys.exit(str(__doc__))
    provide_programs()

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    # Ceph's sockets have paths of at most 107 characters: a short folder, whatever TMPDIR is.
    with tempfile.TemporaryDirectory(prefix="rgw-", dir="/tmp") as folder:
        server = Server(Path(folder))
        try:
            server.start()
            print(f"radosgw answers at {server.url}", flush=True)
            environment = {
                **os.environ,
                "PENSTOCK_TEST_S3_ENDPOINT": server.url,
                "AWS_ACCESS_KEY_ID": ACCESS_KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            }
            return subprocess.run(command, env=environment, check=False).returncode
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
