"""Flows of these tests, compiled for Argo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from argo_target import fixed_settings, objects_of, schema_problems
from compiler_flows import load_file

from penstock.backends.argo import BACKEND
from penstock.compiler.pipeline import demand_program

Manifests = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def manifests(flow_file: Callable[..., Path]) -> Manifests:
    """The objects of the flow with this body, sound by Argo's models and rules: ``manifests(body, on="@schedule…")``.

    Keywords are fields of the settings.
    """

    def compiled(body: str, *, on: str = "", **settings: Any) -> list[dict[str, Any]]:
        source = f"from penstock import *\n{on}\nclass TheFlow(FlowSpec):\n{body}"
        program = demand_program(load_file(flow_file(source)))
        objects = objects_of(BACKEND.lower(program, replace(fixed_settings(program), **settings)))
        assert schema_problems(objects) == []
        return objects

    return compiled
