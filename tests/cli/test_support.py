"""`penstock support`: the matrix, from what the backends declare."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Outcome
from many_flows import run_penstock

from penstock.backends.registry import BUILT_IN, infos
from penstock.compiler.capabilities import Feature

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def penstock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Callable[..., Outcome]:
    """`penstock ARGV…`."""
    return run_penstock(tmp_path, monkeypatch, capfd)


def test_a_row_for_every_feature_and_a_column_for_every_target(penstock: Callable[..., Outcome]) -> None:
    lines = penstock("support").out.splitlines()
    assert lines[0].split() == list(infos())
    assert [line.split("  ")[0] for line in lines[1:]] == [feature.value for feature in Feature]
    loops = dict(zip(infos(), lines[1 + list(Feature).index(Feature.LOOP)].split()[1:], strict=True))
    assert (loops["local"], loops["step-functions"], loops["kfp"]) == ("yes", "yes", "never")


def test_markdown_is_the_page_of_the_documentation(penstock: Callable[..., Outcome]) -> None:
    page = (ROOT / "docs" / "targets.md").read_text(encoding="utf-8")
    assert page.endswith(penstock("support", *(f"--target={name}" for name in BUILT_IN), "--format=markdown").out)


def test_json_has_levels_sentences_and_limits(penstock: Callable[..., Outcome]) -> None:
    document = json.loads(penstock("support", "--target=all", "--format=json").out)
    assert set(document) == {name for name, info in infos().items() if info.scheduler}
    loops = document["kfp"]["features"]["loops"]
    assert loops == {"level": "never", "sentence": "A pipeline has no way back to an earlier task."}
    assert (
        document["step-functions"]["limits"]["name_length"] == infos()["step-functions"].capabilities.limits.name_length
    )
    assert "batch" in document["kfp"]["ignored"]
