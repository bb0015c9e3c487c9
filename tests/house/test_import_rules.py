"""Who may import whom: the rules hold, and each of them bites."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIM = ROOT / "runtime_shim"
HEAVY = ("boto3", "botocore", "click", "jinja2", "moto", "networkx", "rich", "yaml")


def loaded_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter holds after a statement."""
    script = f"import sys\n{statement}\nsys.stderr.write('\\n'.join(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    return set(answer.stderr.split("\n"))


def top_level_imports(tree: ast.Module) -> set[str]:
    """The distributions a module needs just to be imported: imports outside functions and ``if TYPE_CHECKING``."""
    found: set[str] = set()
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for part in ("body", "orelse", "finalbody", "handlers"):
                waiting.extend(getattr(node, part, []))
    return found


def shim_modules() -> list[Path]:
    """Those a container loads; the suite for people who write a datastore runs under pytest, never in a container."""
    modules = sorted(SHIM.rglob("*.py"))
    modules.remove(SHIM / "datastore" / "conformance.py")
    return modules


def test_the_shim_imports_the_standard_library_only() -> None:
    foreign = {}
    for module in shim_modules():
        names = top_level_imports(ast.parse(module.read_text(encoding="utf-8")))
        strangers = names - set(sys.stdlib_module_names) - {"penstock"}
        if strangers:
            foreign[module.relative_to(ROOT).as_posix()] = strangers
    assert foreign == {}


def test_the_shim_needs_boto3_and_nothing_else_from_elsewhere() -> None:
    """Functions included: what a container may lack must not be named anywhere, except for a type checker."""
    named: set[str] = set()
    for module in shim_modules():
        tree = ast.parse(module.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                named.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                named.add(node.module.split(".")[0])
    assert named - set(sys.stdlib_module_names) == {"penstock", "botocore"}


def test_importing_penstock_loads_nothing_heavy() -> None:
    needed = loaded_after("import typing, importlib, __future__")
    ours = loaded_after("import penstock")
    assert ours - needed == {"penstock"}


def test_defining_a_flow_loads_no_compiler_and_no_terminal() -> None:
    loaded = loaded_after("from penstock import FlowSpec, step, Parameter, JSONType, current")
    assert "penstock.runtime_shim.flowspec" in loaded
    unwanted = {name for name in loaded if name.split(".")[0] in (*HEAVY, "asyncio", "ast", "unittest")}
    assert unwanted == set()
    assert not {name for name in loaded if name.startswith(("penstock.compiler", "penstock.backends", "penstock.cli"))}


def test_help_imports_no_lowering(tmp_path: Path) -> None:
    flow = ROOT / "tests" / "corpus" / "linear.py"
    statement = "\n".join(
        [
            "import atexit, runpy",
            f"sys.argv = [{str(flow)!r}, '--help']",
            "try:",
            f"    runpy.run_path({str(flow)!r}, run_name='__main__')",
            "except SystemExit: pass",
        ]
    )
    loaded = loaded_after(statement)
    assert "penstock.cli" in loaded
    wrong = {
        name for name in loaded if name.endswith(".lowering") or name.split(".")[0] in ("boto3", "networkx", "moto")
    }
    assert wrong == set()


VIOLATIONS = {
    "a layer above": ("compiler/steps.py", "import penstock.backends.protocol", "cli, backends, compiler, shim"),
    "one backend in another": (
        "backends/local/__init__.py",
        "import penstock.backends.step_functions.names",
        "Backends do not know each other",
    ),
    "networkx elsewhere": ("backends/protocol.py", "import networkx", "networkx stays in one module"),
    "click in the shim": (
        "runtime_shim/paths.py",
        "def late():\n    import click",
        "The shim needs the standard library",
    ),
    "boto3 in the compiler": ("compiler/steps.py", "import boto3", "The compiler talks to no cloud"),
}


@pytest.mark.slow
@pytest.mark.parametrize("violation", VIOLATIONS)
def test_an_import_rule_that_is_broken_is_reported(violation: str, tmp_path: Path) -> None:
    """A rule that never fails would guard nothing: break each one in a copy of the tree."""
    file, line, rule = VIOLATIONS[violation]
    for folder in ("src", "compiler", "backends", "runtime_shim"):
        shutil.copytree(ROOT / folder, tmp_path / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a", encoding="utf-8") as module:
        module.write(f"\n{line}\n")
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'src')!r})\n"
        "sys.meta_path = [finder for finder in sys.meta_path if 'editable' not in str(finder)]\n"
        "from importlinter.cli import lint_imports_command\n"
        "lint_imports_command(['--no-cache'])"
    )
    answer = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    broken = [text for text in answer.stdout.splitlines() if " BROKEN" in text]
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert len(broken) == 1, answer.stdout
    assert broken[0].startswith(rule)
