"""Where the measured programs run: two Pythons, one folder each, the same flow text for both."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from measuring import Command

PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")


@dataclass(frozen=True)
class Program:
    """One of the two: ``module`` is what flow files import from."""

    name: str
    module: str
    python: Path
    folder: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    def flow(self, source: str, name: str) -> Path:
        """Write a flow file for this program."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / name
        file.write_text(source.replace("from penstock import", f"from {self.module} import"), encoding="utf-8")
        return file

    def command(self, file: Path, *arguments: str, **extra: str) -> Command:
        """``python flow.py …`` in the program's folder, in an environment with nothing of the caller's in it."""
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {
            "METAFLOW_USER": "bench",
            "METAFLOW_HOME": str(self.folder / "no-configuration"),
            "PYTHONUTF8": "1",
            **self.extra,
            **extra,
        }
        return Command([str(self.python), str(file), *arguments], self.folder, environment)


@dataclass(frozen=True)
class Workbench:
    """Both programs; ``full`` asks for the sizes of the design instead of those that take a few minutes."""

    penstock: Program
    metaflow: Program
    full: bool
