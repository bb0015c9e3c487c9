"""Bad input gets a diagnostic, never a traceback: the exact words of each."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from command_line import Outcome, Shell

GOOD = """
from penstock import FlowSpec, JSONType, Parameter, step


class GoodFlow(FlowSpec):
    n = Parameter("n", default=1)
    words = Parameter("words", default="a,b", separator=",")
    cfg = Parameter("cfg", type=JSONType, default="{}")
    who = Parameter("who", required=True, type=str)
    dry_run = Parameter("dry_run", default=False)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    GoodFlow()
"""


@pytest.fixture
def good(shell: Shell) -> Shell:
    (shell.folder / "good.py").write_text(GOOD)
    return shell


def no_traceback(done: Outcome) -> None:
    assert "Traceback" not in done.out + done.err
    assert "internal error" not in done.err


@dataclass(frozen=True)
class Case:
    """A command line, its exit code, and the end of what it says on stderr."""

    name: str
    arguments: str
    code: int
    says: str


USAGE = "Usage: good.py {0} [OPTIONS]\nTry 'good.py {0} --help' for help.\n\nError: "

CASES = [
    Case("unknown command", "chekc", 2, "Error: No such command 'chekc'. Did you mean 'check'?\n"),
    Case("command like nothing", "xyzzy", 2, "Error: No such command 'xyzzy'.\n"),
    Case(
        "unknown command of a target",
        "step-functions list-run",
        2,
        "Error: No such command 'list-run'. Did you mean 'list-runs'?\n",
    ),
    Case(
        "unknown option",
        "run --wrokers=3",
        2,
        "Error: No such option '--wrokers'. (Did you mean one of: '--max-workers', '--words'?)\n",
    ),
    Case("missing parameter", "run", 2, USAGE.format("run") + "parameter `who` is required: give --who STR\n"),
    Case(
        "several wrong values at once",
        "run --n=one --cfg={ --dry_run=perhaps",
        2,
        USAGE.format("run") + "parameter `n` must be an integer, not 'one'\n"
        "       parameter `cfg` must be valid JSON, not '{'\n"
        "       parameter `who` is required: give --who STR\n"
        "       parameter `dry_run` must be true or false, not 'perhaps'\n",
    ),
    Case(
        "no workers",
        "run --who=me --max-workers=0",
        2,
        USAGE.format("run") + "Invalid value for '--max-workers': 0 is not in the range x>=1.\n",
    ),
    Case(
        "isolation",
        "run --who=me --isolation=jail",
        2,
        USAGE.format("run") + "Invalid value for '--isolation': 'jail' is not one of 'fork', 'process'.\n",
    ),
    Case(
        "unknown datastore",
        "--datastore=hdfs run --who=me",
        1,
        "error[P522]: there is no datastore `hdfs`\n  = help: known datastores: local, s3\n",
    ),
    Case(
        "unknown target",
        "check --target=sfn",
        1,
        "error[P504]: there is no target `sfn`\n  = help: one of: local, step-functions, kfp, argo-workflows, all\n",
    ),
    Case(
        "no such run",
        "logs 17/start",
        1,
        "error[P508]: there is no run 17 of GoodFlow in {folder}/.metaflow\n"
        "  = help: check the id, `--datastore` and `--datastore-root`\n",
    ),
    Case(
        "id with ..",
        "dump ../start",
        1,
        "error[R101]: '..' cannot be a run id: use letters, digits and `_ . + = @ -`, at most 128, "
        "starting with a letter, digit or `_`\n",
    ),
    Case(
        "id with too many /",
        "logs a/b/c/d/e",
        1,
        "error[R101]: 'a/b/c/d/e' is not of the form run/step/task\n",
    ),
    Case(
        "no step",
        "logs 17",
        1,
        "error[R101]: '17' names no step\n  = help: give run/step or run/step/task, as `17/start`\n",
    ),
    Case("attempt", "dump 17/start/t/x", 1, "error[R101]: 'x' in '17/start/t/x' is not an attempt number\n"),
    Case(
        "page in no folder",
        "show --html=no/flow.html",
        1,
        "error[P509]: cannot write no/flow.html: No such file or directory\n",
    ),
    Case(
        "run id file in no folder",
        "run --who=me --run-id-file=no/id",
        1,
        "error[P509]: cannot write no/id: No such file or directory\n",
    ),
    Case("help for nothing", "help nothing", 2, "Error: No such command 'nothing'.\n"),
    Case(
        "nothing to show",
        "logs 17/start --no-both",
        2,
        "Error: nothing to show: give --stdout, --stderr or --both\n",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_cannot_be_done_is_said(good: Shell, case: Case) -> None:
    done = good.run("good.py", *case.arguments.split())
    no_traceback(done)
    says = case.says.replace("{folder}", str(good.folder))
    assert done.err.endswith(says), done.err
    assert done.code == case.code


def test_an_unknown_decorator_is_refused(good: Shell) -> None:
    done = good.run("good.py", "run", "--who=me", "--with=turbo:level=9")
    no_traceback(done)
    assert done.code == 1
    assert "error[" in done.err
    assert "turbo" in done.err


PROFILES = {
    "[]": "holds a JSON array",
    '{"METAFLOW_': "is not JSON",
}


@pytest.mark.parametrize("text", PROFILES)
def test_an_unreadable_profile_is_named(good: Shell, text: str) -> None:
    folder = good.folder / "profiles"
    folder.mkdir()
    (folder / "config_prod.json").write_text(text)
    for command in (["run", "--who=me"], ["logs", "1/start"]):
        done = good.run("good.py", *command, METAFLOW_PROFILE="prod")
        no_traceback(done)
        assert done.code == 1
        assert f"the profile {folder}/config_prod.json " in done.err
        assert "error[P521]: " in done.err


def test_a_profile_that_does_not_exist_is_named(good: Shell) -> None:
    done = good.run("good.py", "run", "--who=me", METAFLOW_PROFILE="nope")
    no_traceback(done)
    assert done.code == 1
    assert "error[P520]: the profile `nope` that METAFLOW_PROFILE names does not exist" in done.err


def test_no_credentials_are_said(good: Shell) -> None:
    done = good.run(
        "good.py", "--datastore=s3", "--datastore-root=s3://nobody/here", "run", "--who=me",
        AWS_EC2_METADATA_DISABLED="true", HOME=str(good.folder), AWS_CONFIG_FILE="/nonexistent",
        METAFLOW_S3_ENDPOINT_URL="http://127.0.0.1:9",
    )  # fmt: skip
    no_traceback(done)
    assert done.code == 1
    assert "credentials" in done.err
    assert "error[" in done.err


BROKEN = {
    "unknown step": ("self.next(self.nowhere)", "error[P201]: "),
    "no next": ("pass", "error["),
}


@pytest.mark.parametrize("mistake", BROKEN)
@pytest.mark.parametrize("command", ["run", "check", "show", "output-raw"])
def test_a_flow_with_mistakes_is_refused_with_its_lines(good: Shell, mistake: str, command: str) -> None:
    body, code = BROKEN[mistake]
    text = GOOD.replace("self.next(self.end)", body).replace("required=True, type=str", 'default=""')
    (good.folder / "good.py").write_text(text)
    done = good.run("good.py", command)
    no_traceback(done)
    assert done.code == 1
    assert code in done.err
    assert "--> good.py:" in done.err or f"--> {good.folder}/good.py:" in done.err


def test_a_flow_without_an_end_is_refused(good: Shell) -> None:
    (good.folder / "good.py").write_text(
        GOOD.replace("self.next(self.end)", "pass").replace("    @step\n    def end(self):\n        pass\n", "")
    )
    done = good.run("good.py", "check")
    no_traceback(done)
    assert done.code == 1
    assert "`end`" in done.err


def test_problems_as_json_stand_alone_on_stdout(good: Shell) -> None:
    (good.folder / "good.py").write_text(GOOD.replace("self.next(self.end)", "self.next(self.nowhere)"))
    done = good.run("good.py", "check", "--format=json")
    assert done.code == 1
    assert done.err == ""
    problems = json.loads(done.out)
    assert {problem["code"] for problem in problems} >= {"P201"}
    assert json.loads(good.run("-c", "print('[]')").out) == []


def test_parameters_that_leave_an_option_no_name_are_refused(good: Shell) -> None:
    other = 'other = Parameter("penstock-isolation", default=1)\n    n = '
    (good.folder / "good.py").write_text(GOOD.replace('"n"', '"isolation"').replace("n = ", other, 1))
    done = good.run("good.py", "run", "--who=me")
    no_traceback(done)
    assert done.code == 1
    assert done.err.endswith(
        "error[P505]: the parameter `penstock-isolation` has the name of an option, `--penstock-isolation`\n"
        "  = help: give the parameter another name\n"
    )


def test_a_default_whose_function_fails_is_named(good: Shell) -> None:
    (good.folder / "good.py").write_text(GOOD.replace("default=1)", "default=lambda context: 1 / 0, type=int)"))
    done = good.run("good.py", "run", "--who=me")
    no_traceback(done)
    assert done.code == 1
    assert "error[R120]: the default of parameter `n` could not be computed: ZeroDivisionError" in done.err


HOW_TO_START = (
    '  = help: end file.py with `if __name__ == "__main__":` and a call of the flow\'s class, as `MyFlow()`\n'
)
FILES = {
    "syntax": (
        "def f(:\n    pass\n",
        "error[P506]: file.py is not Python {version}: invalid syntax\n  = help: see line 1: def f(:\n",
    ),
    "no flow": ("x = 1\n", "error[P506]: file.py ended without starting a flow\n" + HOW_TO_START),
    "odd encoding": (
        "# coding: klingon\n",
        "error[P506]: file.py is not Python {version}: unknown encoding: klingon\n",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_flow_is_said_to_be_none(shell: Shell, name: str) -> None:
    import sys

    source, says = FILES[name]
    (shell.folder / "file.py").write_text(source)
    done = shell.run("-m", "penstock", "file.py", "run")
    no_traceback(done)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert (done.code, done.err) == (1, says.replace("{version}", version))


def test_a_file_that_does_not_exist_is_said_not_to(shell: Shell) -> None:
    done = shell.run("-m", "penstock", "nowhere.py", "run")
    assert (done.code, done.err) == (1, "error[P506]: cannot read nowhere.py: No such file or directory\n")


def test_what_the_file_itself_raises_is_shown_without_our_frames(shell: Shell) -> None:
    (shell.folder / "file.py").write_text("import json\n\n\ndef load():\n    return json.loads('{')\n\n\nload()\n")
    done = shell.run("-m", "penstock", "file.py", "run")
    assert done.code == 1
    assert done.err.startswith('Traceback (most recent call last):\n  File "file.py", line 8, in <module>\n')
    assert "penstock" not in done.err
    assert "runpy" not in done.err


def test_our_own_mistakes_are_told_as_such(good: Shell) -> None:
    (good.folder / "sitecustomize.py").write_text(
        "import penstock.cli.own as own\n\n\ndef broken(*args, **kwargs):\n    raise LookupError('lost')\n\n\n"
        "own.version.callback = broken\n"
    )
    done = good.run("good.py", "version", PYTHONPATH=str(good.folder))
    assert done.code == 3
    assert done.err.startswith("penstock ")
    assert ": internal error at sitecustomize.py:5: LookupError: lost\n" in done.err
    assert "Traceback" not in done.err
    shown = good.run("good.py", "--debug", "version", PYTHONPATH=str(good.folder))
    assert shown.code == 3
    assert "Traceback (most recent call last):\n" in shown.err


def test_a_reader_that_leaves_is_no_mistake(good: Shell) -> None:
    good.run("good.py", "run", "--who=" + "x" * 900)
    process = good.start("good.py", "dump", f"{good.latest('GoodFlow')}/start", "--private")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    assert "Traceback" not in said
    assert "internal error" not in said
    assert process.wait(timeout=30) in (0, 1)
