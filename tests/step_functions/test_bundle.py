"""A bundle on disk is what was compiled, or it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from lowered_programs import SETTINGS, line

from penstock.backends.step_functions.bundle import Deployment, deployment_of, read_deployment, write_deployment
from penstock.backends.step_functions.lowering import lower
from penstock.compiler.diagnostics import Refused
from penstock.compiler.packaging import CodePackage, build_package


@pytest.fixture
def package(tmp_path: Path) -> CodePackage:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "flow.py").write_text("pass")
    return build_package(str(tmp_path / "code" / "flow.py"), b"{}")


@pytest.fixture
def deployment(package: CodePackage) -> Deployment:
    return deployment_of("TestFlow", SETTINGS, lower(line(2), SETTINGS), package, [SETTINGS.job_queue])


def test_a_bundle_is_read_as_it_was_written(deployment: Deployment, tmp_path: Path) -> None:
    write_deployment(deployment, str(tmp_path / "new" / "bundle"))
    assert read_deployment(str(tmp_path / "new" / "bundle")) == deployment


def test_a_bundle_lists_the_objects_that_must_exist(deployment: Deployment, package: CodePackage) -> None:
    key = f"TestFlow/data/{package.sha[:2]}/{package.sha}"
    assert deployment.objects == [
        {
            "key": key,
            "url": f"s3://bucket/metaflow/{key}",
            "sha1": package.sha,
            "bytes": len(package.tar),
            "attributes": {"cas_raw": True, "cas_version": 1},
            "file": f"code/{package.sha}.tar.gz",
        }
    ]


def test_a_bundle_takes_the_place_of_an_earlier_one(
    deployment: Deployment, package: CodePackage, tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    other = CodePackage("0" * 40, b"other", {})
    write_deployment(deployment_of("TestFlow", SETTINGS, lower(line(3), SETTINGS), other, []), str(folder))
    write_deployment(deployment, str(folder))
    assert read_deployment(str(folder)) == deployment
    assert [path.name for path in (folder / "code").iterdir()] == [f"{package.sha}.tar.gz"]


def change_machine(folder: Path) -> None:
    path = folder / "state-machine.json"
    path.write_bytes(path.read_bytes().replace(b"step_0", b"step_9"))


def remove_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def break_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("[]")


def later_format(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "format": 2}))


def lead_out(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "sha256": {"../../etc/passwd": ""}}))


def remove_package(folder: Path) -> None:
    (package,) = (folder / "code").iterdir()
    package.unlink()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (change_machine, "the bundle in {folder} was changed after it was written: state-machine.json"),
        (
            remove_manifest,
            "{folder} is no bundle for Step Functions: {folder}/manifest.json: No such file or directory",
        ),
        (break_manifest, "{folder} is no bundle for Step Functions: its manifest or list of objects is torn"),
        (later_format, "{folder} is no bundle for Step Functions: it has the format 2 of 'step-functions'"),
        (lead_out, "{folder} is no bundle for Step Functions: the path '../../etc/passwd' leads out of the bundle"),
        (
            remove_package,
            "{folder} is no bundle for Step Functions: {folder}/code/{sha}.tar.gz: No such file or directory",
        ),
    ],
)
def test_a_spoilt_bundle_is_refused(
    deployment: Deployment, package: CodePackage, tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    folder = tmp_path / "bundle"
    write_deployment(deployment, str(folder))
    spoil(folder)
    with pytest.raises(Refused) as refused:
        read_deployment(str(folder))
    (found,) = refused.value.diagnostics
    assert found.code == "P537"
    assert found.message == reason.format(folder=folder, sha=package.sha)


def test_a_folder_with_something_else_is_not_overwritten(deployment: Deployment, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(Refused, match=r"P537: .* is not empty, and holds no bundle that this one could replace"):
        write_deployment(deployment, str(tmp_path))
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_manifest_that_leads_elsewhere_removes_nothing(deployment: Deployment, tmp_path: Path) -> None:
    folder, other = tmp_path / "bundle", tmp_path / "notes.txt"
    folder.mkdir()
    other.write_text("mine")
    (folder / "manifest.json").write_text('{"sha256": {"../notes.txt": ""}}')
    with pytest.raises(Refused, match=r"P537: .* is not empty, and holds no bundle that this one could replace"):
        write_deployment(deployment, str(folder))
    assert other.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_told(deployment: Deployment, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match=r"P537: the bundle can't be written to .*/file/bundle: Not a directory"):
        write_deployment(deployment, str(tmp_path / "file" / "bundle"))
