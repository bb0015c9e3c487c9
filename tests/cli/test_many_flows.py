"""`penstock check` and `penstock compile`: several flow files in one go."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Outcome, Shell
from many_flows import LOOP, flow_file, run_penstock, tree

from penstock.backends.conformance import OFFLINE
from penstock.cli import compiled_folder
from penstock.cli.flow_files import FlowAnswer, TargetAnswer
from penstock.compiler.diagnostics import Refused

KFP = ("--target=kfp", "--datastore-root=s3://bucket/metaflow")


@pytest.fixture
def penstock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Callable[..., Outcome]:
    """`penstock ARGV…` in a folder of its own, as a user who has configured nothing."""
    return run_penstock(tmp_path, monkeypatch, capfd)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()


def test_a_flow_that_one_target_refuses_is_written_for_the_others(
    penstock: Callable[..., Outcome], tmp_path: Path
) -> None:
    (tmp_path / "flows" / "a.py").write_text(flow_file("AFlow"))
    (tmp_path / "flows" / "loop.py").write_text(LOOP)
    done = penstock("compile", "flows/a.py", "flows/loop.py", "--target=kfp", "--target=local", *KFP[1:], "-o", "out")
    assert done.code == 1
    assert "error[P301]: Kubeflow Pipelines cannot run loops\n  --> flows/loop.py:16:9" in done.err
    assert "  = help: compile with `" in done.err
    assert tree(tmp_path / "out") == {
        "AFlow/kfp/pipeline.yaml",
        "AFlow/local/plan.json",
        "LoopFlow/local/plan.json",
        "penstock.json",
    }
    sizes = [len((tmp_path / "out" / name).read_bytes()) for name in ("AFlow/kfp/pipeline.yaml",)]
    assert done.out.splitlines()[:2] == [
        "AFlow (flows/a.py)",
        f"  kfp    out/AFlow/kfp  (1 file, {sizes[0]:,} bytes)",
    ]
    assert done.out.splitlines()[3:5] == ["LoopFlow (flows/loop.py)", "  kfp    refused"]


def test_json_says_who_was_refused_and_where_the_rest_is(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "flows" / "a.py").write_text(flow_file("AFlow"))
    (tmp_path / "flows" / "loop.py").write_text(LOOP)
    done = penstock("compile", "flows/a.py", "flows/loop.py", *KFP, "-o", "out", "--format=json")
    assert (done.code, done.err) == (1, "")
    document = json.loads(done.out)
    first, second = document["flows"]
    package = first["targets"]["kfp"]["package"]
    assert first == {
        "file": "flows/a.py",
        "flow": "AFlow",
        "refused": False,
        "targets": {
            "kfp": {
                "refused": False,
                "name": "AFlow",
                "folder": "out/AFlow/kfp",
                "files": ["pipeline.yaml"],
                "package": package,
            }
        },
        "diagnostics": [],
    }
    sha = package["sha1"]
    assert package["url"] == f"s3://bucket/metaflow/AFlow/data/{sha[:2]}/{sha}"
    assert sha in (tmp_path / "out" / "AFlow" / "kfp" / "pipeline.yaml").read_text()
    assert (second["refused"], second["targets"]) == (True, {"kfp": {"refused": True}})
    (problem,) = second["diagnostics"]
    assert (problem["code"], problem["line"], problem["targets"]) == ("P301", 16, ["kfp"])


@pytest.mark.parametrize("module", ["penstock", "metaflow"])
def test_the_bytes_are_those_of_the_target_s_own_command(
    penstock: Callable[..., Outcome], tmp_path: Path, module: str
) -> None:
    """A file that imports metaflow is started in containers through penstock, and one that does not is not."""
    file = tmp_path / "flows" / "a.py"
    file.write_text(flow_file("AFlow", module=module))
    assert penstock("compile", "flows/a.py", *KFP, "-o", "out").code == 0
    start = ["-m", "penstock"] if module == "metaflow" else []
    with Shell(tmp_path) as shell:
        own = shell.run(*start, "flows/a.py", "generate-kfp-yaml", KFP[1], "-o", "own.yaml", METAFLOW_USER="ci")
    assert own.code == 0, own.err
    compiled = (tmp_path / "out" / "AFlow" / "kfp" / "pipeline.yaml").read_bytes()
    assert compiled == (tmp_path / "own.yaml").read_bytes()
    entry = '["-m","penstock","a.py"]' if module == "metaflow" else '["a.py"]'
    assert entry in compiled.decode().replace(" ", "")


def test_neither_hash_seed_nor_what_was_there_before_shows(
    penstock: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b", "a"):
        (tmp_path / "flows" / f"{name}.py").write_text(flow_file(f"{name.upper()}Flow"))
    contents = []
    for seed, order in (("0", ("a", "b")), ("424242", ("b", "a"))):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        files = [f"flows/{name}.py" for name in order]
        assert penstock("compile", *files, *KFP, "-o", f"out{seed}").code == 0
        folder = tmp_path / f"out{seed}"
        contents.append({name: (folder / name).read_bytes() for name in tree(folder)})
    assert contents[0] == contents[1]


def test_neither_network_nor_credentials_are_touched(
    penstock: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the flow's process whoever connects, resolves a name or opens a file of credentials ends it."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(OFFLINE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "guard"))
    for key, value in ROLES.items():
        monkeypatch.setenv(key, value)
    (tmp_path / "flows" / "a.py").write_text(flow_file("AFlow"))
    done = penstock("compile", "flows/a.py", "--target=all", "-o", "out", "--datastore-root=s3://bucket/metaflow")
    assert (done.code, done.err) == (0, "")
    (tmp_path / "flows" / "b.py").write_text("import socket\nsocket.create_connection(('127.0.0.1', 9))\n")
    assert penstock("compile", "flows/b.py", *KFP, "-o", "out").code == 1, "the guard works"


ROLES = {
    "METAFLOW_BATCH_JOB_QUEUE": "queue",
    "METAFLOW_SFN_IAM_ROLE": "arn:aws:iam::123456789012:role/states",
    "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": "arn:aws:iam::123456789012:role/jobs",
}


def test_every_scheduler_there_is_takes_part(
    penstock: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penstock.backends.registry import infos

    for key, value in ROLES.items():
        monkeypatch.setenv(key, value)
    (tmp_path / "flows" / "a.py").write_text(flow_file("AFlow"))
    assert penstock("compile", "flows/a.py", "-o", "out", KFP[1]).code == 0
    schedulers = {name for name, info in infos().items() if info.scheduler}
    assert set(os.listdir(tmp_path / "out" / "AFlow")) == schedulers
    assert {"step-functions", "kfp"} <= schedulers
    assert "local" not in schedulers


def test_what_is_the_matter_with_a_file_hides_no_other(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    files = {
        "good.py": flow_file("GoodFlow"),
        "helper.py": "print('I am imported')\n",
        "ends.py": "import sys\nsys.exit(0)\n",
        "broken.py": "def f(:\n",
        "needs.py": "x = 1\nimport no_such_module\n",
    }
    for name, text in files.items():
        (tmp_path / "flows" / name).write_text(text)
    names = [f"flows/{name}" for name in (*files, "absent.py")]
    done = penstock("check", *names, "--format=json")
    assert done.code == 1
    assert done.err == "I am imported\n"
    found = {entry["file"]: entry for entry in json.loads(done.out)}
    assert {file: (entry["code"], entry["message"], entry["line"]) for file, entry in found.items()} == {
        "flows/helper.py": ("P506", "helper.py ended without starting a flow", None),
        "flows/ends.py": ("P506", "ends.py ended without starting a flow", None),
        "flows/broken.py": ("P506", found["flows/broken.py"]["message"], 1),
        "flows/needs.py": (
            "P506",
            "flows/needs.py fails when it is loaded: ModuleNotFoundError: No module named 'no_such_module'",
            2,
        ),
        "flows/absent.py": ("P506", "cannot read flows/absent.py: No such file or directory", None),
    }
    assert found["flows/broken.py"]["message"].startswith("flows/broken.py is not Python 3.")
    assert found["flows/needs.py"]["help"] == "install it where this command runs"
    assert (found["flows/needs.py"]["column"], found["flows/needs.py"]["end_column"]) == (1, 22)


def test_a_bug_of_penstock_s_own_is_told_as_one(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    """It is not the file's fault, and hides nothing about others."""
    broken = "import penstock.compiler.pipeline as p\n\ndef broken(*_, **__):\n    raise RuntimeError('oops')\n\n"
    text = f"{broken}p.compile_flow = broken\n{flow_file('BadFlow')}"
    (tmp_path / "flows" / "bad.py").write_text(text)
    (tmp_path / "flows" / "good.py").write_text(flow_file("GoodFlow"))
    done = penstock("check", "flows/bad.py", "flows/good.py")
    assert (done.code, done.out) == (3, "flows/bad.py: failed\nGoodFlow (flows/good.py): good\n")
    assert re.match(r"penstock [\d.]+: internal error at bad\.py:\d+: RuntimeError: oops\n", done.err)
    options = penstock("check", "flows/good.py", "--with", "nonsense")
    assert options.code == 1
    assert options.err.startswith("error[P16")


