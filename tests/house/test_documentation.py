"""The documentation is true: generated pages are current, examples run, links lead somewhere, commands exist."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.compiler import pages

ROOT = Path(__file__).resolve().parents[2]
PROSE = sorted(
    [*ROOT.glob("*.md"), *(path for top in ("docs", "benchmarks", "examples") for path in (ROOT / top).rglob("*.md"))]
)
GENERATOR = runpy.run_path(str(ROOT / "docs" / "generate.py"))
GENERATED = GENERATOR["PAGES"]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [text for name, text in FENCE.findall(page.read_text(encoding="utf-8")) if name == language]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in a folder, as a user without a profile."""
    environment = os.environ | {"METAFLOW_HOME": str(folder / "no-configuration"), "METAFLOW_USER": "reader"}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_are_current(name: str) -> None:
    committed = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert committed == GENERATED[name](), "run `make docs`"


def test_the_readme_quotes_the_last_benchmark() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert GENERATOR["readme"](text) == text, "run `make docs`"
    assert "compile 500 linear steps" in text


def test_every_code_is_in_the_index() -> None:
    index = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[([A-Z]\d{3})\]", index, re.MULTILINE)
    assert sorted(listed) == sorted(pages.codes())


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


LANGUAGE = blocks(ROOT / "docs" / "language.md", "python")
FLOWS = {match[1]: text for text in LANGUAGE if (match := re.search(r"^class (\w+)\(FlowSpec\)", text, re.MULTILINE))}


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOWS)
def test_the_flows_of_the_language_page_run(name: str, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOWS[name], encoding="utf-8")
    answer = run(tmp_path, "flow.py", "run")
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.slow
def test_the_client_of_the_language_page_reads_the_first_flow(tmp_path: Path) -> None:
    (reading,) = [text for text in LANGUAGE if "FlowSpec" not in text and "Flow(" in text]
    (tmp_path / "flow.py").write_text(FLOWS["LineFlow"], encoding="utf-8")
    assert run(tmp_path, "flow.py", "run").returncode == 0
    answer = run(tmp_path, "-c", reading)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split()[-1] == "4"


def console_commands(page: Path) -> list[str]:
    """What a reader is told to type: the lines with a prompt."""
    return [line[2:] for block in blocks(page, "console") for line in block.splitlines() if line.startswith("$ ")]


@pytest.mark.slow
def test_the_commands_of_the_command_line_page_work(tmp_path: Path) -> None:
    """In their order, in one folder with the examples: as somebody who follows the page."""
    for example in (ROOT / "examples").glob("*.py"):
        (tmp_path / example.name).write_bytes(example.read_bytes())
    commands = console_commands(ROOT / "docs" / "cli.md")
    assert commands
    binaries = Path(sys.executable).parent
    environment = os.environ | {
        "METAFLOW_HOME": str(tmp_path / "no-configuration"),
        "METAFLOW_USER": "reader",
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
    }
    for command in commands:
        answer = subprocess.run(["bash", "-ec", command], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert answer.returncode == 0, f"{command}\n{answer.stdout}{answer.stderr}"


def test_the_command_line_page_describes_every_command() -> None:
    described = set(
        re.findall(r"^## `([a-z-]+)`", (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    answer = run(ROOT / "examples", "hello.py", "--help")
    assert answer.returncode == 0, answer.stderr
    listed = set(re.findall(r"^  ([a-z][a-z-]+)  +[A-Z]", answer.stdout.partition("Commands:")[2], re.MULTILINE))
    assert listed - {"help"} <= described, listed - described


def test_the_makefile_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.findall(r"^\.PHONY: ([a-z0-9-]+)$", makefile, re.MULTILINE))
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert phony
    assert set(re.findall(r"^  ([a-z][a-z0-9-]*)  ", shown, re.MULTILINE)) == phony


@pytest.mark.parametrize("readme_target", ["demo", "test"])
def test_the_two_commands_of_the_readme_are_targets(readme_target: str) -> None:
    assert f"make {readme_target}" in (ROOT / "README.md").read_text(encoding="utf-8")
    planned = subprocess.run(["make", "-n", readme_target], cwd=ROOT, capture_output=True, text=True)
    assert planned.returncode == 0, planned.stderr


def test_nothing_names_one_machine() -> None:
    """No path of somebody's home or of this checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    unwelcome = [f"{folder}/" for folder in (Path.home(), ROOT) if folder != Path("/")]
    found = []
    for name in filter(None, listed.split("\0")):
        file = ROOT / name
        if file.is_file() and not file.is_symlink():
            text = file.read_bytes()
            found += [name for folder in unwelcome if folder.encode() in text]
    assert found == []
