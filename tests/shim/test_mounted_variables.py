"""Variables from mounted secrets: which files become some, and that it happens before a container needs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.compiler.packaging import bootstrap, program_from_image
from penstock.runtime_shim.mounted_variables import set_variables


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A secret as Kubernetes mounts it: links into a folder that is exchanged when the secret changes."""
    data = tmp_path / "..2026_01_01" / "data"
    data.mkdir(parents=True)
    (tmp_path / "..data").symlink_to(data)
    for name, value in {"KEY": b"a \xff$(x)\n", "plain.key-1": b"1", "1st": b"x", "KEPT": b"secret"}.items():
        (data / name).write_bytes(value)
        (tmp_path / name).symlink_to(data / name)
    return tmp_path


def test_files_become_variables_as_they_are(secret: Path, tmp_path: Path) -> None:
    os.environ["KEPT"] = "given one by one"
    before = dict(os.environ)
    later = tmp_path / "later"
    later.mkdir()
    (later / "plain.key-1").write_text("2")
    set_variables(json.dumps({"folders": [str(secret), str(later), "/no/such/folder"], "kept": ["KEPT"]}))
    new = {name: value for name, value in os.environ.items() if before.get(name) != value}
    assert new == {"KEY": os.fsdecode(b"a \xff$(x)\n"), "plain.key-1": "2"}


@pytest.mark.parametrize("program", [bootstrap, program_from_image])
def test_they_are_there_before_anything_else_happens(program: object, secret: Path) -> None:
    assert callable(program)
    text = program(mounted_variables=True)
    # What follows fails without a package; the variables are set by then.
    watched = text.replace("def main() -> None:\n", "def main() -> None:\n print(os.environ['KEY'], flush=True)\n", 1)
    told = json.dumps({"folders": [str(secret)], "kept": []})
    done = subprocess.run(
        [sys.executable, "-c", watched],
        env={"PENSTOCK_VARIABLES_FROM": told, "PATH": os.environ["PATH"]},
        capture_output=True,
        check=False,
    )
    assert done.stdout == b"a \xff$(x)\n\n"
    assert done.returncode != 0
