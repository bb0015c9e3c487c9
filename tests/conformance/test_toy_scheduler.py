"""The toy scheduler of `examples/toy-scheduler`, installed as somebody's package would be, into a folder of its own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import environment

ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / "examples" / "toy-scheduler"
PAGE = ROOT / "docs" / "backends" / "authoring.md"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip makes of it; the sources are copied, since a build writes beside them."""
    folder = tmp_path_factory.mktemp("toy")
    sources = shutil.copytree(TOY, folder / "sources", ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg*"))
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    target = ["--target", str(folder / "site"), str(sources)]
    subprocess.run([sys.executable, "-m", "pip", "install", *quiet, *target], check=True)
    return folder / "site"


def run(site: Path, folder: Path, *argv: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Python in a folder, where the toy is installed."""
    surroundings = environment(folder, {"PYTHONPATH": str(site), **extra})
    return subprocess.run([sys.executable, *argv], cwd=folder, env=surroundings, capture_output=True, text=True)


def test_its_own_tests_pass_which_are_the_shipped_suite(site: Path, tmp_path: Path) -> None:
    """The whole suite: what a backend's author sees."""
    shutil.copytree(TOY / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TOY / "pyproject.toml", tmp_path)
    done = run(site, tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 30
    assert not re.search(r"skipped|xfailed|deselected|warning", done.stdout), done.stdout


@pytest.mark.scale
def test_it_runs_the_whole_corpus(site: Path, tmp_path: Path) -> None:
    """Every flow that Mill says it can run, against the local run."""
    (tmp_path / "test_corpus.py").write_text(
        "import sys\n"
        f"sys.path += [{str(TOY / 'tests')!r}, {str(ROOT / 'tests' / 'kit')!r}]\n"
        "from corpus_flows import CORPUS\n"
        "from test_mill import TestMill as Suite\n\n\n"
        "class TestMill(Suite):\n"
        "    cases = [Suite.cases[0].__class__(c.name, c.file, c.flow, c.parameters, c.fails_at) for c in CORPUS]\n\n\n"
        "del Suite\n"
    )
    shutil.copy(TOY / "pyproject.toml", tmp_path)
    done = run(site, tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_corpus.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_a_target_like_any_other(site: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "hello.py", tmp_path)
    shared = {"METAFLOW_DATASTORE_SYSROOT_LOCAL": "/shared"}
    matrix = run(site, tmp_path, "-m", "penstock", "support", "--target=mill")
    assert matrix.stdout.splitlines()[0].split() == ["mill"], matrix.stderr
    missing = run(site, tmp_path, "-m", "penstock", "compile", "hello.py", "--target=mill", "-o", "out")
    assert missing.returncode == 1
    assert missing.stderr.startswith("error[P530]: no folder is configured in which Mill's machines store artifacts\n")
    done = run(
        site, tmp_path, "-m", "penstock", "compile", "hello.py", "--target=mill", "-o", "out", "--tag=a", **shared
    )
    assert done.returncode == 0, done.stderr
    sheet = json.loads((tmp_path / "out" / "HelloFlow" / "mill" / "sheet.json").read_text())
    assert "--tag=a" in sheet["command"]
    assert "--datastore-root=/shared/.metaflow" in sheet["command"]
    every = run(site, tmp_path, "-m", "penstock", "compile", "hello.py", "-o", "all", "--format=json", **shared)
    assert json.loads(every.stdout)["flows"][0]["targets"]["mill"]["refused"] is False
    compared = run(site, tmp_path, "-m", "penstock", "diff", "out", "hello.py", "--target=mill", **shared)
    assert compared.returncode == 4
    assert re.search(r"^  ~ sheet\.json: command\[\d+\] --tag=a → \(none\)$", compared.stdout, re.MULTILINE)


def test_its_commands_stand_beside_the_others(site: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "hello.py", tmp_path)
    done = run(site, tmp_path, "hello.py", "mill", "rehearse", "--whom", "Mill")
    assert done.returncode == 0, done.stderr
    started = re.search(r"Done: the run is (mill-\w+)\.\n\Z", done.stdout)
    assert started, done.stdout
    shown = run(site, tmp_path, "hello.py", "dump", f"{started[1]}/together")
    assert "['Hello, Mill!', 'Bonjour, Mill !']" in shown.stdout


def test_the_page_shows_what_the_files_say() -> None:
    """Each block of Python on the page stands in one of the toy's files, word for word, but for its indentation."""
    page = PAGE.read_text(encoding="utf-8")
    sources = "\n".join(file.read_text(encoding="utf-8") for file in sorted(TOY.rglob("*.py")))
    sources += (TOY / "pyproject.toml").read_text(encoding="utf-8")
    shown = re.findall(r"^```(?:python|toml)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(shown) >= 5
    plain = re.sub(r"\s+", " ", sources)
    for block in shown:
        for part in block.split("    …\n"):
            assert re.sub(r"\s+", " ", part).strip() in plain, part
