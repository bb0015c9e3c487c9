"""Help is worth reading, and quick: it imports nothing that it does not show."""

from __future__ import annotations

import json
import re

import pytest
from command_line import Shell

FLOW = """
from penstock import FlowSpec, JSONType, Parameter, step


class HelpFlow(FlowSpec):
    alpha = Parameter("alpha", default=0.5, help="learning rate")
    dry_run = Parameter("dry_run", default=False)
    cfg = Parameter("cfg", type=JSONType, required=True)
    when = Parameter("when", default=lambda context: "now", type=str)
    secret = Parameter("secret", default="hidden", show_default=False)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HelpFlow()
"""

HEAVY = ("networkx", "jinja2", "rich", "yaml", "boto3", "botocore", "moto")


@pytest.fixture
def flow(shell: Shell) -> Shell:
    (shell.folder / "flow.py").write_text(FLOW)
    return shell


def modules_of(shell: Shell, *argv: str) -> set[str]:
    """Modules loaded when the command line ends."""
    program = (
        "import atexit, json, runpy, sys; sys.argv = json.loads(sys.argv[1]);"
        "atexit.register(lambda: open('modules', 'w').write(json.dumps(sorted(sys.modules))));"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = shell.run("-c", program, json.dumps(argv))
    assert done.code == 0, done.err
    return set(json.loads((shell.folder / "modules").read_text()))


def test_the_list_of_commands_loads_no_lowering_and_nothing_heavy(flow: Shell) -> None:
    loaded = modules_of(flow, "flow.py", "--help")
    assert loaded & set(HEAVY) == set()
    assert "penstock.compiler.frontend" not in loaded
    assert not {name for name in loaded if name.startswith("penstock.backends.") and "lowering" in name}
    assert not {name for name in loaded if name.startswith("penstock.backends.local.")}


@pytest.mark.parametrize("command", ["check", "dump", "logs", "output-dot", "show", "version", "run"])
def test_a_command_s_page_loads_nothing_heavy(flow: Shell, command: str) -> None:
    assert modules_of(flow, "flow.py", command, "--help") & set(HEAVY) == set()


def test_every_command_is_listed_with_one_line(flow: Shell) -> None:
    listed = flow.run("flow.py", "--help").out
    for name in (
        "run", "check", "show", "dump", "logs", "output-dot", "output-raw", "package", "version", "help", "init",
        "step", "step-functions",
    ):  # fmt: skip
        assert re.search(rf"^  {name}  +[A-Z].+\.$", listed, re.MULTILINE), name
    assert "_serve" not in listed


@pytest.mark.parametrize(
    "command", ["run", "check", "show", "dump", "logs", "output-dot", "output-raw", "help", "init", "step"]
)
def test_every_page_says_what_the_command_does_and_gives_an_example(flow: Shell, command: str) -> None:
    done = flow.run("flow.py", command, "--help")
    assert done.code == 0, done.err
    assert done.out.startswith(f"Usage: flow.py {command} ")
    assert re.search(r"^  Examples?:\n    (.+\| )?python flow\.py", done.out, re.MULTILINE)


def test_the_page_of_run_shows_the_flow_s_parameters(flow: Shell) -> None:
    page = flow.run("flow.py", "run", "--help").out
    options = re.sub(r" {2,}|\n +", " ", page)
    assert "--alpha FLOAT learning rate [default: 0.5]" in options
    assert "--dry_run, --dry-run BOOL [default: False]" in options
    assert "--cfg JSON [required]" in options
    assert "--when STR [default: computed]" in options
    assert "hidden" not in page


@pytest.mark.parametrize("arguments", [["help", "run"], ["run", "-h"]])
def test_help_of_a_command_is_its_page(flow: Shell, arguments: list[str]) -> None:
    assert flow.run("flow.py", *arguments).out == flow.run("flow.py", "run", "--help").out


def test_without_a_command_the_list_is_shown(flow: Shell) -> None:
    assert flow.run("flow.py").out + flow.run("flow.py").err == flow.run("flow.py", "--help").out


def test_a_page_of_a_flow_run_under_metaflow_s_name_says_how_it_was_started(flow: Shell) -> None:
    (flow.folder / "flow.py").write_text(FLOW.replace("penstock", "metaflow"))
    assert flow.run("-m", "penstock", "flow.py", "run", "--help").out.startswith("Usage: penstock flow.py run ")
