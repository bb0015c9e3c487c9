"""A flow file that containers fetch from a URL: what the first task makes sure of, and what the others get."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from compiler_flows import load_file
from wire import Wire

from penstock import __version__
from penstock.compiler.flow_shape import planned_shape
from penstock.compiler.packaging import program_from_image
from penstock.compiler.pipeline import demand_program
from penstock.runtime_shim import code_url, fetching
from penstock.runtime_shim.code_url import place_code
from penstock.runtime_shim.datastore import opening
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.jobs import Job, read_job
from penstock.runtime_shim.plan import PLAN_FILE, Plan

SOURCE = """
from penstock import FlowSpec, Parameter, retry, step

class AFlow(FlowSpec):
    alpha = Parameter("alpha", default=1.5)
    stamp = Parameter("stamp", default=lambda context: "never run in a container" / 1)

    @retry(times=2)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    AFlow()
"""
OTHER_CODE = SOURCE.replace("        pass\n", "        print('more')  # a comment\n")
AGAIN = "put the file there that was compiled, or compile the pipeline again"


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    wire = Wire()
    monkeypatch.setattr(fetching, "pause_after", lambda tries: 0)
    yield wire
    wire.close()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalDatastore:
    """The datastore of the run."""
    found = LocalDatastore(str(tmp_path / "store"))
    monkeypatch.setattr(opening, "open_datastore", lambda *asked: found)
    return found


Place = Callable[..., Path]


@pytest.fixture
def place(wire: Wire, store: LocalDatastore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A container of a step, with ``served`` at the URL; its folder afterwards."""
    compiled = tmp_path / "compiled.py"
    compiled.write_text(SOURCE)

    def start(served: str | bytes, step: str = "start", **env: str) -> Path:
        data = served if isinstance(served, bytes) else served.encode()
        wire.answer = lambda method, headers: (200, {}, data)
        _, shape = planned_shape(demand_program(load_file(compiled)))
        folder = tmp_path / f"container-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        monkeypatch.chdir(folder)
        place_code(job(step), {code_url.CODE_URL_ENV: url(wire), code_url.SHAPE_ENV: shape, **env})
        return folder

    return start


def url(wire: Wire) -> str:
    return f"{wire.url}/a.py"


def job(step: str, entry: str = '["flow.py"]') -> Job:
    env = {"PENSTOCK_FLOW": "AFlow", "PENSTOCK_ROOT": "s3://b/p", "PENSTOCK_ENTRY": entry, "PENSTOCK_IMAGE": "team/a:1"}
    return read_job(env, "kfp-1", step, "")


def refusal(place: Place, *arguments: str | bytes, **env: str) -> Failure:
    with pytest.raises(Failure) as caught:
        place(*arguments, **env)
    return caught.value


def test_the_first_task_fetches_and_the_others_get_the_same(place: Place, wire: Wire, store: LocalDatastore) -> None:
    first = place(OTHER_CODE, **{code_url.DEFAULTS_ENV: '{"stamp": "x"}'})
    assert (first / "flow.py").read_text() == OTHER_CODE
    plan = Plan.from_json((first / PLAN_FILE).read_bytes())
    assert (plan.names, plan.defaults) == (("start", "end"), {"stamp": "x"})
    assert plan["start"].decorators[0]["attributes"]["times"] == 2
    later = place("the file has changed meanwhile", "end")
    assert wire.asked == ["GET"]
    assert {name: (later / name).read_bytes() for name in ("flow.py", PLAN_FILE)} == {
        name: (first / name).read_bytes() for name in ("flow.py", PLAN_FILE)
    }
    assert sorted(store.keys("AFlow/kfp-1/")) == ["AFlow/kfp-1/_flow.py", "AFlow/kfp-1/_plan.json"]


