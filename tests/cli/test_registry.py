"""Targets are found by name; a plugin that is broken is named, with the line that mends it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Shell

from penstock.backends import registry
from penstock.backends.protocol import Bundle
from penstock.compiler.diagnostics import Refused

GOOD = """
from penstock.backends.local import BACKEND as local
from penstock.backends.protocol import BackendInfo


class Backend:
    info = BackendInfo(name="nomad", title="Nomad", summary="Jobs on Nomad.", capabilities=local.info.capabilities,
                       commands="{module}:group")

    def check(self, program):
        return local.check(program)

    def lower(self, program, settings):
        return local.lower(program, settings)

    def compile(self, state, choices, output=None):
        return local.compile(state, choices, output)

    def describe(self, bundle):
        return local.describe(bundle)


BACKEND = Backend()


def __getattr__(name):
    if name != "group":
        raise AttributeError(name)
    import click

    @click.group()
    def group():
        "Jobs on Nomad."

    @group.command()
    @click.pass_context
    def create(ctx):
        click.echo(f"steps: {{len(ctx.obj.program().graph)}}")

    return group
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install a distribution with one entry point into a folder on ``sys.path``."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def install(distribution: str, target: str, source: str, *, value: str | None = None) -> Path:
        module = distribution.replace("-", "_")
        (folder / f"{module}.py").write_text(source.replace("{module}", module).replace("{{", "{").replace("}}", "}"))
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[penstock.backends]\n{target} = {value or f'{module}:BACKEND'}\n")
        monkeypatch.delitem(sys.modules, module, raising=False)
        return folder

    return install


def refusal() -> list[tuple[str, str, str]]:
    with pytest.raises(Refused) as refused:
        registry.backends()
    return [(problem.code, problem.message, problem.help) for problem in refused.value.diagnostics]


BROKEN = "the target `nomad` of penstock-nomad cannot be loaded from penstock_nomad:BACKEND: "
MEND = "run `python -m pip install --upgrade penstock-nomad`, or run `python -m pip uninstall penstock-nomad`"


def test_built_in_targets_come_first() -> None:
    assert list(registry.infos())[:2] == ["local", "step-functions"]
    assert all(name == info.name for name, info in registry.infos().items())


def test_a_plugin_s_target_is_found_with_its_commands(install: Callable[..., Path], shell: Shell) -> None:
    folder = install("penstock-nomad", "nomad", GOOD)
    assert registry.backend("nomad").info.title == "Nomad"
    assert list(registry.infos())[-1] == "nomad"
    (shell.folder / "flow.py").write_text(
        "from penstock import FlowSpec, step\n\n\nclass F(FlowSpec):\n    @step\n    def start(self):\n"
        "        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n\n\n"
        "if __name__ == '__main__':\n    F()\n"
    )
    path = {"PYTHONPATH": str(folder)}
    assert "  nomad              Jobs on Nomad.\n" in shell.run("flow.py", "--help", **path).out
    done = shell.run("flow.py", "nomad", "create", **path)
    assert (done.code, done.out) == (0, "steps: 2\n"), done.err
    assert shell.run("flow.py", "check", "--target=nomad", **path).code == 0


def test_a_plugin_that_cannot_be_imported_is_named(install: Callable[..., Path]) -> None:
    install("penstock-nomad", "nomad", "import no_such_module\n")
    assert refusal() == [
        (
            "P501",
            f"{BROKEN}ModuleNotFoundError: No module named 'no_such_module'",
            MEND,
        )
    ]


def test_a_plugin_without_the_attribute_is_named(install: Callable[..., Path]) -> None:
    install("penstock-nomad", "nomad", "")
    ((code, message, _),) = refusal()
    assert code == "P501"
    assert message.startswith(BROKEN)


def test_what_is_no_backend_is_named(install: Callable[..., Path]) -> None:
    install("penstock-nomad", "nomad", "BACKEND = 1\n")
    message = (
        "penstock_nomad:BACKEND of penstock-nomad is registered as the target `nomad` "
        "but has not all of `info`, `check`, `lower`, `compile`, `describe`"
    )
    assert refusal() == [("P502", message, MEND)]


def test_a_backend_under_another_name_is_named(install: Callable[..., Path]) -> None:
    install("penstock-nomad", "consul", GOOD)
    message = "penstock_nomad:BACKEND of penstock-nomad is registered as the target `consul` but calls itself `nomad`"
    assert refusal() == [("P502", message, MEND)]


def test_a_built_in_name_cannot_be_taken(install: Callable[..., Path]) -> None:
    install("penstock-nomad", "local", GOOD)
    assert refusal() == [
        (
            "P503",
            "penstock-nomad registers the target `local`, which is penstock's",
            "run `python -m pip uninstall penstock-nomad`",
        )
    ]
    assert registry.backend("local").info.title == "This machine"


def test_two_plugins_cannot_share_a_name(install: Callable[..., Path]) -> None:
    install("penstock-nomad", "nomad", GOOD)
    install("penstock-other", "nomad", GOOD)
    ((code, message, _),) = refusal()
    assert (code, message) == ("P503", "penstock-other registers the target `nomad`, which is penstock-nomad's")


def test_an_unknown_target_names_those_there_are() -> None:
    with pytest.raises(Refused) as refused:
        registry.backend("sfn")
    (problem,) = refused.value.diagnostics
    assert (problem.code, problem.message, problem.help) == (
        "P504",
        "there is no target `sfn`",
        f"one of: {', '.join([*registry.BUILT_IN, registry.ALL])}",
    )


def test_a_broken_plugin_is_told_on_the_command_line_but_does_not_stop_own_commands(
    install: Callable[..., Path], shell: Shell
) -> None:
    folder = install("penstock-nomad", "nomad", "import no_such_module\n")
    (shell.folder / "flow.py").write_text(
        "from penstock import FlowSpec, step\n\n\nclass F(FlowSpec):\n    @step\n    def start(self):\n"
        "        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n\n\n"
        "if __name__ == '__main__':\n    F()\n"
    )
    listed = shell.run("flow.py", "--help", PYTHONPATH=str(folder))
    assert listed.code == 1
    assert "error[P501]: the target `nomad` of penstock-nomad cannot be loaded" in listed.err
    assert f"  = help: {MEND}\n" in listed.err
    assert shell.run("flow.py", "run", PYTHONPATH=str(folder)).code == 0


@pytest.mark.parametrize("path", ["../x.json", "/x.json", "a//x.json", "a/./x.json", ""])
def test_a_bundle_stays_below_its_folder(path: str) -> None:
    with pytest.raises(ValueError, match="is not one below a folder"):
        Bundle({path: b"", "main": b""}, "main")


def test_a_bundle_has_its_main_file() -> None:
    with pytest.raises(ValueError, match="the bundle has no file 'main'"):
        Bundle({"other": b""}, "main")


def test_no_plugin_can_be_called_all(install: Callable[..., Path]) -> None:
    install("penstock-nomad", "all", GOOD)
    ((code, message, _),) = refusal()
    assert (code, message) == ("P503", "penstock-nomad registers the target `all`, which is penstock's")
