"""YAML as parsers on Kubernetes read it: the same bytes with and without libyaml."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

_NEVER_FOLDED = 2**31 - 1
_OF_OTHERS = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?$|[-+]?0o[0-7_]+$|[yYnN]$")
"""Texts that PyYAML leaves bare, and parsers in Go read as numbers and truth values."""


def _text(dumper: Any, text: str) -> Any:
    """A text of several lines, the program in an executor, as a block that can be read."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


def _dumper(base: Any) -> Any:
    """A dumper without aliases, which not every parser takes."""
    made = type("DocumentDumper", (base,), {"ignore_aliases": lambda self, data: True})
    made.add_representer(str, _text)  # type: ignore[attr-defined]  # every dumper of PyYAML has it
    made.add_implicit_resolver(  # type: ignore[attr-defined]  # as above
        "tag:yaml.org,2002:float", _OF_OTHERS, [*"-+.0123456789yYnN"]
    )
    return made


_PURE = _dumper(yaml.SafeDumper)
_FAST = _dumper(yaml.CSafeDumper) if hasattr(yaml, "CSafeDumper") else _PURE


def dump(documents: Iterable[object], *, pure: bool = False) -> bytes:
    """Documents of dicts, lists and scalars, keys sorted; ``pure`` does without libyaml."""
    data: bytes = yaml.dump_all(
        documents,
        Dumper=_PURE if pure else _FAST,
        default_flow_style=False,
        sort_keys=True,
        width=_NEVER_FOLDED,
        allow_unicode=False,
        encoding="utf-8",
    )
    return data