def test_of_two_containers_of_one_task_the_quicker_one_counts(
    place: Place, store: LocalDatastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = store.put_if_absent

    def a_moment_later(key: str, data: bytes) -> bool:
        if key.endswith("_flow.py"):
            store.put(key, OTHER_CODE.encode())
        return kept(key, data)

    monkeypatch.setattr(store, "put_if_absent", a_moment_later)
    assert (place(SOURCE) / "flow.py").read_text() == OTHER_CODE


def test_what_with_added_is_added_again(place: Place) -> None:
    plain = refusal(place, SOURCE, **{code_url.WITH_ENV: '["timeout:seconds=60"]'})
    assert plain.code == "R198"


def test_the_sha_is_held(place: Place, wire: Wire, store: LocalDatastore) -> None:
    wanted = hashlib.sha256(SOURCE.encode()).hexdigest()
    found = hashlib.sha256(OTHER_CODE.encode()).hexdigest()
    assert str(refusal(place, OTHER_CODE, **{code_url.SHA_ENV: wanted})) == (
        f"error[R197]: the flow file {url(wire)} has the SHA-256 {found}, and should have {wanted}\n"
        "  = help: put back the file that was compiled, or compile the pipeline with the new one"
    )
    assert list(store.keys("AFlow/")) == []
    assert (place(SOURCE, **{code_url.SHA_ENV: wanted}) / "flow.py").exists()


MORE = "self.next(self.mid)\n\n    @step\n    def mid(self):\n        self.next(self.end)\n"
DIFFERENT = {
    "a step more": SOURCE.replace("self.next(self.end)\n", MORE),
    "another default": SOURCE.replace("1.5", "2.5"),
    "a parameter less": SOURCE.replace('    alpha = Parameter("alpha", default=1.5)\n', ""),
    "more tries": SOURCE.replace("times=2", "times=3"),
    "more memory": SOURCE.replace("@retry", "@resources(memory=1)\n    @retry").replace("retry,", "resources, retry,"),
}


@pytest.mark.parametrize("source", DIFFERENT.values(), ids=DIFFERENT)
def test_another_flow_is_refused(source: str, place: Place, wire: Wire, store: LocalDatastore) -> None:
    assert str(refusal(place, source)) == (
        f"error[R198]: the flow `AFlow` at {url(wire)} is not the one that the pipeline was compiled from: "
        "its steps, its parameters or their decorators differ\n"
        "  = help: compile the pipeline again, or pin the file: --code-url URL#sha256=…"
    )
    assert list(store.keys("AFlow/")) == []


def test_a_penstock_that_cannot_compile_is_told(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    (lacking / "networkx.py").write_text("raise ModuleNotFoundError('not here', name='networkx')\n")
    monkeypatch.setenv("PYTHONPATH", str(lacking))
    assert str(refusal(place, SOURCE)) == (
        "error[R199]: the image team/a:1 has a part of Penstock only: compiling the flow needs the module `networkx`, "
        f"which is not here\n  = help: python -m pip install penstock=={__version__} in the image"
    )


def test_another_penstock_is_named(place: Place, wire: Wire) -> None:
    found = refusal(place, SOURCE, **{code_url.SHAPE_ENV: "9.9/abc"})
    assert str(found) == (
        f"error[R199]: the flow `AFlow` at {url(wire)} is not the one that the pipeline was compiled from, at least as "
        f"Penstock {__version__} of the image team/a:1 reads it: 9.9 compiled it\n"
        "  = help: install penstock==9.9 in the image, or compile the pipeline again"
    )


@pytest.mark.parametrize(
    ("served", "code", "message", "help_text"),
    [
        (
            "<!doctype html>\n<p>hello",
            "R198",
            "what is at URL is no Python file: invalid syntax (line 1)",
            "it is a web page: on GitHub and its like, take the address of the raw file",
        ),
        ("class AFlow(:\n", "R198", "what is at URL is no Python file: invalid syntax (line 1)", ""),
        (
            SOURCE.replace("AFlow", "BFlow"),
            "R198",
            "the flow file URL holds no flow `AFlow`, but `BFlow`",
            AGAIN,
        ),
        ("print('hello')\n", "R198", "the flow file URL holds no flow `AFlow`", AGAIN),
        (
            SOURCE.replace("self.next(self.end)", "self.next(self.fin)"),
            "R198",
            "the flow in the flow file URL has errors, which stand above",
            AGAIN,
        ),
        (
            "import tensorboard_of_nobody\n" + SOURCE,
            "R193",
            "the flow file URL imports `tensorboard_of_nobody`, which the image team/a:1 does not have",
            "use an image that has it: with --code-url containers fetch the flow file, and nothing beside it",
        ),
        (SOURCE + "\n1 / 0\n", "R198", "the flow file URL cannot be imported: ZeroDivisionError: division by zero", ""),
        (
            SOURCE + "\nraise SystemExit(4)\n",
            "R198",
            "the flow file URL starts its flow when it is imported",
            'let it say `if __name__ == "__main__":` before that',
        ),
        (
            SOURCE + "\nimport os; os._exit(7)\n",
            "R198",
            "importing the flow file URL ended the process (exit code 7)",
            "",
        ),
    ],
)
def test_what_is_no_such_flow_is_one_sentence(
    served: str, code: str, message: str, help_text: str, place: Place, wire: Wire, store: LocalDatastore
) -> None:
    found = refusal(place, served)
    assert (found.code, found.message, found.help) == (code, message.replace("URL", url(wire)), help_text)
    assert found.exit_code == 202
    assert list(store.keys("AFlow/")) == []


def test_what_is_wrong_with_the_file_is_shown(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    refusal(place, SOURCE.replace("self.next(self.end)", "self.next(self.fin)"))
    refusal(place, SOURCE + "\n1 / 0\n")
    told = capfd.readouterr().err
    assert "error[P201]" in told
    assert "flow.py:11" in told
    assert 'flow.py", line 20, in <module>' in told


def test_a_file_written_for_metaflow_is_read_as_one(
    place: Place, store: LocalDatastore, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    served = SOURCE.replace("from penstock", "from metaflow")
    wire.answer = lambda method, headers: (200, {}, served.encode())
    _, shape = planned_shape(demand_program(load_file(tmp_path / "compiled.py")))
    place_code(
        job("start", '["-m", "penstock", "flow.py"]'), {code_url.CODE_URL_ENV: url(wire), code_url.SHAPE_ENV: shape}
    )
    assert (tmp_path / PLAN_FILE).exists()


def test_an_image_without_penstock_is_told(tmp_path: Path) -> None:
    """-I and -S: a Python that sees neither the user's packages nor this folder."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program_from_image(), "{}"],
        env={"PENSTOCK_IMAGE": "python:3.11", "PENSTOCK_FLOW_SHAPE": "0.1.0/abc"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    python = ".".join(map(str, sys.version_info[:2]))
    assert done.stderr == (
        f"error[R199]: the image python:3.11 with its Python {python} has no Penstock that fetches flows: "
        "No module named 'penstock'\n"
        "  = help: python -m pip install penstock==0.1.0 in the image, or compile without --code-url\n"
    )
    assert done.returncode == 202


def test_shapes_are_the_same_under_any_hash_seed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(SOURCE)
    script = (
        "from a import AFlow; from penstock.compiler.pipeline import demand_program\n"
        "from penstock.compiler.flow_shape import planned_shape; print(planned_shape(demand_program(AFlow))[1])"
    )
    shapes = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)]),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(shapes) == 1
    assert json.dumps(shapes.pop().strip()).startswith(f'"{__version__}/')
