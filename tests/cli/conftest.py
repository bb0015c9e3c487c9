"""Commands are typed in a folder of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A user's shell in the test's folder."""
    with Shell(tmp_path) as shell:
        yield shell
