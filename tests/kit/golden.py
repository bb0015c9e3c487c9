"""Golden files: bytes that were looked at once and must stay, until `pytest --update-golden` writes them anew."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "golden"


@dataclass
class Golden:
    """The golden files of one folder; ``update`` writes instead of comparing."""

    folder: Path
    update: bool = False

    def check(self, name: str, data: bytes) -> None:
        """``data`` is what the file ``name`` holds.

        Raises AssertionError with a diff where it is not, or where there is no such file.
        """
        file = self.folder / name
        if self.update:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            return
        assert file.exists(), f"{file} is missing: look at the output, then `pytest --update-golden`"
        wanted = file.read_bytes()
        if data == wanted:
            return
        old, new = (text.decode(errors="backslashreplace").splitlines(keepends=True) for text in (wanted, data))
        diff = "".join(difflib.unified_diff(old, new, fromfile=str(file), tofile="now"))
        raise AssertionError(f"{file} is not what comes out:\n{diff or 'the ends of lines differ'}")

    def check_names(self, names: set[str]) -> None:
        """The folder holds these files and no others; others are removed with ``update``.

        Raises AssertionError naming the orphans.
        """
        there = {str(file.relative_to(self.folder)) for file in self.folder.rglob("*") if file.is_file()}
        orphans = sorted(there - names)
        if self.update:
            for name in orphans:
                (self.folder / name).unlink()
            return
        assert orphans == [], (
            f"golden files of nothing in {self.folder}: {orphans}; `pytest --update-golden` removes them"
        )


def refuse_update_in_ci(config: pytest.Config) -> None:
    """A build server compares, and never writes what it compares with.

    Raises pytest.UsageError.
    """
    if config.getoption("--update-golden") and os.environ.get("CI"):
        raise pytest.UsageError("--update-golden is refused where CI is set")
