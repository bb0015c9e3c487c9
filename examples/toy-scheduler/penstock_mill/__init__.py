"""Mill, a made-up scheduler: its machines share a folder and work through sheets of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.backends.protocol import BackendInfo, Bundle, Choices, Compilation, Settings
from penstock_mill.capabilities import CAPABILITIES

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.differences import Description
    from penstock.compiler.diagnostics import Diagnostic
    from penstock.compiler.program import Program


class Mill:
    """The target ``mill``."""

    info = BackendInfo(
        name="mill",
        title="Mill",
        summary="A sheet of jobs for machines that share a folder.",
        capabilities=CAPABILITIES,
        commands="penstock_mill.commands:mill",
    )

    def check(self, program: Program) -> Sequence[Diagnostic]:
        """Sheets that would nest too deep, which the table of capabilities has no word for."""
        from penstock_mill.lowering import too_deep

        return list(too_deep(program))

    def lower(self, program: Program, settings: Settings) -> Bundle:
        """``sheet.json``."""
        from penstock_mill.lowering import lower

        return lower(program, settings)

    def compile(self, state: State, choices: Choices, output: str | None = None) -> Compilation:
        """Resolve the settings, check, lower.  Nothing is packed: the machines share the flow's folder too."""
        from penstock.backends.commandline import chosen_with
        from penstock.backends.protocol import gaps
        from penstock.compiler.diagnostics import Refused, has_errors
        from penstock_mill.commands import sheet_options
        from penstock_mill.settings import resolve

        program = state.program()
        settings, missing = resolve(program.name, state, chosen_with(sheet_options, state, choices))
        found = [*gaps(program, self), *missing]
        if has_errors(found):
            raise Refused(found)
        bundle = self.lower(program, settings)
        warnings = (*state.compiled().diagnostics, *found)
        return Compilation(settings.name, bundle, settings.datastore_root, None, warnings)

    def describe(self, bundle: Bundle) -> Description:
        """Each job with all that stands around it."""
        from penstock.backends.differences import described

        return described(bundle)


BACKEND = Mill()
