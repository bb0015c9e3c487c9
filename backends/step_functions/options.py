"""Options that several commands of `step-functions` have."""

from __future__ import annotations

import click

MACHINE_NAME = click.option("--name", metavar="NAME", help="The state machine's name; the flow's if not given.")
