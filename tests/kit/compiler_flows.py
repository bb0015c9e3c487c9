"""Flow classes from files and from text, imported in this process; and graphs made without any source."""

from __future__ import annotations

import importlib.util
import linecache
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.spans import Span
from penstock.compiler.steps import Step, Stop, Transition
from penstock.runtime_shim.flowspec import FlowSpec

_numbers = count()
_texts: set[str] = set()


def load_file(file: Path) -> type[FlowSpec]:
    """The flow of a file, imported afresh under a name that nothing else uses."""
    name = f"flow_under_test_{next(_numbers)}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return _last_flow(vars(module))


def flow_from_text(source: str, path: str = "<flow>") -> type[FlowSpec]:
    """The flow in ``source``; its text is known to ``linecache``, as that of a notebook's cell is."""
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    _texts.add(path)
    namespace: dict[str, object] = {"__name__": f"flow_under_test_{next(_numbers)}"}
    exec(compile(source, path, "exec"), namespace)
    return _last_flow(namespace)


def forget() -> None:
    """Forget the texts of :func:`flow_from_text`."""
    while _texts:
        linecache.cache.pop(_texts.pop(), None)


def graph_from(transitions: Mapping[str, Transition], joins: frozenset[str] = frozenset()) -> FlowGraph:
    """A graph with these transitions; steps stand on lines of their own in ``flow.py``, `end` is added."""
    steps = []
    for number, (name, transition) in enumerate({**transitions, "end": Stop()}.items(), 1):
        span = Span("flow.py", number, 1, number, 2)
        steps.append(Step(name, transition, name in joins, span, span))
    return FlowGraph("TextFlow", steps, span=Span("flow.py", 1, 1, 1, 2))


def _last_flow(namespace: Mapping[str, object]) -> type[FlowSpec]:
    found = [value for value in namespace.values() if isinstance(value, type) and issubclass(value, FlowSpec)]
    return [flow for flow in found if flow is not FlowSpec][-1]
