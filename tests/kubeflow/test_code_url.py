"""`--code-url`: what is compiled for containers that fetch the flow file, what is refused, and a run of it all."""

from __future__ import annotations

import hashlib
import http.server
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from command_line import Shell
from compiler_flows import load_file
from corpus_flows import CORPUS
from generated_flows import linear
from kubeflow_target import documents, schema_problems

from penstock import __version__
from penstock.backends.conformance import FlowCase, run_locally
from penstock.backends.kubeflow.code_urls import beside_problems, code_url_problems
from penstock.backends.kubeflow.compilation import CompiledFlow, compile_for_kubeflow
from penstock.backends.kubeflow.resolution import Chosen
from penstock.backends.run_comparison import StoredRun, differences
from penstock.cli.state import CliState
from penstock.compiler.diagnostics import Severity
from penstock.compiler.flow_shape import planned_shape
from penstock.compiler.packaging import program_from_image
from penstock.compiler.pipeline import demand_program
from penstock.compiler.render import render_text
from penstock.runtime_shim.options import Options

URL = "https://files.example.com/flows/lines.py"
SHA = "0123456789abcdef" * 4
DEFERRED = """
from penstock import FlowSpec, Parameter, step

class DeferredFlow(FlowSpec):
    stamp = Parameter("stamp", default=lambda context: "$(HOME) {{workflow.name}}")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        print("not in the package")

if __name__ == "__main__":
    DeferredFlow()
"""


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METAFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("METAFLOW_USER", "conformance")
    monkeypatch.setenv("METAFLOW_DATASTORE_SYSROOT_S3", "s3://bkt/p")


def compiled(folder: Path, source: str, code_url: str, *decospecs: str, image: str | None = "team/a:1") -> CompiledFlow:
    file = folder / "lines.py"
    file.write_text(source)
    state = CliState(load_file(file), (str(file),), Options(decospecs=list(decospecs)))
    return compile_for_kubeflow(state, Chosen(image=image, code_url=code_url))


def container(flow: CompiledFlow) -> tuple[dict[str, Any], dict[str, str]]:
    """That of the start task, and its variables."""
    assert schema_problems(flow.document) == []
    found = documents(flow.document)[0]["deploymentSpec"]["executors"]["exec-start"]["container"]
    return found, {each["name"]: each["value"] for each in found["env"]}


def test_containers_are_told_the_url_and_the_flow_in_place_of_a_package(tmp_path: Path) -> None:
    flow = compiled(tmp_path, linear(3), f"{URL}#sha256={SHA.upper()}")
    assert (flow.package, flow.warnings) == (None, ())
    found, variables = container(flow)
    assert found["command"] == ["python", "-c", program_from_image()]
    _, shape = planned_shape(demand_program(load_file(tmp_path / "lines.py")))
    assert variables == {
        "METAFLOW_USER": "conformance",
        "PENSTOCK_CODE_SHA256": SHA,
        "PENSTOCK_CODE_URL": URL,
        "PENSTOCK_ENTRY": '["lines.py"]',
        "PENSTOCK_FLOW": "LinesFlow",
        "PENSTOCK_FLOW_SHAPE": shape,
        "PENSTOCK_IMAGE": "team/a:1",
        "PENSTOCK_ROOT": "s3://bkt/p",
        "PENSTOCK_TARGET": "kfp",
    }


def test_the_code_may_change_and_the_document_does_not(tmp_path: Path) -> None:
    first = compiled(tmp_path, DEFERRED, URL)
    second = compiled(tmp_path, DEFERRED.replace("not in", "# a comment\nno longer in".replace("\n", " ")), URL)
    assert first.document == second.document


def test_what_with_adds_and_what_was_computed_goes_along_unread_by_others(tmp_path: Path) -> None:
    flow = compiled(tmp_path, DEFERRED, URL, "retry:times=1", 'environment:vars={"A": "$(HOME)"}')
    variables = container(flow)[1]
    assert json.loads(variables["PENSTOCK_DEFAULTS"]) == {"stamp": "$(HOME) {{workflow.name}}"}
    assert json.loads(variables["PENSTOCK_WITH"]) == ["retry:times=1", 'environment:vars={"A": "$(HOME)"}']
    for text in variables.values():
        assert "$(" not in text
        assert "{{" not in text


