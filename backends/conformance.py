"""What every backend must pass.  A backend's own test is a subclass::

    class TestMine(BackendConformance):
        backend = MY_BACKEND
        cases = [FlowCase("linear", Path("linear.py"), "LinearFlow"), …]
        environment = {"METAFLOW_DATASTORE_SYSROOT_S3": "s3://bucket/prefix"}  # in which a flow compiles

        def settings(self, program): …           # fixed, so that the bytes are
        def schema_problems(self, bundle): …     # by the target's own rules
        def step_counts(self, bundle): …         # how often the document runs each step
        def rehearse(self, case, folder): …      # on the target's engine, into a local datastore

Flows are given as files; each is run locally once and rehearsed once.  The backend is registered, so that `penstock
compile` finds it.  pytest is imported here alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from penstock.backends.differences import differences as changes
from penstock.backends.protocol import Backend, Bundle, gaps
from penstock.backends.run_comparison import StoredRun, differences
from penstock.compiler.capabilities import Feature, Level, demands
from penstock.compiler.diagnostics import Diagnostic, Severity
from penstock.compiler.pipeline import demand_program
from penstock.compiler.program import Program

HASH_SEEDS = ("0", "1", "424242")
_RUN_SECONDS = 300
_COMPILED = 3
"""So many flows are compiled as a user does it, all in one command."""
OFFLINE = """
import os, sys
def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo") or (event == "open" and ".aws" in str(args[0])):
        os.write(2, f"{event} {args}".encode())
        os._exit(77)
sys.addaudithook(watch)
"""
"""A `sitecustomize` that ends a process which asks a network, or looks for credentials."""


@dataclass(frozen=True)
class FlowCase:
    """A flow to hold a backend to: the class ``flow`` of ``file``, run with ``parameters`` (values, by name).

    ``fails_at`` is the ``step/task`` whose code raises, None where the run succeeds.
    """

    name: str
    file: Path
    flow: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    fails_at: str | None = None

    @property
    def arguments(self) -> list[str]:
        """The parameters as options of a command, one argument each."""
        return [f"--{name}={_as_text(value)}" for name, value in self.parameters.items()]

    def load(self) -> type:
        """The flow's class, from its file."""
        name = f"penstock_conformance_{self.file.stem}"
        spec = importlib.util.spec_from_file_location(name, self.file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{self.file} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        sys.path.insert(0, str(self.file.parent))
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(self.file.parent))
        loaded: type = getattr(module, self.flow)
        return loaded


