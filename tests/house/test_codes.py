"""Every code that the program can say has a page, and every page a code."""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path

import pytest

from penstock.compiler import pages

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"[PR][1-9]\d\d\Z")


def spoken_codes() -> dict[str, str]:
    """Each code that stands in the sources as a string of its own, with a file that says it."""
    found: dict[str, str] = {}
    for top in ("src/penstock", "compiler", "backends", "runtime_shim"):
        for folder, _, names in os.walk(ROOT / top):
            for name in names:
                if name.endswith(".py"):
                    file = Path(folder, name)
                    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.match(node.value):
                            found[node.value] = file.relative_to(ROOT).as_posix()
    return found


def test_codes_and_pages_are_the_same() -> None:
    spoken = spoken_codes()
    missing = {code: file for code, file in spoken.items() if code not in pages.codes()}
    unused = set(pages.codes()) - set(spoken)
    assert (missing, unused) == ({}, set())


@pytest.mark.parametrize("code", pages.codes())
def test_a_page_says_what_to_do(code: str) -> None:
    lines = pages.page(code).rstrip().splitlines()
    assert re.match(rf"# {code}: \S.*[^.]$", lines[0]), lines[0]
    assert 6 <= len(lines) <= 40, len(lines)


@cache
def words_of_the_tests() -> str:
    """What stands in the tests and their goldens, this file left out."""
    kinds = {".py", ".txt", ".json"}
    files = [file for file in sorted((ROOT / "tests").rglob("*")) if file.suffix in kinds and file != Path(__file__)]
    return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)


@pytest.mark.parametrize("code", pages.codes())
def test_every_code_has_a_test(code: str) -> None:
    assert code in words_of_the_tests()