@pytest.mark.parametrize(
    ("code_url", "said"),
    [
        (
            "flow.py",
            ("error[P531]: 'flow.py' is no address of a flow file\n"
            "  = help: give one that begins with https://, http:// or s3://, and write %20 and the like for other"),
        ),
        ("ftp://h/f.py", "error[P531]: 'ftp://h/f.py' is no address of a flow file"),
        ("file:///etc/passwd", "error[P531]: 'file:///etc/passwd' is no address of a flow file"),
        ("https:///f.py", "error[P531]: 'https:///f.py' is no address of a flow file"),
        ("https://h:0/f.py", "error[P531]: 'https://h:0/f.py' is no address of a flow file"),
        ("https://h:port/f.py", "error[P531]: 'https://h:port/f.py' is no address of a flow file"),
        ("https://[h/f.py", "error[P531]: 'https://[h/f.py' is no address of a flow file"),
        ("s3://bucket", "error[P531]: 's3://bucket' is no address of a flow file"),
        ("https://h/a flow.py", "error[P531]: 'https://h/a flow.py' is no address of a flow file"),
        ("https://h/{{x}}.py", "error[P531]: 'https://h/{{x}}.py' is no address of a flow file"),
        ("https://h/$(HOME).py", "error[P531]: 'https://h/$(HOME).py' is no address of a flow file"),
        ("https://h/é.py", "error[P531]: 'https://h/é.py' is no address of a flow file"),
        (
            "https://u:p@h/f.py",
            ("error[P531]: --code-url holds a password or a signature, and would stand in the compiled pipeline\n"
            "  = help: put the file at an s3:// URL, which containers read with their own role"),
        ),
        ("https://h/f.py?X-Amz-Date=1&X-Amz-Signature=2", "error[P531]: --code-url holds a password or a signature"),
        (
            "https://h/f.py#sha256=12",
            ("error[P531]: '#sha256=12' of --code-url is not `#sha256=` and 64 hexadecimal digits\n"
            "  = help: `sha256sum flow.py` prints them"),
        ),
        ("https://h/f.py#md5=12", "error[P531]: '#md5=12' of --code-url is not `#sha256=` and 64 hexadecimal digits"),
        ("https://h/f.py#", "error[P531]: '#' of --code-url is not `#sha256=` and 64 hexadecimal digits"),
        (
            "http://h/f.py",
            ("warning[P323]: containers fetch http://h/f.py without encryption: whoever is on the way can have "
            "them run something else\n  = help: use https, or pin the file: --code-url URL#sha256=…"),
        ),
        (f"http://h/f.py#sha256={SHA}", ""),
        ("https://h/f.py?version=3&raw=true", ""),
        ("https://raw.example.com/~me/x/refs/heads/main/f%20g.py", ""),
        ("s3://bucket/flows/f.py", ""),
        ("http://[::1]:8000/f.py#sha256=" + SHA, ""),
    ],
)  # fmt: skip
def test_an_address_is_judged_when_the_flow_is_compiled(code_url: str, said: str) -> None:
    found = render_text(tuple(code_url_problems(code_url))).rstrip("\n")
    assert found.startswith(said)
    assert bool(found) is bool(said)


def test_an_image_that_has_no_penstock_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    python = ".".join(map(str, sys.version_info[:2]))
    (warning,) = compiled(tmp_path, linear(3), URL, image=None).warnings
    assert (warning.code, warning.severity, warning.message, warning.help) == (
        "P530",
        Severity.WARNING,
        f"with --code-url Penstock comes from the image, and `start` runs in python:{python}, which has none",
        (
            "give --image or set METAFLOW_KUBERNETES_CONTAINER_IMAGE, to an image with Penstock in it: "
            f"python -m pip install penstock=={__version__}"
        ),
    )
    own = linear(3).replace("    @step", '    @kubernetes(image="team/b:1")\n    @step')
    own = own.replace("import FlowSpec", "import FlowSpec, kubernetes")
    assert compiled(tmp_path, own, URL, image=None).warnings == ()
    monkeypatch.setenv("METAFLOW_KUBERNETES_CONTAINER_IMAGE", "team/c:1")
    assert compiled(tmp_path, linear(3), URL, image=None).warnings == ()


class FileServer(http.server.ThreadingHTTPServer):
    """The files of a folder on loopback; ``asked`` are the paths it was asked for."""

    def __init__(self, folder: Path) -> None:
        server = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_request(self, code: Any = "-", size: Any = "-") -> None:
                server.asked.append(self.path)

        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def files(tmp_path: Path) -> Iterator[FileServer]:
    """Serves ``tmp_path/served``."""
    (tmp_path / "served").mkdir()
    server = FileServer(tmp_path / "served")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "engine"), [("everything_nested", "own"), ("parameters", "kfp-local")])
