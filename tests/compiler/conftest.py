"""What the tests of the compiler may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from compiler_flows import flow_from_text, forget

from penstock.runtime_shim.flowspec import FlowSpec

collect_ignore = ["mistakes", "flows"]  # programs with mistakes, read by tests


@pytest.fixture
def flow_from() -> Iterator[Callable[..., type[FlowSpec]]]:
    """``flow_from(source, path="<flow>")``: the flow class in a text, whose source is known as that of a notebook."""
    yield flow_from_text
    forget()
