"""The code package of a task that ran in a container."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from small_runs import make_run

from penstock import Run, Task
from penstock.runtime_shim.client import NotFound
from penstock.runtime_shim.datastore.blobs import sha_of
from penstock.runtime_shim.datastore.protocol import Datastore


@pytest.fixture
def package(local: Datastore) -> str:
    """The sha of a stored package that holds a flow file."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in (("flow.py", b"the flow"), ("deep/in/flow.py", b"another")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    sha = sha_of(data.getvalue())
    local.put(f"Small/data/{sha[:2]}/{sha}", data.getvalue(), {"cas_raw": True, "cas_version": 1})
    return sha


def test_the_package_a_task_ran_is_found(local: Datastore, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_PACKAGE", package)
    monkeypatch.setattr("sys.argv", ["/somewhere/flow.py", "step"])
    make_run(local, "17")
    code = Run("Small/17").code
    assert code is not None
    assert (code.sha, code.script_name, code.flowspec) == (package, "flow.py", "the flow")
    assert code.path == local.location(f"Small/data/{package[:2]}/{package}")
    assert code.tarball.getnames() == ["flow.py", "deep/in/flow.py"]
    assert repr(code) == f"<code package {package} of flow.py>"


def test_metaflows_note_of_a_package_is_read(local: Datastore, package: str) -> None:
    make_run(local, "17")
    for name, value in (("code-package", json.dumps({"sha": package})), ("script-name", "flow.py")):
        fact = {"field_name": name, "type": name, "value": value, "ts_epoch": 10**15}
        local.put(f"Small/17/start/t/_meta/sysmeta_{name}_9.json", json.dumps(fact).encode())
    code = Task("Small/17/start/t").code
    assert code is not None
    assert code.flowspec == "the flow"


def test_a_package_that_is_gone_is_told(local: Datastore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_PACKAGE", "ab" * 20)
    make_run(local, "17")
    code = Task("Small/17/start/t").code
    assert code is not None
    with pytest.raises(NotFound, match=rf"the code package {'ab' * 20} is not in "):
        _ = code.tarball


def test_a_package_without_the_flow_file_is_told(
    local: Datastore, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_PACKAGE", package)
    monkeypatch.setattr("sys.argv", ["other.py"])
    make_run(local, "17")
    code = Task("Small/17/start/t").code
    assert code is not None
    with pytest.raises(NotFound, match=r"has no file other.py"):
        _ = code.flowspec
