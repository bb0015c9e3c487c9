"""Reads an imported flow class: what its author wrote, with the place of every word of it."""

from penstock.compiler.frontend.reading import read_written
from penstock.compiler.frontend.translation import graph_of

__all__ = ["graph_of", "read_written"]
