"""A container image made of this machine's Python: nothing is pulled, nothing is built by a second tool.

It holds the interpreter with its standard library and the shared libraries that these need, at the paths they have
here, and a few tools, so that a shell would find something to execute.  No package is in it: not even pip.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

TOOLS = ("sh", "cat", "env", "id", "ls", "sleep", "touch")
_LEFT_OUT = {"test", "tests", "idlelib", "ensurepip", "site-packages", "dist-packages"}
_LIBRARY = re.compile(r"^\t(?:\S+ => )?(/\S+\.so\S*) ", re.MULTILINE)
"""A line of ldd's that names a library."""
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


def make_image(api: Any, name: str) -> None:
    """Give the engine behind ``api`` (a `docker.APIClient`) the image ``name``."""
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            _Image(tar).fill()
        file.seek(0)
        changes = [f"ENV PATH={_folder_of_python()}:/usr/bin:/bin", "ENV LANG=C.UTF-8"]
        repository, _, tag = name.partition(":")
        answer = api.import_image_from_data(file, repository=repository, tag=tag or "latest", changes=changes)
    if '"error"' in answer:
        raise RuntimeError(f"the engine does not take the image {name}: {answer}")


class _Image:
    """Fills a tar with what an image holds."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._there: set[str] = set()

    def fill(self) -> None:
        for folder, mode in (("tmp", 0o1777), ("root", 0o755), ("etc", 0o755), ("usr/bin", 0o755), ("bin", 0o755)):
            self._folder(folder, mode)
        for path, text in _FILES.items():
            self._text(path, text)
        python = Path(sys.executable).resolve()
        stdlib = Path(sysconfig.get_path("stdlib"))
        binaries = [python, *self._tree(stdlib)]
        self._file(python, str(python))
        for alias in ("python", "python3"):
            if not (python.parent / alias).exists() or python.parent / alias != python:
                self._link(str(python.parent / alias), python.name)
        for tool in TOOLS:
            found = shutil.which(tool)
            if found is None:
                raise RuntimeError(f"this machine has no {tool}")
            self._file(Path(found).resolve(), f"/bin/{tool}")
            binaries.append(Path(found).resolve())
        for library in _libraries([each for each in binaries if _is_binary(each)]):
            self._file(Path(library).resolve(), library)

    def _tree(self, root: Path) -> Iterator[Path]:
        """Put a folder in; its files."""
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(set(folders) - _LEFT_OUT)
            for name in sorted(files):
                path = Path(folder, name)
                if path.suffix != ".a" and path.exists():
                    self._file(path.resolve(), str(path))
                    yield path

    def _file(self, source: Path, target: str) -> None:
        if target.lstrip("/") in self._there:
            return
        self._there.add(target.lstrip("/"))
        self._tar.add(source, target.lstrip("/"), recursive=False, filter=_of_root)

    def _text(self, target: str, text: str) -> None:
        entry = tarfile.TarInfo(target)
        entry.size = len(text.encode())
        entry.mode = 0o644
        self._tar.addfile(entry, io.BytesIO(text.encode()))

    def _folder(self, target: str, mode: int) -> None:
        entry = tarfile.TarInfo(target)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self._tar.addfile(entry)

    def _link(self, target: str, to: str) -> None:
        if target.lstrip("/") not in self._there:
            self._there.add(target.lstrip("/"))
            entry = tarfile.TarInfo(target.lstrip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, to
            self._tar.addfile(entry)


def _folder_of_python() -> Path:
    return Path(sys.executable).resolve().parent


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _libraries(binaries: Sequence[Path]) -> list[str]:
    """The shared libraries that ELF files need, and theirs."""
    done = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False)
    return sorted({match.group(1) for match in _LIBRARY.finditer(done.stdout)})
