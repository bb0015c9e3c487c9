"""The page of a flow: one file without anything from elsewhere, everything the user wrote escaped."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.cli.overview import Overview

_TEMPLATE = "page.html"


def render(view: Overview) -> str:
    """The page as HTML; the same flow gives the same text."""
    import jinja2

    from penstock import __version__
    from penstock.cli.layout import draw
    from penstock.compiler.render import render_text

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(files("penstock.cli").joinpath(_TEMPLATE).read_text(encoding="utf-8"))
    roles = {step.name: step.role or "plain" for step in view.steps}
    warnings = render_text(view.warnings) if view.warnings else ""
    return template.render(flow=view, drawing=draw(view.program), roles=roles, warnings=warnings, version=__version__)
