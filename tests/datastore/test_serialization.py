"""Artifacts as pickles: Metaflow's names, Metaflow's bytes, and sentences for what cannot be stored or read."""

from __future__ import annotations

import array
import copy
import pickle
import subprocess
import sys
import threading
import types
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.runtime_shim.frames import ForeachFrame
from penstock.runtime_shim.serialization import BrokenArtifact, UnknownClass, Unpicklable, dumps, loads
from penstock.runtime_shim.wrapped_exceptions import MetaflowExceptionWrapper

FRAME = ForeachFrame("work", "xs", 4, 2)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=20,
)


class Opaque:
    """A class of the user's that refuses."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


class Explodes:
    def __reduce__(self) -> Any:
        return _explode, ()


def _explode() -> None:
    raise RuntimeError("not today")


@given(PLAIN)
def test_the_bytes_are_those_of_metaflow(value: object) -> None:
    assert dumps(value) == pickle.dumps(value, protocol=4)
    assert loads(dumps(value)) == value


def test_big_values_are_the_same_bytes_too() -> None:
    value = {"a": b"x" * 200_000, "b": array.array("d", range(50_000)), "c": "y" * 70_000}
    assert dumps(value) == pickle.dumps(value, protocol=4)


def test_a_frame_is_stored_under_metaflows_name_with_four_fields() -> None:
    data = dumps([FRAME])
    assert b"metaflow.task" in data
    assert b"penstock" not in data
    assert loads(data) == [FRAME]
    assert type(loads(data)[0]) is ForeachFrame


def test_a_frame_deep_in_a_users_artifact_is_stored_alike() -> None:
    value = {"stack": [FRAME, FRAME], "others": [array.array("i", [1]), {1, 2}, types.SimpleNamespace(a=FRAME)]}
    data = dumps(value)
    assert b"penstock" not in data
    assert loads(data) == value


def test_copying_a_frame_is_not_disturbed() -> None:
    assert copy.deepcopy(FRAME) == FRAME


def test_nothing_of_metaflow_is_imported() -> None:
    code = (
        "import sys; from penstock.runtime_shim.serialization import dumps, loads;"
        "from penstock.runtime_shim.frames import ForeachFrame;"
        "loads(dumps([ForeachFrame('a', 'b', 1, 0)]));"
        "print([name for name in sys.modules if name.startswith('metaflow')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("module", ["metaflow.task", "metaflow.tuple_util", "__main__"])
@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("fields", [4, 5])
def test_frames_of_any_metaflow_become_ours(module: str, protocol: int, fields: int, monkeypatch: Any) -> None:
    names = ["step", "var", "num_splits", "index", "value"][:fields]
    theirs = namedtuple("ForeachFrame", names)  # type: ignore[misc]  # four fields in 2.0, five since
    theirs.__module__ = module
    for part in ("metaflow", module):
        monkeypatch.setitem(sys.modules, part, sys.modules.get(part) or types.ModuleType(part))
    home = sys.modules[module]
    monkeypatch.setattr(home, "ForeachFrame", theirs, raising=False)
    data = pickle.dumps([theirs(*["work", "xs", 4, 2, "c"][:fields])], protocol)
    monkeypatch.undo()
    found = loads(data)
    assert found == [FRAME]
    assert type(found[0]) is ForeachFrame


def test_a_flows_own_class_of_that_name_stays_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = type("ForeachFrame", (), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "ForeachFrame", own, raising=False)
    assert type(loads(dumps(own()))) is own


def test_a_wrapped_exception_is_stored_under_metaflows_name() -> None:
    try:
        raise ValueError("too small")
    except ValueError as error:
        wrapped = MetaflowExceptionWrapper(error)
    data = dumps(wrapped)
    assert b"metaflow.exception" in data
    assert b"penstock" not in data
    found = loads(data)
    assert (found.type, found.exception) == ("builtins.ValueError", "too small")
    assert str(found).endswith("ValueError: too small\n")


def test_a_wrapped_exception_without_a_stacktrace_says_what_it_knows() -> None:
    assert repr(loads(dumps(MetaflowExceptionWrapper(KeyError("k"))))) == "[no stacktrace]\nbuiltins.KeyError: 'k'"


@pytest.mark.interop
def test_metaflow_reads_our_frames_and_exceptions(metaflow_python: Path, tmp_path: Path) -> None:
    (tmp_path / "stack").write_bytes(dumps([FRAME]))
    (tmp_path / "exception").write_bytes(dumps(MetaflowExceptionWrapper(ValueError("too small"))))
    code = (
        "import pickle, metaflow.client\n"
        "frame, = pickle.load(open('stack', 'rb'))\n"
        "print(type(frame).__name__, frame.step, frame.var, frame.num_splits, frame.index, frame.value)\n"
        "wrapped = pickle.load(open('exception', 'rb'))\n"
        "print(type(wrapped).__module__, wrapped)\n"
    )
    done = subprocess.run([metaflow_python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "ForeachFrame work xs 4 2 None\nmetaflow.exception [no stacktrace]\nbuiltins.ValueError: too small\n"
    )


def test_a_lock_cannot_be_stored() -> None:
    with pytest.raises(Unpicklable) as caught:
        dumps(Opaque(), "holder")
    assert str(caught.value) == (
        f"error[R165]: the artifact `holder` of type {__name__}.Opaque cannot be stored:"
        " cannot pickle '_thread.lock' object\n"
        "  = help: keep it in a local variable, or store what it is made from"
    )


def test_a_lambda_cannot_be_stored_beside_a_frame() -> None:
    with pytest.raises(Unpicklable, match=r"the artifact `f` of type builtins.list cannot be stored"):
        dumps([FRAME, lambda: 1], "f")


def test_a_value_that_contains_itself_too_deep_cannot_be_stored() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Unpicklable, match=r"the artifact `deep` of type builtins.list cannot be stored: .*recursion"):
        dumps(deep, "deep")


def test_a_module_that_is_not_installed_is_named() -> None:
    data = b"\x80\x04\x8c\x07nowhere\x8c\x05Model\x93)\x81."
    with pytest.raises(UnknownClass) as caught:
        loads(data, "Train/1/fit/t/model")
    assert str(caught.value) == (
        "error[R119]: the artifact Train/1/fit/t/model cannot be read: it needs `nowhere.Model`, which is not here"
        " (No module named 'nowhere')\n"
        "  = help: install it where this runs"
    )


def test_a_class_that_is_gone_is_named() -> None:
    data = b"\x80\x04\x8c\x05types\x8c\x05Model\x93)\x81."
    with pytest.raises(UnknownClass) as caught:
        loads(data, "Train/1/fit/t/model")
    assert "it needs `types.Model`, which is not here" in str(caught.value)
    assert str(caught.value).endswith("  = help: its module has changed since it was stored")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "EOFError: Ran out of input"),
        (b"\x80\x04", "EOFError: Ran out of input"),
        (b"no pickle", "UnpicklingError: "),
        (dumps("x" * 100)[:50], "UnpicklingError: pickle data was truncated"),
        (pickle.dumps(Explodes()), "RuntimeError: not today"),
    ],
)
def test_a_broken_pickle_is_one_sentence(data: bytes, why: str) -> None:
    with pytest.raises(BrokenArtifact) as caught:
        loads(data, "F/1/a/t/x")
    assert str(caught.value).startswith(f"error[R118]: the artifact F/1/a/t/x cannot be read: {why}")
    assert str(caught.value).endswith("\n  = help: run the step that made it again")
