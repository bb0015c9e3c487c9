"""The page of every diagnostic code, as `penstock explain` prints it."""

from __future__ import annotations

from importlib.resources import files

_FOLDER = files("penstock.compiler") / "pages"


def codes() -> tuple[str, ...]:
    """Every code that has a page, sorted."""
    names = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".md") for name in names if name.endswith(".md")))


def page(code: str) -> str:
    """The page of ``code`` in Markdown; its first line is ``# CODE: title``.

    Raises KeyError for a code that has none.
    """
    if code not in codes():
        raise KeyError(code)
    return (_FOLDER / f"{code}.md").read_text(encoding="utf-8")