def test_a_run_from_a_url_is_the_local_one(name: str, engine: str, tmp_path: Path, files: FileServer) -> None:
    flow = next(each for each in CORPUS if each.name == name)
    case = FlowCase(flow.name, flow.file, flow.flow, flow.parameters, flow.fails_at)
    (tmp_path / "work").mkdir()
    for folder in ("work", "served"):
        shutil.copy(flow.file, tmp_path / folder)
    sha = hashlib.sha256(flow.file.read_bytes()).hexdigest()
    code_url = f"--code-url={files.url}/{flow.file.name}#sha256={sha}"
    with Shell(tmp_path / "work") as shell:
        options = [*case.arguments, f"--engine={engine}", code_url]
        done = shell.run(flow.file.name, "kfp", "rehearse", *options, METAFLOW_USER="conformance")
        assert done.code == 0, done.out + done.err
        rehearsed = StoredRun(shell.store.root, flow.flow, shell.latest(flow.flow))
    assert differences(run_locally(case, tmp_path / "local"), rehearsed, case.fails_at) == []
    assert files.asked == [f"/{flow.file.name}"], "one task fetches for all"


@pytest.mark.slow
def test_what_is_wrong_at_the_url_is_one_sentence(tmp_path: Path, files: FileServer) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "lines.py").write_text(linear(2))
    url = f"{files.url}/lines.py"
    with Shell(tmp_path / "work") as shell:
        absent = shell.run("lines.py", "kfp", "rehearse", f"--code-url={url}")
        (tmp_path / "served" / "lines.py").write_text(linear(3))
        other = shell.run("lines.py", "kfp", "rehearse", f"--code-url={url}")
        assert (absent.code, other.code) == (1, 1)
        assert f"    | error[R196]: there is no flow file at {url} (404)\n" in absent.err
        assert f"    | error[R198]: the flow `LinesFlow` at {url} is not the one" in other.err
        assert "warning[P323]" in other.err


@pytest.mark.slow
def test_from_s3_a_rehearsal_takes_this_very_file(tmp_path: Path) -> None:
    (tmp_path / "lines.py").write_text(linear(2))
    with Shell(tmp_path) as shell:
        done = shell.run("lines.py", "kfp", "rehearse", "--code-url=s3://team-code/flows/lines.py")
        assert done.code == 0, done.out + done.err
        assert shell.task("LinesFlow", "end").load("count") == 2


def test_the_command_says_where_its_tasks_look(tmp_path: Path) -> None:
    (tmp_path / "lines.py").write_text(linear(2))
    with Shell(tmp_path) as shell:
        options = ["--image=team/a:1", f"--code-url={URL}", "--datastore-root=s3://bkt/p"]
        done = shell.run("lines.py", "generate-kfp-yaml", *options)
    assert (done.out, done.err) == (
        "The pipeline LinesFlow is in kfp_pipeline.yaml.\n",
        f"Its tasks fetch the flow from {URL}.\n",
    )


@pytest.mark.slow
def test_a_module_beside_the_flow_is_not_fetched_and_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("")
    (tmp_path / "lines.py").write_text(linear(2).replace("self.count = 1", "import beside"))
    with Shell(tmp_path) as shell:
        done = shell.run("lines.py", "kfp", "rehearse", "--code-url=s3://team-code/lines.py")
    assert done.code == 1
    advice = "with --code-url containers fetch the flow file, and nothing beside it"
    assert f"    |   = help: use an image that has it (METAFLOW_KUBERNETES_CONTAINER_IMAGE): {advice}\n" in done.err


def test_modules_beside_the_flow_are_named_when_it_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beside.py").write_text("")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "data").mkdir()
    lines = "import os, beside\nfrom pack.inner import x\nimport beside\nimport data, penstock\nfrom . import other\n"
    (tmp_path / "flow.py").write_text(lines)
    found = [*beside_problems("flow.py")]
    advice = "  = help: have it in the image, or leave out --code-url: the code package brings it"
    assert render_text(found).splitlines() == [
        "warning[P324]: `beside` stands beside the flow, and with --code-url containers fetch the flow file only",
        " --> flow.py:1:1",
        "  |",
        "1 | import os, beside",
        "  | ^^^^^^^^^^^^^^^^^",
        advice,
        "",
        "warning[P324]: `pack` stands beside the flow, and with --code-url containers fetch the flow file only",
        " --> flow.py:2:1",
        "  |",
        "2 | from pack.inner import x",
        "  | ^^^^^^^^^^^^^^^^^^^^^^^^",
        advice,
    ]
