"""Commands are typed in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A user's shell in the test's folder."""
    return Shell(tmp_path)
