"""`penstock …`, and `python -m penstock flow.py …`, which runs a file that imports `metaflow` unchanged."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Entry point of the `penstock` script: run a flow file if the first argument is one, else one of its own commands.

    A container that has only the shim runs flow files with it, so nothing of the command line is imported for those.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0].endswith(".py"):
        from penstock.runtime_shim.aliasing import run_file

        sys.exit(run_file(arguments[0], arguments[1:]))
    from penstock.cli import run_click
    from penstock.cli.root import penstock_group

    sys.exit(run_click(penstock_group(), arguments, program_name="penstock"))


if __name__ == "__main__":
    main()
