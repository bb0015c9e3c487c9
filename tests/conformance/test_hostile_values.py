"""Text that shells, templates and paths would take for theirs goes through the whole pipe: it arrives as it was and
nothing is executed, here and on the engine, or it is refused in one sentence.

Every place where a user's text can stand has the same texts, whose commands would all make the file `canary`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Outcome, Shell

from penstock.backends.run_comparison import StoredRun
from penstock.runtime_shim.client import Run
from penstock.runtime_shim.datastore.local import LocalDatastore

TEXTS = {
    "command": "$(touch canary)",
    "backticks": "`touch canary`",
    "several": "x; touch canary & touch canary | touch canary && touch canary\ntouch canary\n",
    "quotes": '\'""\' it\'s "so" \\\' \\" \\\\ “ ” ‘ ’ « »',
    "expansion": "${HOME} $HOME $$ %PATH% !1 ~ * ? [a-z] {a,b}",
    "lines": "first\r\nsecond\rthird\n\n\ttab\x0b\x0c\x1b[31m\x07\u2028\u2029\x85",
    "braces": "{} {0} {{}} {{ 1 + 1 }} {% raw %} %s %(a)s #{a} <%= 1 %>",
    "path": "$.x",
    "context": "$$.Execution.Name",
    "intrinsic": "States.Format('{}', $.r)",
    "escapes": "\\u0041 \\x41 \\n \\",
    "right to left": "\u202eadrian\u202c \u200f\u0627\u0644 \ufeff\u200b",
    "markup": "<script>alert(1)</script> &amp; ]]> --> <!--",
    "option": "--help",
    "dash": "-",
    "folders": "../../../etc/passwd",
    "empty": "",
    "null": "null",
    "unicode": "e\u0301 é 水圧管 🌊 \U0010ffff \ud7ff",
    "long": "8 kB " * 1600,
}
NUL = "before\0after"
HALF = "half \ud800 a character"
HUGE = "200 kB, and so on: " * 10_000
PARAMETERS = {
    "text": TEXTS["several"],
    "number": -1,
    "rate": -1e-9,
    "flag": True,
    "words": "$(touch canary),`touch canary`,--help",
    "nested": {key: [text, {text: key}] for key, text in TEXTS.items()},
    "long-one": TEXTS["long"],
}
FLOW = f'''\
"""{TEXTS["markup"]} $(touch canary)"""

import os

from penstock import FlowSpec, JSONType, Parameter, current, environment, step

TEXTS = {TEXTS!r}
WITH_NUL, WITH_HALF, HUGE = {NUL!r}, {HALF!r}, {HUGE[:19]!r} * 10_000


class HostileFlow(FlowSpec):
    """$(touch canary) <script>alert(1)</script> {{{{ 1 }}}}"""

    CONSTANT = WITH_HALF
    text = Parameter("text", default=TEXTS["command"], help="$(touch canary) %s {{}} <script>")
    number = Parameter("number", default=1)
    rate = Parameter("rate", default=1.0)
    flag = Parameter("flag", default=False)
    words = Parameter("words", default="a", separator=",")
    nested = Parameter("nested", type=JSONType, default={{}})
    long_one = Parameter("long-one", default="")
    with_nul = Parameter("with_nul", default=WITH_NUL)
    huge = Parameter("huge", default=HUGE)

    @environment(vars=TEXTS)
    @step
    def start(self):
        """$(touch canary) `touch canary` \\ud800 {{}} {{{{}}}} </p><script>alert(1)</script>"""
        self.environment = {{name: os.environ[name] for name in TEXTS}}
        self.given = [self.text, self.number, self.rate, self.flag, self.words, self.nested, self.long_one]
        self.tags = sorted(tag for tag in current.tags if "canary" in tag)
        self.items = [[*TEXTS.values()], WITH_NUL, WITH_HALF, HUGE]
        self.next(self.each, foreach="items")

    @step
    def each(self):
        self.item = self.input
        self.key = TEXTS["command"] if self.index % 2 else TEXTS["quotes"]
        self.next({{{TEXTS["command"]!r}: self.odd, {TEXTS["quotes"]!r}: self.even}}, condition="key")

    @step
    def odd(self):
        self.next(self.join)

    @step
    def even(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.items = [each.item for each in inputs]
        self.paths = [each.key for each in inputs]
        print(TEXTS["several"], TEXTS["lines"], "$(touch canary)")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HostileFlow()
'''
FOLDER = "a folder; $(touch canary) 'quoted' {x}"
TAGS = ["$(touch canary)", "--canary='\"`"]


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The flow's file, in a folder and with a name that a shell would not leave alone."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    monkeypatch.setenv("METAFLOW_USER", "ann")
    (folder / "flow $(touch canary).py").write_text(FLOW, encoding="utf-8")
    return folder / "flow $(touch canary).py"


def arguments(parameters: dict[str, object]) -> list[str]:
    return [f"--{name}={json.dumps(value) if name == 'nested' else value}" for name, value in parameters.items()]


def as_it_was(run: StoredRun, given: list[object]) -> None:
    """Everything has arrived, and none of it stands in what a scheduler reads or in a name."""
    tasks = run.tasks
    start, join = tasks["start/t"], tasks["join/t"]
    assert start.load_many(["environment", "given", "CONSTANT"]) == {
        "environment": TEXTS,
        "given": given,
        "CONSTANT": HALF,
    }
    assert tasks["end/t"].load_many(["with_nul", "huge"]) == {"with_nul": NUL, "huge": HUGE}
    items = [[*TEXTS.values()], NUL, HALF, HUGE]
    assert join.load("items") == items
    assert join.load("paths") == [TEXTS["command"] if n % 2 else TEXTS["quotes"] for n in range(len(items))]
    store = LocalDatastore(run.root)
    for key in store.keys(f"HostileFlow/{run.run}/"):
        assert "canary" not in key
        assert "/_record/" not in key or b"canary" not in store.get(key)


def no_canary(*folders: Path) -> None:
    found = [path for folder in folders for path in folder.rglob("*") if path.name == "canary"]
    assert found == []
    assert not Path("canary").exists()


GIVEN = [*list(PARAMETERS.values())[:4], str(PARAMETERS["words"]).split(","), *list(PARAMETERS.values())[5:]]


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_a_run_on_this_machine_gives_every_text_on(hostile: Path, tmp_path: Path, isolation: str) -> None:
    shell = Shell(hostile.parent)
    done = shell.run(
        hostile.name, "run", f"--run-id-file={TAGS[0]}\n-", f"--isolation={isolation}", "--max-workers=4",
        *(f"--tag={tag}" for tag in TAGS), *arguments(PARAMETERS),
    )  # fmt: skip
    assert done.code == 0, done.err[-2000:]
    run = (hostile.parent / f"{TAGS[0]}\n-").read_text()
    assert run == shell.latest("HostileFlow")
    as_it_was(StoredRun(shell.store.root, "HostileFlow", run), GIVEN)
    assert shell.task("HostileFlow", "start").load("tags") == sorted(TAGS)
    assert set(TAGS) <= Run(f"HostileFlow/{run}", store=shell.store, _namespace=None).user_tags
    no_canary(tmp_path)


@pytest.mark.parametrize("target", ["step-functions", "argo-workflows"])
def test_a_rehearsed_run_gives_every_text_on(hostile: Path, tmp_path: Path, target: str) -> None:
    shell = Shell(hostile.parent)
    tags = [f"--tag={tag}" for tag in TAGS]
    done = shell.run(hostile.name, target, "rehearse", *tags, *arguments(PARAMETERS))
    assert done.code == 0, done.out[-3000:] + done.err[-3000:]
    as_it_was(StoredRun(shell.store.root, "HostileFlow", shell.latest("HostileFlow")), GIVEN)
    assert shell.task("HostileFlow", "start").load("tags") == sorted(TAGS)
    no_canary(tmp_path)


def test_pages_and_drawings_show_texts_and_mean_nothing_by_them(hostile: Path, tmp_path: Path) -> None:
    shell = Shell(hostile.parent)
    for command in ("show", "show --html=page.html", "output-dot", "output-raw", "check", "run --help"):
        said(shell.run(hostile.name, *command.split()), 0)
    page = (hostile.parent / "page.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    no_canary(tmp_path)


def said(done: Outcome, code: int) -> str:
    assert done.code == code, done.err
    assert "Traceback" not in done.err + done.out
    assert "internal error" not in done.err
    return done.err


REFUSED = {
    "a variable with half a character": (["--with", 'environment:vars={"A": "\\ud800"}'], "P164"),
    "a variable with a NUL": (["--with", 'environment:vars={"A": "\\u0000"}'], "P164"),
    "a variable's name": (["--with", 'environment:vars={"A=$(touch canary)": "x"}'], "P164"),
    "a number of times": (["--with", "retry:times=$(touch canary)"], "P162"),
    "an attribute": (["--with", "retry:$(touch canary)=1"], "P167"),
    "a decorator": (["--with", "$(touch canary)"], "P160"),
    "an artifact's name": (["--with", "catch:var=$(touch canary)"], "P164"),
    "a path that is a folder": (["--run-id-file=."], ""),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused_in_a_sentence(hostile: Path, tmp_path: Path, what: str) -> None:
    options, code = REFUSED[what]
    shell = Shell(hostile.parent)
    err = said(shell.run(hostile.name, "run", *options), 1 if code else 2)
    assert f"error[{code}]" in err if code else "is a directory" in err, err
    assert not (hostile.parent / ".metaflow").exists()
    no_canary(tmp_path)


def test_texts_of_the_command_line_reach_the_decorator(hostile: Path, tmp_path: Path) -> None:
    shell = Shell(hostile.parent)
    source = FLOW.replace("    @environment(vars=TEXTS)\n", "").replace("in TEXTS}", "if name in TEXTS}", 1)
    hostile.write_text(source.replace("for name if name", "for name in os.environ if name"), encoding="utf-8")
    decospec = f"environment:vars={json.dumps(TEXTS)}"
    assert len(decospec) < 100_000
    said(shell.run(hostile.name, "run", "--with", decospec, "--max-workers=4"), 0)
    assert shell.task("HostileFlow", "start").load("environment") == TEXTS
    no_canary(tmp_path)


def test_parameters_of_the_environment_and_a_terminal_without_the_letters(hostile: Path, tmp_path: Path) -> None:
    shell = Shell(hostile.parent)
    given = {"METAFLOW_RUN_TEXT": TEXTS["several"], "METAFLOW_RUN_LONG_ONE": TEXTS["option"]}
    done = shell.run(hostile.name, "run", "--max-workers=4", PYTHONIOENCODING="ascii", **given)
    said(done, 0)
    assert "\\u2028" in done.out
    task = shell.task("HostileFlow", "end")
    assert task.load_many(["text", "long_one"]) == {"text": TEXTS["several"], "long_one": TEXTS["option"]}
    no_canary(tmp_path)
