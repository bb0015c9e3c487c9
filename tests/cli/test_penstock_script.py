"""The `penstock` script, and files that say `from metaflow import …`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from command_line import Shell

import penstock
from penstock.compiler import pages

FLOW = """
from metaflow import FlowSpec, Parameter, current, step
import metaflow


class TheirFlow(FlowSpec):
    @step
    def start(self):
        self.alias = metaflow.__name__
        self.next(self.end)

    @step
    def end(self):
        import sys
        self.argv = sys.argv
        self.same = sys.modules["metaflow"].FlowSpec is FlowSpec


if __name__ == "__main__":
    TheirFlow()
"""


def test_version(shell: Shell) -> None:
    done = shell.run("-m", "penstock", "version")
    assert done.out == f"penstock {penstock.__version__} (Python {sys.version.split()[0]})\n"


def test_the_version_is_that_of_the_distribution() -> None:
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    assert re.findall(r'^version = "(.+)"$', project.read_text(), re.MULTILINE) == [penstock.__version__]


def test_explain_prints_the_page(shell: Shell) -> None:
    done = shell.run("-m", "penstock", "explain", "r170")
    assert done.out == pages.page("R170").rstrip() + "\n"
    assert done.out.startswith("# R170: a foreach is wider than the run allows\n")


def test_explain_lists_every_code(shell: Shell) -> None:
    listed = shell.run("-m", "penstock", "explain").out.splitlines()
    assert [line.partition(":")[0] for line in listed] == list(pages.codes())


def test_explain_of_no_code(shell: Shell) -> None:
    done = shell.run("-m", "penstock", "explain", "P2010")
    assert done.code == 1
    assert done.err == (
        "error[P507]: there is no code `P2010`\n  = help: did you mean P210? `penstock explain` lists all\n"
    )


def test_config_says_where_each_value_came_from_and_hides_secrets(shell: Shell) -> None:
    folder = shell.folder / "profiles"
    folder.mkdir()
    (folder / "config_prod.json").write_text(
        '{"METAFLOW_DEFAULT_DATASTORE": "s3", "METAFLOW_BATCH_JOB_QUEUE": "slow", "METAFLOW_SERVICE_AUTH_KEY": "hush",'
        ' "METAFLOW_S3_ENDPOINT_URL": "https://me:secret@store:9000/x"}'
    )
    done = shell.run("-m", "penstock", "config", METAFLOW_PROFILE="prod", METAFLOW_BATCH_JOB_QUEUE="fast")
    assert done.code == 0, done.err
    shown = {line.split()[0]: line.split(maxsplit=1)[1].strip() for line in done.out.splitlines()}
    assert shown["METAFLOW_DEFAULT_DATASTORE"] == f"s3  ({folder}/config_prod.json)"
    assert shown["METAFLOW_BATCH_JOB_QUEUE"] == "fast  (environment)"
    assert shown["METAFLOW_DEFAULT_METADATA"] == "local  (default)"
    assert shown["METAFLOW_SERVICE_AUTH_KEY"] == f"********  ({folder}/config_prod.json)"
    assert shown["METAFLOW_S3_ENDPOINT_URL"] == f"https://********@store:9000/x  ({folder}/config_prod.json)"
    assert "hush" not in done.out
    assert "secret@" not in done.out


def test_an_unknown_command_of_the_script(shell: Shell) -> None:
    done = shell.run("-m", "penstock", "explian", "P201")
    assert done.code == 2
    assert done.err.endswith("Error: No such command 'explian'. Did you mean 'explain'?\n")


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_a_flow_of_metaflow_s_runs_with_the_name_in_every_process(shell: Shell, isolation: str) -> None:
    (shell.folder / "theirs.py").write_text(FLOW)
    done = shell.run("-m", "penstock", "theirs.py", "run", f"--isolation={isolation}")
    assert done.code == 0, done.err
    end = shell.task("TheirFlow", "end")
    assert end.load("same") is True
    assert end.load("alias") == "penstock"
    assert end.load("argv")[:2] == ["theirs.py", "step"]


def test_messages_name_the_command_as_it_was_typed(shell: Shell) -> None:
    (shell.folder / "theirs.py").write_text(FLOW.replace("import sys", "raise ValueError('no')"))
    done = shell.run("-m", "penstock", "theirs.py", "run")
    assert f"`python -m penstock theirs.py logs {shell.latest('TheirFlow')}/end/t` shows what it wrote" in done.err


def test_the_name_is_not_there_in_other_processes(shell: Shell) -> None:
    (shell.folder / "theirs.py").write_text(FLOW)
    done = shell.run("theirs.py", "check")
    assert done.code == 1
    assert "No module named 'metaflow'" in done.err


def test_the_folder_of_the_file_is_importable_and_ours_is_not(shell: Shell) -> None:
    (shell.folder / "sub").mkdir()
    (shell.folder / "sub" / "beside.py").write_text("VALUE = 7\n")
    (shell.folder / "sub" / "flow.py").write_text("import beside\n" + FLOW)
    assert shell.run("-m", "penstock", "sub/flow.py", "check").code == 0
    assert shell.run("-m", "penstock", "sub/flow.py", "run").code == 0


def test_public_names_are_loaded_when_used() -> None:
    assert set(penstock.__all__) <= set(dir(penstock))
    for name in penstock.__all__:
        assert getattr(penstock, name) is not None
    with pytest.raises(AttributeError, match="module 'penstock' has no attribute 'nothing'"):
        penstock.nothing  # noqa: B018 - reading it is the test
