"""A click group that knows its commands by name and one line, and imports one when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, cast

import click


@dataclass(frozen=True, slots=True)
class Entry:
    """``target`` is ``module:attribute`` of the click command, ``summary`` its line in the list below ``section``."""

    target: str
    summary: str
    section: str = "Commands"
    hidden: bool = False


class LazyGroup(click.Group):
    """Commands are loaded when invoked; `--help` lists them without importing any."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._entries = entries

    def entries(self) -> Mapping[str, Entry]:
        """The commands by name, in the order of presentation."""
        return self._entries

    def find(self, name: str) -> Entry | None:
        """The command of that name, or None."""
        return self.entries().get(name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, hidden ones included, in the order of presentation."""
        return list(self.entries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and give the command of that name, or None."""
        entry = self.find(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        return cast("click.Command", getattr(import_module(module), attribute))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click, but a command that does not exist gets the one that may have been meant."""
        name = args[0]
        if not name.startswith("-") and self.find(name) is None:
            close = get_close_matches(name, [n for n, e in self.entries().items() if not e.hidden], n=1)
            meant = f" Did you mean '{close[0]}'?" if close else ""
            raise click.UsageError(f"No such command '{name}'.{meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help, by sections."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, entry in self.entries().items():
            if not entry.hidden:
                sections.setdefault(entry.section, []).append((name, entry.summary))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)
