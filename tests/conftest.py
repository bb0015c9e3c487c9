"""What every test may ask for.

A test with an argument ``corpus_flow`` runs once for each flow of the corpus.  Tests that want to choose import the
lists, ``from corpus_flows import CORPUS``, and flows made to size, ``from generated_flows import linear, diamonds``
(both in ``tests/kit``, which pytest's ``pythonpath`` names).

Marks: ``slow`` keeps a test out of `make test-fast`, ``interop`` is for tests that ask for ``metaflow_python``,
``scale`` and ``s3server`` run only when named.  There are no skips: what a test needs and does not find is a failure.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from corpus_flows import CORPUS
from golden import refuse_update_in_ci
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from penstock.backends.step_functions.rehearsal.engine import Engine

# The suites that ship in the package say what they compared, as a test's own assertions do.  Here and not in their
# folders: the doctests of `src` import them before those are collected.
pytest.register_assert_rewrite("penstock.backends.conformance", "penstock.runtime_shim.datastore.conformance")

# The same examples every time, however slow the machine is: a test that fails here fails everywhere.
settings.register_profile("fixed", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fixed")

ROOT = Path(__file__).resolve().parent.parent

SLOW_FOLDERS = {"cli", "client", "conformance", "local", "rehearsal"}
SLOW_FILES = {
    "test_aws_refusals.py",
    "test_containers.py",
    "test_create.py",
    "test_differences.py",
    "test_deploying.py",
    "test_generate.py",
    "test_killed.py",
    "test_s3_faults.py",
    "test_scale.py",
    "datastore/test_conformance.py",
    "datastore/test_requests.py",
    "step_functions/test_aws_tags.py",
    "step_functions/test_execution_logs.py",
    "step_functions/test_schedules.py",
}
"""Of any folder, or of one."""

collect_ignore = ["corpus"]  # flows are programs of their own, run as a user runs them


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes golden files instead of comparing with them."""
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew; look at the difference")


def pytest_configure(config: pytest.Config) -> None:
    """A build server compares, and never writes what it compares with."""
    refuse_update_in_ci(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole folders and files start processes or servers for nearly every test."""
    for item in items:
        folder, name = item.path.parent.name, item.path.name
        if folder in SLOW_FOLDERS or {name, f"{folder}/{name}"} & SLOW_FILES:
            item.add_marker(pytest.mark.slow)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per flow where ``corpus_flow`` is asked for."""
    if "corpus_flow" in metafunc.fixturenames:
        metafunc.parametrize("corpus_flow", CORPUS, ids=[flow.name for flow in CORPUS])


@pytest.fixture(scope="session", autouse=True)
def _temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests, and all that they start, leave among the temporary files goes with the tests.  The folder's path is
    short, as sockets may stand in it; pytest's own stays, for a look at what failed.
    """
    tmp_path_factory.getbasetemp()
    with (
        tempfile.TemporaryDirectory(prefix="penstock-tests-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture
def flow_file(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a flow file into the test's folder: ``flow_file(source, "name.py")``."""

    def write(source: str, name: str = "flow.py") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
        return file

    return write


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The embedded AWS, one for the whole session: starting it takes two seconds, and rehearsals may share it."""
    from penstock.backends.step_functions.rehearsal.engine import Engine

    with Engine(grace_seconds=2) as running:
        yield running


@pytest.fixture(scope="session")
def metaflow_python() -> Path:
    """The interpreter of the environment that holds Metaflow: ``METAFLOW_PYTHON``, or what `make` built."""
    python = Path(os.environ.get("METAFLOW_PYTHON") or ROOT / ".venv-metaflow" / "bin" / "python")
    if not python.exists():
        pytest.fail(f"{python} does not exist: `make env-metaflow` builds it, METAFLOW_PYTHON names another")
    return python
