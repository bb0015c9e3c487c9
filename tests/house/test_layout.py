"""Three top-level folders, one import package: build, type checkers, pytest and coverage all see the same."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import penstock

if sys.version_info >= (3, 11):
    import tomllib
else:  # the parser of the standard library came with 3.11; coverage[toml] brings this one
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
LINKED = ("compiler", "backends", "runtime_shim")
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def package_files() -> list[Path]:
    """Every module of the import package, by its real path."""
    roots = [ROOT / "src" / "penstock", *(ROOT / name for name in LINKED)]
    return sorted(
        {
            Path(folder, name)
            for root in roots
            for folder, _, names in os.walk(root)
            for name in names
            if name.endswith(".py")
        }
    )


@pytest.mark.parametrize("name", LINKED)
def test_the_package_shows_each_top_level_folder_through_a_relative_link(name: str) -> None:
    link = ROOT / "src" / "penstock" / name
    assert link.is_symlink()
    assert os.readlink(link) == f"../../{name}"
    mode = subprocess.run(
        ["git", "ls-files", "-s", f"src/penstock/{name}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert mode.stdout.startswith("120000 "), "committed as a link, not as a copy"


def test_every_folder_with_modules_is_listed_in_the_build() -> None:
    folders = {file.parent for file in package_files()}
    names = set()
    for folder in folders:
        relative = folder.relative_to(ROOT)
        parts = relative.parts[1:] if relative.parts[0] == "src" else ("penstock", *relative.parts)
        names.add(".".join(parts))
    assert sorted(CONFIGURATION["tool"]["setuptools"]["packages"]) == sorted(names)


def test_the_mapping_and_the_links_agree() -> None:
    mapping = dict(CONFIGURATION["tool"]["setuptools"]["package-dir"])
    assert mapping.pop("") == "src"
    assert mapping == {f"penstock.{name}": name for name in LINKED}


def test_nothing_is_imported_under_two_names() -> None:
    assert not {"compiler", "backends", "runtime_shim", "src", "src.penstock"} & set(sys.modules)
    ours = {str(file) for file in package_files()}
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    loaded = [os.path.realpath(file) for file in files if file]
    assert [file for file, times in Counter(loaded).items() if times > 1 and file in ours] == []


def test_doctests_are_collected_under_the_package_s_name() -> None:
    """By folder instead of by package they would import every module a second time."""
    script = "\n".join(
        [
            "import sys, pytest",
            "status = pytest.main(['--collect-only', '-q', '-p', 'no:cacheprovider', 'src'])",
            "doubled = sorted({'compiler', 'backends', 'runtime_shim', 'src.penstock'} & set(sys.modules))",
            "print('doubled', doubled, 'loaded', 'penstock.runtime_shim.paths' in sys.modules, 'status', int(status))",
        ]
    )
    answer = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.search(r"doubled \[\] loaded True status (0|5)", answer.stdout), answer.stdout + answer.stderr


def test_coverage_measures_all_folders() -> None:
    sources = CONFIGURATION["tool"]["coverage"]["run"]["source"]
    assert sorted(sources) == sorted(["src", *LINKED])
    assert "source_pkgs" not in CONFIGURATION["tool"]["coverage"]["run"]


def test_pyright_is_told_of_each_link() -> None:
    """It does not descend into linked folders and would report "0 errors" for one file."""
    include = CONFIGURATION["tool"]["pyright"]["include"]
    assert sorted(include) == sorted(["src/penstock", *(f"src/penstock/{name}" for name in LINKED)])


@pytest.mark.slow
def test_mypy_reads_every_module_once(tmp_path: Path) -> None:
    answer = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--no-color-output",
            "--cache-dir",
            str(tmp_path),
            "--linecount-report",
            str(tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    found = re.search(r"no issues found in (\d+) source files", answer.stdout)
    assert found, answer.stdout
    assert int(found[1]) == len(package_files())


def test_import_rules_see_every_module() -> None:
    script = "import grimp, json; print(json.dumps(sorted(grimp.build_graph('penstock', cache_dir=None).modules)))"
    answer = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert len(json.loads(answer.stdout)) == len(package_files())


def test_the_version_is_stated_once() -> None:
    assert penstock.__version__ == CONFIGURATION["project"]["version"]


def test_python_versions_agree() -> None:
    lowest = CONFIGURATION["project"]["requires-python"].removeprefix(">=")
    assert CONFIGURATION["tool"]["mypy"]["python_version"] == lowest
    assert CONFIGURATION["tool"]["ruff"]["target-version"] == f"py{lowest.replace('.', '')}"
    assert f"Programming Language :: Python :: {lowest}" in CONFIGURATION["project"]["classifiers"]
