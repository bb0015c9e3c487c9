"""What a command of a flow can ask for; each thing is made when first asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from penstock.runtime_shim.options import Options

if TYPE_CHECKING:
    from penstock.compiler.pipeline import Compiled
    from penstock.compiler.program import Program
    from penstock.runtime_shim.configuration import Configuration
    from penstock.runtime_shim.datastore.protocol import Datastore


class CliState:
    """The click context's ``obj``: a :class:`penstock.backends.commandline.State`.

    ``entry`` is how the flow file is run, as arguments after the interpreter; ``options`` those before the command.
    """

    def __init__(self, flow_class: type[Any], entry: tuple[str, ...], options: Options | None = None) -> None:
        self.flow_class = flow_class
        self.entry = entry
        self.options = options or Options()
        self._added_decospecs: tuple[str, ...] = ()

    @cached_property
    def configuration(self) -> Configuration:
        """Environment and profile.

        Raises Failure for a profile that cannot be read.
        """
        from penstock.runtime_shim.configuration import Configuration

        return Configuration.load()

    @cached_property
    def _compiled(self) -> Compiled:
        from penstock.compiler.pipeline import compile_flow

        return compile_flow(self.flow_class, decospecs=(*self.options.decospecs, *self._added_decospecs))

    def add_decospecs(self, decospecs: Sequence[str]) -> None:
        """Take the `--with` of a command, besides those before it; before anything is compiled."""
        self._added_decospecs += tuple(decospecs)

    def compiled(self) -> Compiled:
        """The flow, compiled once, with everything there is to say about it."""
        return self._compiled

    def program(self) -> Program:
        """The compiled flow.

        Raises Refused when it has errors.
        """
        from penstock.compiler.diagnostics import Refused

        if self._compiled.program is None:
            raise Refused(self._compiled.diagnostics)
        return self._compiled.program

    @cached_property
    def _datastore(self) -> Datastore:
        from penstock.runtime_shim.datastore.opening import open_datastore

        kind = self.options.datastore or self.configuration.get("METAFLOW_DEFAULT_DATASTORE") or "local"
        return open_datastore(kind, self.options.datastore_root, self.configuration)

    def datastore(self) -> Datastore:
        """The configured store, opened once.

        Raises Failure when it cannot be opened.
        """
        return self._datastore


def flow_entry(script: str) -> tuple[str, ...]:
    """How this process's flow file is run: ``("flow.py",)``, or ``("-m", "penstock", "flow.py")`` where the name
    `metaflow` stands for penstock.
    """
    relative = os.path.relpath(script)
    shown = script if relative.startswith("..") else relative
    alias = sys.modules.get("metaflow")
    return ("-m", "penstock", shown) if alias is not None and alias is sys.modules["penstock"] else (shown,)
