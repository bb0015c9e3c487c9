"""From options and configuration to what a sheet depends on besides the flow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from penstock.backends.flow_package import deploying_user
from penstock.backends.protocol import Choices, Settings
from penstock.compiler.diagnostics import Diagnostic

if TYPE_CHECKING:
    from penstock.backends.commandline import State

FOLDER = "METAFLOW_DATASTORE_SYSROOT_LOCAL"
"""The configuration key of the folder that all machines of Mill see under one name."""


def resolve(flow: str, state: State, choices: Choices) -> tuple[Settings, list[Diagnostic]]:
    """The settings, gaps left empty, and what is wrong with them: all of it, so that it can be told at once."""
    shared = state.configuration.get(FOLDER)
    *alias, script = state.entry
    settings = Settings(
        datastore_root=choices.datastore_root or (f"{shared}/.metaflow" if shared else ""),
        name=flow,
        entry=(*alias, os.path.basename(script)),
        tags=choices.tags,
        user=deploying_user(state),
        max_workers=choices.max_workers,
    )
    return settings, list(_problems(settings))


def _problems(settings: Settings) -> Iterator[Diagnostic]:
    if not settings.datastore_root:
        message = "no folder is configured in which Mill's machines store artifacts"
        yield Diagnostic("P530", message, help=f"give --datastore-root, or set {FOLDER} to a folder that they share")
    for text in (settings.datastore_root, *settings.tags):
        if "{" in text:
            message = f"{text!r} holds a brace, and Mill would take what follows for one of its own names"
            yield Diagnostic("P532", message, help="choose another name")
