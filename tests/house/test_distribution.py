"""What people install: the wheel holds the tree, works outside the repository, and the sdist builds the same wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINKED = ("compiler", "backends", "runtime_shim")

PRODUCTION = {
    "METAFLOW_DATASTORE_SYSROOT_S3": "s3://bucket/root",
    "METAFLOW_BATCH_JOB_QUEUE": "queue",
    "METAFLOW_SFN_IAM_ROLE": "arn:aws:iam::123456789012:role/states",
    "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": "arn:aws:iam::123456789012:role/jobs",
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone would hold: the files git knows or would take, in a folder of their own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    folder = tmp_path_factory.mktemp("sources")
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, folder / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    return folder


def build(sources: Path, out: Path, *kinds: str) -> list[Path]:
    """Build in a clean environment, as a package index or a user's pip would."""
    answer = subprocess.run(
        [sys.executable, "-m", "build", *kinds, "--outdir", str(out), str(sources)],
        capture_output=True,
        text=True,
        cwd=out,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return sorted(out.iterdir())


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    (made,) = build(sources, tmp_path_factory.mktemp("wheel"), "--wheel")
    return made


@pytest.fixture(scope="module")
def sdist(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    (made,) = build(sources, tmp_path_factory.mktemp("sdist"), "--sdist")
    return made


def wheel_files(wheel: Path) -> dict[str, bytes]:
    """The package's files in a wheel, without its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


def tree_files(root: Path) -> dict[str, bytes]:
    """The package's files in the tree, as the wheel should name them."""
    found = {}
    for folder, prefix in [(root / "src" / "penstock", "penstock"), *((root / n, f"penstock/{n}") for n in LINKED)]:
        for file in folder.rglob("*"):
            if file.is_file() and not any(
                part in (*LINKED, "__pycache__") for part in file.relative_to(folder).parts[:1]
            ):
                found[f"{prefix}/{file.relative_to(folder).as_posix()}"] = file.read_bytes()
    return found


def test_the_wheel_holds_exactly_the_tree(wheel: Path, sources: Path) -> None:
    assert wheel_files(wheel) == tree_files(sources)
    assert "penstock/py.typed" in wheel_files(wheel)


def test_the_wheel_is_for_any_platform(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_sdist_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(sdist, tmp_path / "unpacked")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    (tmp_path / "out").mkdir()
    (again,) = build(unpacked, tmp_path / "out", "--wheel")
    assert wheel_files(again) == wheel_files(wheel)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment that holds the wheel and what it depends on, nothing else."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)], check=True)
    return python


def outside(python: Path, folder: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """A command in a folder far from the repository, with an environment that does not point back to it."""
    ours = ("PYTHON", "METAFLOW", "PENSTOCK", "AWS_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {"METAFLOW_HOME": str(folder / "no-configuration"), "METAFLOW_USER": "tester", **extra}
    return subprocess.run([python, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


def test_the_installed_package_is_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    answer = outside(installed, tmp_path, "-c", "import penstock.compiler.steps as m; print(m.__file__)")
    assert answer.returncode == 0, answer.stderr
    assert str(ROOT) not in answer.stdout
    assert str(installed.parent.parent) in answer.stdout


def test_the_installed_package_runs_and_compiles_a_flow(installed: Path, tmp_path: Path) -> None:
    flow = str(shutil.copy(ROOT / "examples" / "hello.py", tmp_path))
    ran = outside(installed, tmp_path, flow, "run", "--whom=Ω")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / ".metaflow" / "HelloFlow").is_dir()
    checked = outside(installed, tmp_path, flow, "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    compiled = outside(installed, tmp_path, flow, "step-functions", "create", "--only-json", **PRODUCTION)
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
    assert '"StartAt"' in compiled.stdout


def test_the_installed_package_compiles_for_every_scheduler(installed: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "hello.py", tmp_path)
    command = ("-m", "penstock", "compile", "hello.py", "--target", "all", "-o", "out")
    answer = outside(installed, tmp_path, *command, **PRODUCTION)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert {"argo-workflows", "kfp", "step-functions"} <= set(os.listdir(tmp_path / "out" / "HelloFlow"))


def test_the_script_of_the_installed_package_explains_a_code(installed: Path, tmp_path: Path) -> None:
    answer = outside(installed, tmp_path, "-m", "penstock", "explain", "R101")
    assert answer.returncode == 0, answer.stderr
    assert "R101" in answer.stdout