def test_a_flow_that_the_file_does_not_start_is_told(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    """A base of the started flow is no flow of its own."""
    second = flow_file("SecondFlow").partition("class SecondFlow")[2].partition("\n\n\nif")[0]
    base = "class BaseFlow(FlowSpec):\n    @step\n    def start(self):\n        self.next(self.end)\n\n    @step\n"
    base += "    def end(self):\n        pass\n\n\n"
    head, _, rest = flow_file("FirstFlow").partition("class FirstFlow(FlowSpec)")
    made = "Made = type('MadeFlow', (FlowSpec,), {'start': BaseFlow.start, 'end': BaseFlow.end})"
    text = f"{head}{base}class SecondFlow{second}\n\n\n{made}\n\n\nclass FirstFlow(BaseFlow){rest}"
    (tmp_path / "flows" / "two.py").write_text(text)
    done = penstock("check", "flows/two.py")
    line = text.splitlines().index("class SecondFlow(FlowSpec):") + 1
    assert done.err == (
        "warning[P513]: the flow SecondFlow is left out: its file starts FirstFlow\n"
        f"  --> flows/two.py:{line}:1\n"
        "   |\n"
        f"{line} | class SecondFlow(FlowSpec):\n"
        "   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "   = help: put it into a file of its own, which ends with starting it\n\n"
        "warning[P513]: the flow MadeFlow is left out: its file starts FirstFlow\n"
        "  = help: put it into a file of its own, which ends with starting it\n\n"
    )
    assert (done.code, done.out) == (0, "FirstFlow (flows/two.py): good\n")


def test_flows_of_one_name_are_both_refused(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    for folder, name in (("x", "TrainFlow"), ("y", "TRAINFlow"), ("z", "OtherFlow")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "flow.py").write_text(flow_file(name))
    done = penstock("compile", "x/flow.py", "./y/flow.py", "z/flow.py", "z/../z/flow.py", *KFP, "-o", "out")
    assert done.code == 1
    assert done.err == (
        "error[P510]: x/flow.py and y/flow.py have flows of one name, TrainFlow, and would take each other's place\n"
        "  = help: a flow's class names what is stored and deployed: call one of them otherwise\n\n"
        "error[P510]: y/flow.py and x/flow.py have flows of one name, TRAINFlow, and would take each other's place\n"
        "  = help: a flow's class names what is stored and deployed: call one of them otherwise\n\n"
    )
    assert tree(tmp_path / "out") == {"OtherFlow/kfp/pipeline.yaml", "penstock.json"}


def test_modules_of_one_name_beside_two_flows_do_not_meet(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    for folder in ("left", "right"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "settings.py").write_text(f"NAME = '{folder}'\n")
        text = flow_file(f"{folder.title()}Flow", default="settings.NAME")
        (tmp_path / folder / "flow.py").write_text(f"import settings\n{text}")
    assert penstock("compile", "left/flow.py", "right/flow.py", *KFP, "-o", "out").code == 0
    for folder in ("left", "right"):
        pipeline = (tmp_path / "out" / f"{folder.title()}Flow" / "kfp" / "pipeline.yaml").read_text()
        assert f"defaultValue: {folder}\n" in pipeline


def test_annotations_name_files_from_the_top_of_the_repository(
    penstock: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flows" / "a.py").write_text("def f(:\n")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path / "flows")
    done = penstock("check", "a.py", "--format=github")
    assert done.out.startswith("::error file=flows/a.py,line=1,endLine=1,")


def test_annotations_for_github(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "flows" / "loop.py").write_text(LOOP)
    (tmp_path / "flows" / "a,b.py").write_text("1\n")
    done = penstock("check", "flows/loop.py", "flows/a,b.py", "--target=kfp", "--format=github")
    assert (done.code, done.err) == (1, "")
    help_text = done.out.splitlines()[0].partition("%0A")[2]
    assert help_text.startswith("compile with `")
    assert done.out == (
        "::error file=flows/loop.py,line=16,endLine=16,col=9,endColumn=78,title=P301::"
        f"Kubeflow Pipelines cannot run loops%0A{help_text}\n"
        "::error file=flows/a%2Cb.py,title=P506::a,b.py ended without starting a flow%0A"
        'end a,b.py with `if __name__ == "__main__":` and a call of the flow\'s class, as `MyFlow()`\n'
    )


def test_one_target_s_own_options(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "flows" / "a.py").write_text(flow_file("AFlow", foreach=True))
    own = ("--for", "kfp", "--pipeline-name 'the other'", "--for", "kfp", "--max-parallelism=3")
    done = penstock("compile", "flows/a.py", *KFP, "--max-workers=5", "--tag=nightly", *own, "-o", "out")
    assert (done.code, done.err) == (0, "")
    pipeline = (tmp_path / "out" / "AFlow" / "kfp" / "pipeline.yaml").read_text()
    assert "name: the-other\n" in pipeline
    assert "parallelismLimit: 3\n" in pipeline
    assert "nightly" in pipeline
    unknown = penstock("compile", "flows/a.py", *KFP, "--for", "kfp", "--workflow-timeout 3600", "-o", "out")
    assert unknown.code == 1
    assert unknown.err.startswith("error[P514]: '--workflow-timeout 3600' is not for this target: No such option")
    assert unknown.err.endswith("\n  = help: the help of the target's own command lists its options\n\n")
    for wrong, said in (
        (("--for", "nomad", "-x"), "Error: --for nomad: that is none of the targets, kfp\n"),
        (("--for", "kfp", "'"), 'Error: --for kfp: "\'": No closing quotation\n'),
    ):
        refused = penstock("compile", "flows/a.py", *KFP, *wrong, "-o", "out")
        assert (refused.code, refused.err.endswith(said)) == (2, True), refused.err


def test_a_name_is_for_one_flow(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "flows" / f"{name}.py").write_text(flow_file(f"{name.upper()}Flow"))
    files = ("flows/a.py", "flows/b.py")
    done = penstock("compile", *files, *KFP, "--target=local", "--for", "kfp", "--pipeline-name same", "-o", "out")
    assert done.code == 1
    assert done.err == (
        "error[P510]: flows/a.py and flows/b.py would both be called same on kfp\n"
        "  = help: a name that is given is for one flow: compile them one by one\n\n"
    )
    assert tree(tmp_path / "out") == {"AFlow/local/plan.json", "BFlow/local/plan.json", "penstock.json"}


def test_ctrl_c_ends_the_processes_of_the_flows(tmp_path: Path) -> None:
    text = "import os, time\nopen(f'{os.getpid()}.pid', 'w').close()\ntime.sleep(600)\n"
    for name in ("a", "b"):
        (tmp_path / "flows" / f"{name}.py").write_text(text)
    with Shell(tmp_path) as shell:
        job = shell.start("-m", "penstock", "check", "flows/a.py", "flows/b.py")
        end = time.monotonic() + 60
        while not list(tmp_path.glob("*.pid")):
            assert time.monotonic() < end
            time.sleep(0.02)
        os.kill(job.pid, signal.SIGINT)  # to the command alone, as some process managers do it
        out, err = job.communicate(timeout=60)
    assert (job.returncode, out, err.strip()) == (1, "", "Interrupted.")
    for file in tmp_path.glob("*.pid"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.stem), 0)


def test_a_full_folder_of_temporary_files_is_told(
    penstock: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flows" / "a.py").write_text(flow_file("AFlow"))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    done = penstock("check", "flows/a.py")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error[P511]: the flow files can't be loaded: ")
    assert done.err.endswith(": No space left on device\n  = help: make room there, or set TMPDIR\n")


def test_an_unknown_target_is_told_once(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "flows" / "a.py").write_text(flow_file("AFlow"))
    done = penstock("compile", "flows/a.py", "--target=sfn", "-o", "out")
    assert (done.code, done.err.count("error[")) == (1, 1)
    assert done.err.startswith("error[P504]: there is no target `sfn`\n")
    assert not (tmp_path / "out").exists()


def test_what_the_command_says_of_a_folder_it_cannot_write(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "flows" / "a.py").write_text(flow_file("AFlow"))
    (tmp_path / "out" / "AFlow" / "local").mkdir(parents=True)
    (tmp_path / "out" / "AFlow" / "local" / "plan.json").write_text("mine")
    done = penstock("compile", "flows/a.py", "--target=local", "-o", "out")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error[P511]: out has files in the way that no compile of Penstock's wrote: AFlow/local/plan.json\n"
        "  = help: move them away, or choose another folder with -o\n"
    )
    (tmp_path / "file").write_text("")
    below = penstock("compile", "flows/a.py", "--target=local", "-o", "file/out")
    assert (below.code, below.err.splitlines()[0]) == (
        1,
        "error[P511]: the compiled flows can't be written to file/out: Not a directory",
    )
    assert penstock("compile", "flows/a.py", "--target=local", "-o", "file").code == 2


class TestTheFolder:
    """What stands in the output folder before, and after."""

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.place = tmp_path
        self.folder = tmp_path / "out"

    def write(self, unloaded: tuple[str, ...] = (), **flows: str) -> None:
        """Write flows with a file of these contents each, beside files that could not be loaded."""
        answers = [FlowAnswer(file, None, (), {}) for file in unloaded]
        for name, text in flows.items():
            staged = self.place / "staged" / name
            staged.mkdir(parents=True, exist_ok=True)
            (staged / "plan.json").write_text(text)
            target = TargetAnswer(False, (), staged, name, "plan.json", ("plan.json",))
            answers.append(FlowAnswer(f"{name}.py", name, (), {"local": target}))
        compiled_folder.write_folder(str(self.folder), answers)

    def test_a_file_that_cannot_be_loaded_costs_no_flow_its_files(self) -> None:
        """Nobody knows which flow it has: a name that is mistyped must not empty the folder."""
        self.write(A="1", B="2")
        self.write(unloaded=("typo.py",), B="3")
        assert {name: text for name, text in self.contents().items() if name != "penstock.json"} == {
            "A/local/plan.json": "1",
            "B/local/plan.json": "3",
        }
        assert list(json.loads(self.contents()["penstock.json"])["flows"]) == ["A", "B"]
        self.write(B="3")
        assert tree(self.folder) == {"B/local/plan.json", "penstock.json"}

    def refusal(self, **flows: str) -> str:
        with pytest.raises(Refused) as refused:
            self.write(**flows)
        (problem,) = refused.value.diagnostics
        assert problem.code == "P511"
        return problem.message

    def contents(self) -> dict[str, str]:
        return {name: (self.folder / name).read_text() for name in tree(self.folder)}

    def test_what_is_stale_goes_and_what_is_foreign_stays(self) -> None:
        self.write(A="1", B="2")
        (self.folder / "B" / "NOTES.md").write_text("mine")
        (self.folder / ".penstock-abc").mkdir()
        (self.folder / ".penstock-abc" / "0").write_text("left by a compile that was killed")
        self.write(A="3")
        assert tree(self.folder) == {"A/local/plan.json", "B/NOTES.md", "penstock.json"}
        assert (self.folder / "A" / "local" / "plan.json").read_text() == "3"
        assert not (self.folder / "B" / "local").exists()

    def test_what_has_not_changed_is_not_written(self) -> None:
        self.write(A="1", B="2")
        files = [self.folder / name for name in sorted(tree(self.folder))]
        for file in files:
            os.utime(file, (1, 1))
        self.write(A="1", B="3")
        assert [file.stat().st_mtime == 1 for file in files] == [True, False, False]

    def test_a_foreign_file_in_the_way_changes_nothing(self) -> None:
        self.write(A="1")
        (self.folder / "B" / "local").mkdir(parents=True)
        (self.folder / "B" / "local" / "plan.json").write_text("mine")
        before = self.contents()
        message = f"{self.folder} has files in the way that no compile of Penstock's wrote: B/local/plan.json"
        assert self.refusal(A="2", B="3") == message
        assert self.contents() == before
        self.write(A="2", B="mine")
        assert self.contents()["B/local/plan.json"] == "mine", "the same bytes are in nobody's way"

    def test_a_full_disk_changes_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.write(A="1")
        before = self.contents()

        def full(path: str, mode: str) -> Any:
            if path.endswith("1"):
                raise OSError(errno.ENOSPC, "No space left on device", path)
            return open(path, mode)

        monkeypatch.setattr(compiled_folder, "open", full, raising=False)
        assert self.refusal(A="2", B="3") == f"the compiled flows can't be written to {self.folder}: " + os.strerror(
            errno.ENOSPC
        )
        assert self.contents() == before
        assert [name for name in os.listdir(self.folder) if name.startswith(".")] == []

    @pytest.mark.parametrize(
        "damage", ["<<<<<<< main\n", '{"format": 2, "flows": {}}', '{"format": 1, "flows": {"..": 1}}', "[]"]
    )
    def test_a_damaged_list_is_told_and_left(self, damage: str) -> None:
        self.write(A="1")
        manifest = self.folder / "penstock.json"
        manifest.write_text(damage)
        assert self.refusal(A="2").startswith(f"{manifest} can't be read, which lists what an earlier compile wrote: ")
        assert self.contents() == {"A/local/plan.json": "1", "penstock.json": damage}

    def test_a_list_that_leads_out_of_the_folder_removes_nothing(self) -> None:
        (self.place / "precious").write_text("")
        self.folder.mkdir()
        entry = {"targets": {"kfp": {"files": {"../../../precious": ""}}}}
        (self.folder / "penstock.json").write_text(json.dumps({"format": 1, "flows": {"AFlow": entry}}))
        assert "leads out of the folder" in self.refusal(A="1")
        assert (self.place / "precious").exists()

    def test_a_compile_that_is_killed_midway_is_mended_by_the_next(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever it had put into place, the list of before is still there, and nothing is taken for foreign."""
        self.write(A="1")
        replace, done = os.replace, []

        def killed(source: str, target: str) -> None:
            if done:
                raise KeyboardInterrupt
            done.append(target)
            replace(source, target)

        monkeypatch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            self.write(A="2", B="3")
        monkeypatch.undo()
        self.write(B="3")
        assert tree(self.folder) == {"B/local/plan.json", "penstock.json"}


def test_a_flow_s_own_check_knows_all_schedulers_too(tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text(LOOP)
    with Shell(tmp_path) as shell:
        done = shell.run("loop.py", "check", "--target=all", "--format=json")
    assert done.code == 1
    assert [entry["message"] for entry in json.loads(done.out)] == ["Kubeflow Pipelines cannot run loops"]