class BackendConformance:
    """Tests for one backend; see the module's text for what a subclass gives.

    ``soon`` names the flows that are rehearsed each time, None for all: the others' rehearsals bear the mark ``scale``.
    """

    backend: ClassVar[Backend[Any]]
    cases: ClassVar[Sequence[FlowCase]]
    soon: ClassVar[Sequence[str] | None] = None
    environment: ClassVar[Mapping[str, str]] = {"METAFLOW_DATASTORE_SYSROOT_S3": "s3://penstock-conformance/metaflow"}

    def settings(self, program: Program) -> Any:
        """Settings for :meth:`Backend.lower` that depend on the program alone."""
        raise NotImplementedError

    def schema_problems(self, bundle: Bundle) -> list[str]:
        """What the target's own rules find wrong with the bundle."""
        raise NotImplementedError

    def step_counts(self, bundle: Bundle) -> Counter[str]:
        """How many tasks of the document run each step."""
        raise NotImplementedError

    def rehearse(self, case: FlowCase, folder: Path) -> StoredRun:
        """Run the compiled flow on the target's engine; the run as it stands in a local datastore below ``folder``."""
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test per flow where ``case`` is asked for; most ask for flows that compile, one whether they do."""
        if "case" not in metafunc.fixturenames:
            return
        name = metafunc.function.__name__
        cases = self.cases if name == self.test_it_lowers_exactly_what_check_passes.__name__ else self.compiling()
        rehearses = name == self.test_the_rehearsed_run_is_the_local_one.__name__
        soon = self.soon if rehearses and self.soon is not None else [case.name for case in cases]
        marks = {case.name: () if case.name in soon else pytest.mark.scale for case in cases}
        metafunc.parametrize("case", [pytest.param(case, id=case.name, marks=marks[case.name]) for case in cases])

    @classmethod
    def compiling(cls) -> list[FlowCase]:
        """The flows that the target declares it can run."""
        return [case for case in cls.cases if not cls._gaps(demand_program(case.load()))]

    @classmethod
    def _gaps(cls, program: Program) -> list[Diagnostic]:
        return [gap for gap in gaps(program, cls.backend) if gap.severity is Severity.ERROR]

    def test_the_backend_answers_every_feature(self) -> None:
        for feature in Feature:
            support = self.backend.info.capabilities.support[feature]
            assert support.level in Level
            assert support.sentence.strip().endswith("."), f"{feature.name}: one sentence for the user is needed"

    def test_its_commands_can_be_imported(self) -> None:
        module, _, attribute = self.backend.info.commands.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute))

    def test_it_lowers_exactly_what_check_passes(self, case: FlowCase) -> None:
        program = demand_program(case.load())
        capabilities = self.backend.info.capabilities
        own = [gap for gap in self.backend.check(program) if gap.severity is Severity.ERROR]
        found = self._gaps(program)
        unusable = {feature.name for feature, _ in demands(program) if not capabilities.support[feature].usable}
        if found:
            assert unusable or own or any(gap.code.startswith("P4") for gap in found)
            return
        assert unusable <= {Feature.EMPTY_FOREACH.name}
        bundle = self.backend.lower(program, self.settings(program))
        assert bundle.files[bundle.main]
        assert self.backend.lower(program, self.settings(program)) == bundle

    def test_the_document_is_one_that_the_target_takes(self, case: FlowCase) -> None:
        assert self.schema_problems(self._lowered(case)) == []

    def test_every_step_is_one_task(self, case: FlowCase) -> None:
        program = demand_program(case.load())
        counts = self.step_counts(self.backend.lower(program, self.settings(program)))
        assert counts == Counter(list(program.graph.steps))

    def test_a_bundle_can_be_described(self, case: FlowCase) -> None:
        bundle = self._lowered(case)
        description = self.backend.describe(bundle)
        assert any(fields for things in description.values() for fields in things.values())
        assert changes(description, self.backend.describe(bundle)) == []

    def test_descriptions_tell_flows_apart(self) -> None:
        one, other = (self.backend.describe(self._lowered(case)) for case in self.compiling()[:2])
        assert changes(one, other)

    def test_a_bundle_of_another_kind_is_described_or_refused(self) -> None:
        with contextlib.suppress(ValueError):
            self.backend.describe(Bundle({"other.txt": b"\x00other"}, "other.txt"))

    @pytest.mark.slow
    def test_penstock_compile_writes_what_the_target_takes(self, tmp_path: Path) -> None:
        cases = self.compiling()[:_COMPILED]
        name = self.backend.info.name
        (tmp_path / "guard").mkdir()
        (tmp_path / "guard" / "sitecustomize.py").write_text(OFFLINE, encoding="utf-8")
        argv = ["compile", *(str(case.file) for case in cases), f"--target={name}", "-o", "out", "--format=json"]
        environment = {**_unconfigured(tmp_path), **self.environment}
        environment["PYTHONPATH"] = f"{tmp_path / 'guard'}{os.pathsep}{environment['PYTHONPATH']}"
        done = _python(["-m", "penstock", *argv], tmp_path, environment)
        assert done.returncode == 0, done.stderr
        for case, flow in zip(cases, json.loads(done.stdout)["flows"], strict=True):
            target = flow["targets"][name]
            folder = tmp_path / target["folder"]
            files = {path: (folder / path).read_bytes() for path in target["files"]}
            bundle = Bundle(files, self._lowered(case).main)
            assert (flow["flow"], set(files)) == (case.flow, set(self._lowered(case).files))
            assert self.schema_problems(bundle) == []
            assert changes(self.backend.describe(bundle), self.backend.describe(bundle)) == []

    @pytest.mark.slow
    def test_hash_seeds_do_not_show(self) -> None:
        digests = [self._digests_in_a_process(seed) for seed in HASH_SEEDS]
        assert len(digests[0]) == len(self.compiling())
        assert digests[1:] == digests[:1] * (len(HASH_SEEDS) - 1)

    @pytest.mark.slow
    def test_the_rehearsed_run_is_the_local_one(
        self, case: FlowCase, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        local = local_run(case, tmp_path_factory)
        rehearsed = self.rehearse(case, tmp_path / "rehearsed")
        assert differences(local, rehearsed, case.fails_at) == []

    def digests(self) -> dict[str, str]:
        """The sha256 of every bundle, by flow and file."""
        return {
            case.name: hashlib.sha256(
                b"".join(path.encode() + data for path, data in sorted(self._lowered(case).files.items()))
            ).hexdigest()
            for case in self.compiling()
        }

    def _lowered(self, case: FlowCase) -> Bundle:
        program = demand_program(case.load())
        return self.backend.lower(program, self.settings(program))

    def _digests_in_a_process(self, seed: str) -> Any:
        file, name = inspect.getfile(type(self)), type(self).__qualname__
        script = (
            "import importlib.util, json, sys\n"
            f"spec = importlib.util.spec_from_file_location('conformance_case', {file!r})\n"
            "module = importlib.util.module_from_spec(spec)\n"
            "spec.loader.exec_module(module)\n"
            f"print(json.dumps(module.{name}().digests()))"
        )
        done = _python(["-c", script], None, {**_unconfigured(Path("/no-profiles")), "PYTHONHASHSEED": seed})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def local_run(case: FlowCase, folders: pytest.TempPathFactory) -> StoredRun:
    """The local run of a flow: made when it is first asked for, and shared by all targets held to it in one session."""
    base = folders.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    parameters = hashlib.sha256(repr(case).encode()).hexdigest()[:16]
    shared = base / "local-runs" / f"{case.name}-{parameters}"
    if not shared.exists():
        run = run_locally(case, folders.mktemp("local-run") / case.name)
        shared.parent.mkdir(exist_ok=True)
        # Another worker may have been faster: both runs are as good.
        with contextlib.suppress(OSError):
            os.rename(Path(run.root).parent, shared)
    run_id = (shared / "run").read_text(encoding="utf-8").strip()
    return StoredRun(str(shared / ".metaflow"), case.flow, run_id)


def run_locally(case: FlowCase, folder: Path) -> StoredRun:
    """Run a flow with the local backend, as a user does, into a datastore of its own."""
    folder.mkdir(parents=True)
    root = folder / ".metaflow"
    argv = [str(case.file), f"--datastore-root={root}", "run", "--run-id-file=run", "--max-num-splits=100000"]
    done = _python([*argv, *case.arguments], folder, _unconfigured(folder))
    assert done.returncode == (1 if case.fails_at else 0), done.stderr
    return StoredRun(str(root), case.flow, (folder / "run").read_text(encoding="utf-8").strip())


def _unconfigured(home: Path) -> dict[str, str]:
    """The environment of a user without configuration, whose folder of profiles would be ``home``."""
    ours = ("METAFLOW_", "PENSTOCK_", "AWS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = os.pathsep.join(entry for entry in sys.path if entry)  # where the backend is, if it is not installed
    return {**kept, "PYTHONPATH": path, "METAFLOW_HOME": str(home), "METAFLOW_USER": "conformance"}


def _python(
    arguments: Sequence[str], folder: Path | None, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_RUN_SECONDS,
        check=False,
    )


def _as_text(value: object) -> str:
    return json.dumps(value) if value is None or isinstance(value, (dict, list)) else str(value)
