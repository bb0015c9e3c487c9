"""`penstock explain`: every code that the sources can say has a page, and every page a code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock.compiler import pages

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("compiler", "backends", "runtime_shim", "src/penstock/cli")
FILES = ("src/penstock/__main__.py", "src/penstock/__init__.py")
CODE = re.compile(r"""["'\[]([PR][1-9]\d\d)["'\]]""")


def codes_in_sources() -> dict[str, set[str]]:
    """Every code in a string literal, with the files that say it."""
    sources = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")] + [ROOT / file for file in FILES]
    found: dict[str, set[str]] = {}
    for source in sources:
        for code in CODE.findall(source.read_text(encoding="utf-8")):
            found.setdefault(code, set()).add(str(source.relative_to(ROOT)))
    return found


def test_every_code_has_a_page() -> None:
    said = codes_in_sources()
    assert len(said) > 60
    assert {code: files for code, files in said.items() if code not in pages.codes()} == {}


def test_every_page_has_a_code() -> None:
    assert set(pages.codes()) - set(codes_in_sources()) == set()


@pytest.mark.parametrize("code", pages.codes())
def test_a_page_has_a_title_an_explanation_and_advice(code: str) -> None:
    text = pages.page(code)
    assert re.match(rf"# {code}: \S.+\n\n *\S", text)
    assert len(text.splitlines()) >= 5
    assert text.endswith("\n")


def test_an_unknown_code_has_no_page() -> None:
    with pytest.raises(KeyError, match="P999"):
        pages.page("P999")
    with pytest.raises(KeyError):
        pages.page("../P101")
